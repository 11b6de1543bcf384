"""A needle in every field, parameter, header and path segment of every route: no answer and no log repeats it.

AC 1, 5 and 6. What people name is shown again, of course, once it is stored: so the needle in it has a character that no
name, description or code may have.
"""

import json
import re

import pytest

from route_table import ROUTES, World
from web import Web

NEEDLE = "needle-41c7e9d2"
NOT_ALLOWED = f"{NEEDLE}\x00"
FORMS = (NOT_ALLOWED, [NEEDLE], {NEEDLE: NEEDLE}, [[{"a": NEEDLE}]])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    web = Web(tmp_path_factory.mktemp("needle"))
    yield World(web)
    web.close()


def documented(world, method, path):
    return world.web.app.openapi()["paths"].get(path, {}).get(method.lower(), {})


def bodies(body, names):
    yield None, f'{{"value": "{NEEDLE}"'.encode()
    yield None, f'"{NEEDLE}"'.encode()
    yield None, f'["{NEEDLE}"]'.encode()
    yield None, f'{{"{NEEDLE}": 1}}'.encode()
    yield None, NEEDLE.encode() + b"\xff"
    base = body if isinstance(body, dict) else {}
    for name in sorted({*base, *names}):
        # What a run is given is shown with the run, whatever it is called.
        for form in (form for form in FORMS if name != "params" or not isinstance(form, dict)):
            yield name, json.dumps(base | {name: form}).encode()


def fields(world, operation):
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schema = world.web.app.openapi()["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2], {})
    return set(schema.get("properties", {}))


def paths(path, operation):
    yield f"{path}?{NEEDLE}={NEEDLE}"
    for one in operation.get("parameters", ()):
        if one["in"] == "query":
            yield f"{path}?{one['name']}={NEEDLE}%00"
            yield f"{path}?{one['name']}={NEEDLE}&{one['name']}={NEEDLE}"
    segments = path.split("/")
    for number in range(4, len(segments)):
        yield "/".join([*segments[:number], NEEDLE, *segments[number + 1 :]])
    yield f"{path}/{NEEDLE}"


def headers():
    for name in ("x-needle", "user-agent", "if-match", "if-none-match", "content-type", "accept", "range", "origin"):
        yield {name: NEEDLE}
    for name in ("idempotency-key", "host", "x-forwarded-for", "x-http-method-override", "referer", "traceparent"):
        yield {name: f"{NEEDLE}, with spaces"}
    yield {"content-type": f"application/json; charset={NEEDLE}"}


@pytest.mark.parametrize("route", sorted(ROUTES, key=str), ids=lambda route: " ".join(route))
def test_no_answer_and_no_log_repeats_a_needle(world, route, capfd):
    method, path = route
    entry, operation = ROUTES[route], documented(world, method, path)

    def check(request_path, **options):
        for listener in ("socket", "tcp"):
            answer = world.web.ask(method, request_path, listener=listener, **options)
            assert NEEDLE.encode() not in answer.everything, (request_path, options)
            assert answer.status != 500, (request_path, options)

    request = entry.make(world)
    raw = None if request.body is None else json.dumps(request.body).encode()
    if method in {"POST", "PUT", "PATCH"} or raw is not None:
        for _, sent in bodies(request.body, fields(world, operation)):
            check(request.path, raw=sent)
    for other in paths(request.path, operation):
        check(other, raw=raw)
    if not re.search("session|setup|totp|DELETE", " ".join(route)):
        for sent in headers():
            check(request.path, raw=raw, headers=sent)
    for credential in ({"token": NEEDLE}, {"cookie": NEEDLE}, {"headers": {"authorization": f"Basic {NEEDLE}"}}):
        answer = world.web.ask(method, request.path, listener="tcp", raw=raw, **credential)
        assert NEEDLE.encode() not in answer.everything
    assert NEEDLE not in "".join(capfd.readouterr())
