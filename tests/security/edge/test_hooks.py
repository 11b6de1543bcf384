"""The addresses of webhooks: open to whoever knows them, and to nobody else."""

import json

import pytest
from sqlalchemy import text

from nightdrop.triggers.settings import WebhookSettings
from route_table import World
from vault import OWNER
from web import Web


@pytest.fixture
def web(tmp_path):
    made = Web(tmp_path)
    yield made
    made.close()


@pytest.fixture
def world(web):
    return World(web)


@pytest.fixture
def hook(web, world):
    """A webhook and the path of its address."""

    def make(**settings):
        trigger, token = web.services.triggers.create(OWNER, world.here, world.script(), WebhookSettings(**settings))
        return trigger, f"/hooks/{token}"

    return make


def runs(web):
    with web.db.read() as connection:
        return connection.execute(text("SELECT id, params, created_by FROM runs ORDER BY id")).all()


def test_a_request_starts_a_run_that_sees_it(web, hook):
    trigger, path = hook(params={"mine": 1})
    answer = web.ask("POST", f"{path}?a=1&b=%C3%A4", {"x": "y"})
    assert answer.status == 202
    (run,) = runs(web)
    assert answer.json() == {"run": run.id}
    assert run.created_by == f"webhook:{trigger.id}"
    params = json.loads(run.params)
    assert params["mine"] == 1
    assert params["Request"]["Method"] == "POST"
    assert params["Request"]["Query"] == {"a": "1", "b": "\u00e4"}
    assert json.loads(params["Request"]["Body"]) == {"x": "y"}
    assert params["Request"]["Headers"]["content-type"] == "application/json"


def test_what_lets_somebody_in_is_kept_back(web, hook):
    _, path = hook()
    secret = {"Authorization": "Bearer needle", "Proxy-Authorization": "needle", "X-Event": "push"}
    assert web.ask("POST", path, {}, headers=secret).status == 202
    for run in runs(web):
        assert "needle" not in run.params
        assert json.loads(run.params)["Request"]["Headers"]["x-event"] == "push"


def test_credentials_neither_help_nor_stand_in_the_way(web, hook):
    _, path = hook()
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://elsewhere.example"},
        {"Authorization": "Basic eA=="},
    ):
        assert web.ask("POST", path, {}, cookie="none-of-ours", headers=headers).status == 202
    assert {run.created_by.partition(":")[0] for run in runs(web)} == {"webhook"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_only_a_post_starts_something(web, hook, method):
    # A link in a mail is followed by programs that look for danger: a GET must not do anything.
    _, path = hook()
    assert web.ask(method, path).status == 405
    assert runs(web) == []


def test_unknown_and_switched_off_look_the_same(web, hook, world):
    trigger, path = hook()
    unknown = web.ask("POST", path[:-1] + ("a" if path[-1] != "a" else "b"), {})
    web.services.triggers.change(OWNER, world.here, trigger.id, enabled=False)
    off = web.ask("POST", path, {})
    assert (unknown.status, unknown.code) == (off.status, off.code) == (404, "hook_not_found")
    assert runs(web) == []


def test_a_body_that_is_too_large_is_refused(web, hook):
    _, path = hook(max_body=20)
    refused = web.ask("POST", path, {"x": "y" * 20})
    assert refused.status == 413
    assert web.ask("POST", path, {"x": "y"}).status == 202
    assert len(runs(web)) == 1


def test_too_many_requests_are_refused_and_another_hook_is_not_slowed_down(web, hook):
    (_, path), (_, other) = hook(per_minute=6), hook(per_minute=6)
    assert web.ask("POST", path, {}).status == 202
    refused = web.ask("POST", path, {})
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert int(refused.header("retry-after")) in range(1, 11)
    assert web.ask("POST", other, {}).status == 202


def test_the_token_is_nowhere_but_in_the_answer_that_made_it(web, hook):
    _, path = hook()
    token = path.rpartition("/")[2]
    web.ask("POST", path, {})
    with web.db.read() as connection:
        for table in ("runs", "triggers", "audit", "run_origins"):
            rows = connection.execute(text(f"SELECT * FROM {table}")).all()
            assert token not in str(rows)
            assert token.encode() not in b"".join(
                bytes(part) for row in rows for part in row if isinstance(part, bytes)
            )


def test_a_signature_is_asked_for_and_the_run_is_told_by_whom(web, hook):
    _, path = hook(signed_by="hub", signature_header="X-Sig")
    refused = web.ask("POST", path, {})
    assert (refused.status, refused.code) == (403, "hook_signature")
    assert runs(web) == []
    # What a sender claims about it has no weight.
    body = {"Signature": {"Secret": "other", "Header": "X-Other"}}
    assert web.ask("POST", path, body, headers={"x-sig": "abc"}).status == 202
    request = json.loads(runs(web)[0].params)["Request"]
    assert request["Signature"] == {"Secret": "hub", "Header": "X-Sig"}
    assert request["Headers"]["x-sig"] == "abc"
