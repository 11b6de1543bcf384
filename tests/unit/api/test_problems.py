"""Errors of the framework and of ours: one shape, and nothing of the request in it."""

import json
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query
from pydantic import Field

from nightdrop.api import schema
from nightdrop.api.problems import install_handlers
from nightdrop.api.schema import In
from nightdrop.core import errors

NEEDLE = "needle-52c8e0ab"
JSON = {"content-type": "application/json"}


class Inner(In):
    sort_of: int = 0


class Sample(In):
    name: str
    number: int = 0
    inner: Inner | None = None
    free: dict[str, Any] = Field(default_factory=dict)


class SampleQuery(In):
    limit: int = 1


class ThingGoneError(errors.NotFoundError):
    """The thing is gone."""

    code = "thing_gone"
    hint = "Make another."


@pytest.fixture
def app():
    schema.declared_fields.cache_clear()
    app = FastAPI(redirect_slashes=False)
    install_handlers(app)

    @app.post("/things")
    def make(body: Sample, query: Annotated[SampleQuery, Query()]) -> dict[str, int]:
        return {"n": body.number + query.limit}

    @app.get("/raise/{kind}")
    def fail(kind: str) -> None:
        if kind == "thing":
            raise ThingGoneError(field="name")
        if kind == "other":
            raise KeyError(NEEDLE)
        types = {"denied": errors.DeniedError, "conflict": errors.ConflictError, "large": errors.TooLargeError}
        raise {**types, "away": errors.UnavailableError, "bad": errors.InvalidError, "own": errors.NightdropError}[kind]

    yield app
    schema.declared_fields.cache_clear()


def post(ask, app, body: bytes, headers=JSON, query=""):
    return ask(app, "POST", "/things", [body], headers, query)


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"number": NEEDLE, "name": "x"}, "number", "invalid"),
        ({"name": {NEEDLE: NEEDLE}}, "name", "wrong_type"),
        ({"name": [NEEDLE]}, "name", "wrong_type"),
        ({"name": 7}, "name", "wrong_type"),
        ({"number": 1}, "name", "required"),
        ({"name": "x", NEEDLE: 1}, "body", "unknown_field"),
        ({"name": "x", "inner": {NEEDLE: 1}}, "inner", "unknown_field"),
        ({"name": "x", "inner": {"sort_of": NEEDLE}}, "inner.sort_of", "invalid"),
        ([NEEDLE], "body", "wrong_type"),
        (NEEDLE, "body", "wrong_type"),
    ],
)
def test_a_wrong_body_is_told_by_field_and_code_without_its_content(ask, app, body, field, code):
    answer = post(ask, app, json.dumps(body).encode())
    problem = answer.json()
    assert answer.status == 422
    assert problem["code"] == "request_invalid"
    assert {"field": field, "code": code} in problem["errors"]
    assert NEEDLE.encode() not in answer.everything


@pytest.mark.parametrize("key", [NEEDLE, "\ud800" + NEEDLE])
def test_the_keys_of_a_free_object_are_not_repeated(ask, app, key):
    answer = post(ask, app, json.dumps({"name": 5, "free": {key: 1}}).encode())
    assert answer.status == 422
    assert NEEDLE.encode() not in answer.everything


@pytest.mark.parametrize(
    "body",
    [
        NEEDLE.encode(),
        b'{"name": "' + NEEDLE.encode(),
        b"\xff\xfe" + NEEDLE.encode(),
        b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"number": ' + b"9" * 10_000 + b"}",
    ],
    ids=["not-json", "cut-off", "not-utf-8", "deep", "huge-number"],
)
def test_what_is_not_json_is_malformed(ask, app, body):
    answer = post(ask, app, body)
    assert (answer.status, answer.json()["code"]) == (400, "malformed_body")
    assert NEEDLE.encode() not in answer.everything


@pytest.mark.parametrize(
    "kind", [{}, {"content-type": "text/plain"}, {"content-type": "application/x-www-form-urlencoded"}]
)
def test_a_body_of_another_type_is_refused_without_its_content(ask, app, kind):
    answer = post(ask, app, json.dumps({"name": NEEDLE}).encode(), kind)
    assert answer.status == 422
    assert NEEDLE.encode() not in answer.everything


def test_an_unknown_query_parameter_is_an_error_that_does_not_name_it(ask, app):
    answer = post(ask, app, b'{"name": "x"}', query=f"{NEEDLE}=1&limit={NEEDLE}")
    assert answer.status == 422
    assert {"field": "query", "code": "unknown_field"} in answer.json()["errors"]
    assert {"field": "limit", "code": "invalid"} in answer.json()["errors"]
    assert NEEDLE.encode() not in answer.everything


def test_many_errors_are_told_in_part(ask, app):
    answer = post(ask, app, json.dumps({"name": "x", **{str(n): n for n in range(500)}}).encode())
    assert len(answer.json()["errors"]) == 20


@pytest.mark.parametrize(
    ("kind", "status"),
    [("thing", 404), ("denied", 403), ("conflict", 409), ("large", 413), ("away", 503), ("bad", 422), ("own", 500)],
)
def test_a_typed_error_becomes_the_status_of_its_kind(ask, app, kind, status):
    answer = ask(app, "GET", f"/raise/{kind}")
    assert (answer.status, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_typed_error_tells_code_sentence_hint_and_field(ask, app):
    problem = ask(app, "GET", "/raise/thing").json()
    assert problem == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "thing_gone",
        "detail": "The thing is gone.",
        "hint": "Make another.",
        "field": "name",
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "route_not_found"),
        ("GET", "/things/", 404, "route_not_found"),
        ("PUT", "/things", 405, "method_not_allowed"),
    ],
)
def test_the_routers_own_errors_have_the_same_shape(ask, app, method, path, status, code):
    answer = ask(app, method, path)
    assert (answer.status, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"type", "title", "status", "code", "detail", "hint"}


def test_method_not_allowed_says_which_are(ask, app):
    assert ask(app, "PUT", "/things").headers["allow"] == "POST"
