"""The outermost layer: caller, body limit, headers, exceptions."""

import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from nightdrop.api.authenticate import always
from nightdrop.api.edge import MAX_BODY, Edge
from nightdrop.core.caller import ANONYMOUS, host_owner

NEEDLE = "needle-7f3a1c9d"
OWNER = host_owner("somebody")


async def echo_length(scope: Any, receive: Any, send: Any) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


async def failing(_scope: Any, _receive: Any, _send: Any) -> None:
    raise RuntimeError(NEEDLE)


async def failing_half_way(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Cache-Control", b"public")]})
    raise RuntimeError(NEEDLE)


def test_a_body_arrives_whole(ask):
    answer = ask(Edge(echo_length, always(OWNER)), "POST", "/api/v1/x", [b"abc", b"de"])
    assert (answer.status, answer.body) == (200, b"5")


def test_every_answer_has_the_security_headers_once(ask):
    for app in (echo_length, failing, failing_half_way):
        headers = ask(Edge(app, always(OWNER)), "GET", "/").headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "Cache-Control" not in headers


def test_without_a_caller_the_api_answers_401_before_it_reads_a_body_into_memory(ask):
    answer = ask(Edge(failing, always(ANONYMOUS)), "POST", "/api/v1/sites", [NEEDLE.encode()])
    assert answer.status == 401
    assert answer.json()["code"] == "sign_in_required"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert NEEDLE.encode() not in answer.everything


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/", "/api/v1/sites/a/secrets"])
def test_without_a_caller_no_path_of_the_api_is_served(ask, path):
    assert ask(Edge(echo_length, always(ANONYMOUS)), "GET", path).status == 401


def test_a_body_that_says_it_is_too_large_is_refused(ask):
    headers = {"content-length": str(MAX_BODY + 1)}
    answer = ask(Edge(echo_length, always(OWNER)), "POST", "/api/v1/x", [b"x"], headers)
    assert (answer.status, answer.json()["code"]) == (413, "body_too_large")


def test_a_body_that_turns_out_too_large_is_refused_while_it_comes(ask):
    part = bytes(1024 * 1024)
    parts = [part] * (MAX_BODY // len(part) + 1)
    answer = ask(Edge(echo_length, always(OWNER)), "POST", "/api/v1/x", parts)
    assert (answer.status, answer.json()["code"]) == (413, "body_too_large")


def test_a_refused_sender_who_never_stops_loses_the_connection(ask):
    part = bytes(1024 * 1024)
    answer = ask(Edge(echo_length, always(OWNER)), "POST", "/api/v1/x", [part] * 40)
    assert answer.status == 413
    assert answer.headers["connection"] == "close"


def test_an_exception_is_an_answer_with_an_id_and_without_its_text(ask, capfd):
    answer = ask(Edge(failing, always(OWNER)), "GET", "/api/v1/x")
    assert answer.status == 500
    assert answer.json()["code"] == "internal"
    assert "err_" in answer.json()["hint"]
    assert NEEDLE.encode() not in answer.everything
    output = "".join(capfd.readouterr())
    assert NEEDLE not in output
    assert "RuntimeError" in output


def test_an_exception_half_way_does_not_reach_the_server(ask, capfd):
    assert ask(Edge(failing_half_way, always(OWNER)), "GET", "/api/v1/x").status == 200
    assert NEEDLE not in "".join(capfd.readouterr())


def test_problem_details_have_one_shape(ask):
    answer = ask(Edge(echo_length, always(ANONYMOUS)), "GET", "/api/v1/x")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert set(problem) == {"type", "title", "status", "code", "detail", "hint"}
    assert problem["status"] == answer.status
