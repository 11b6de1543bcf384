"""Changes that meet other changes: If-Match, Idempotency-Key, expiry, confirmation, placeholders."""

import json
import uuid
from functools import partial

import pytest
from sqlalchemy import text

from accounts import PASSWORD
from route_table import World
from vault import OWNER
from web import Web

NEEDLE = "needle-0f2b7c"


# What stands in the code, and no run has read.
CODE = {"computed": False}


def without_nulls(items):
    """What an answer says, in the form of a problem, which leaves out what is null."""
    return [{key: value for key, value in item.items() if value is not None} for item in items]


@pytest.fixture
def web(tmp_path):
    made = Web(tmp_path)
    yield made
    made.close()


@pytest.fixture
def world(web):
    return World(web)


def ask(web, method, path, body=None, **headers):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.ask(method, f"/api/v1{path}", body, listener="socket", headers=sent)


def targets(world):
    return {
        "secret": (
            f"/sites/{world.here}/secrets/{world.secret()}",
            "PATCH",
            {"description": "x"},
            {"description": "y"},
        ),
        "script": (f"/sites/{world.here}/scripts/{world.script()}", "PUT", {"code": "Log(2)"}, {"code": "Log(3)"}),
        "site": (f"/sites/{world.here}", "PATCH", {"settings": {"cpu": 7}}, {"settings": {"cpu": 8}}),
        "admin": (
            f"/admins/{world.admin()}",
            "PATCH",
            {"grants": {world.here: ["runs:view"]}},
            {"grants": {world.here: ["secrets:view"]}},
        ),
    }


@pytest.mark.parametrize("kind", ["secret", "script", "site", "admin"])
def test_a_change_that_came_in_between_is_not_lost(web, world, kind):
    path, method, first, second = targets(world)[kind]
    tag = ask(web, "GET", path).header("etag")
    done = ask(web, method, path, first, if_match=tag)
    assert done.status == 200
    assert done.header("etag") not in (None, tag)
    late = ask(web, method, path, second, if_match=tag)
    assert (late.status, late.code) == (412, "changed_meanwhile")
    assert ask(web, "GET", path).header("etag") == done.header("etag")
    assert ask(web, method, path, second, if_match=f'"other", {done.header("etag")}').status == 200
    assert ask(web, method, path, first).status == 200
    assert ask(web, method, path, second, if_match="*").status == 200


def test_a_value_is_not_overwritten_and_a_secret_not_deleted_after_a_change(web, world):
    path = f"/sites/{world.here}/secrets/{world.secret()}"
    tag = ask(web, "GET", path).header("etag")
    assert ask(web, "PUT", f"{path}/value", {"value": "one"}, if_match=tag).status == 200
    late = ask(web, "PUT", f"{path}/value", {"value": NEEDLE}, if_match=tag)
    assert (late.status, late.code) == (412, "changed_meanwhile")
    assert NEEDLE.encode() not in late.everything
    assert ask(web, "DELETE", path, if_match=tag).code == "changed_meanwhile"
    assert ask(web, "GET", path).json()["revision"] == 2


def test_reading_and_use_do_not_change_the_tag(web, world):
    secret = world.secret()
    path = f"/sites/{world.here}/secrets/{secret}"
    tag = ask(web, "GET", path).header("etag")
    with web.db.write() as connection:
        connection.execute(text("UPDATE secrets SET last_used_ms = 77, health = 'ok'"))
    assert ask(web, "GET", path).header("etag") == tag


def test_description_and_expiry_change_without_the_value(web, world):
    path = f"/sites/{world.here}/secrets/{world.secret()}"
    before = ask(web, "GET", path).json()
    sealed = stored(web)
    for body in ({"expires_ms": 5_000_000_000_000}, {"description": "d"}, {"expires_ms": 1}, {"expires_ms": None}):
        after = ask(web, "PATCH", path, body).json()
        before |= body
        assert after == before
    assert stored(web) == sealed
    assert ask(web, "PATCH", path, {"expires_ms": -1}).status == 422
    assert ask(web, "PATCH", path, {"expires_ms": 1, "value": NEEDLE}).status == 422
    ask(web, "PATCH", path, {"expires_ms": 5})
    listed = ask(web, "GET", f"/sites/{world.here}/secrets").json()["items"]
    assert [item["expires_ms"] for item in listed] == [5]
    ask(web, "PUT", f"{path}/value", {"value": "again"})
    assert ask(web, "GET", path).json()["expires_ms"] == 5
    ask(web, "PUT", f"{path}/value", {"value": "again", "expires_ms": 5_000_000_000_000})
    assert ask(web, "GET", path).json()["expires_ms"] == 5_000_000_000_000
    assert ask(web, "PUT", f"{path}/value", {"value": "again", "expires_ms": None}).json()["expires_ms"] is None
    made = ask(web, "POST", f"/sites/{world.here}/secrets", {"name": "ends", "value": "v", "expires_ms": 7}).json()
    assert made["expires_ms"] == 7
    ask(web, "DELETE", f"/sites/{world.here}/secrets/{made['id']}")
    ask(web, "DELETE", path)
    with web.db.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM secret_expiries")).scalar() == 0


def test_a_secret_is_made_with_its_expiry(web, world):
    path = f"/sites/{world.here}/secrets"
    made = ask(web, "POST", path, {"name": "short-lived", "value": "v", "expires_ms": 5_000_000_000_000})
    assert made.status == 201
    assert made.json()["expires_ms"] == 5_000_000_000_000
    shown = ask(web, "GET", f"{path}/{made.json()['id']}")
    assert (shown.json(), shown.header("etag")) == (made.json(), made.header("etag"))
    assert ask(web, "POST", path, {"name": "lasting", "value": "v"}).json()["expires_ms"] is None
    assert ask(web, "POST", path, {"name": "wrong", "value": "v", "expires_ms": -1}).status == 422


def stored(web):
    with web.db.read() as connection:
        return connection.execute(text("SELECT sealed, revision, epoch, updated_ms FROM secrets")).all()


def test_what_scripts_use_is_deleted_only_with_its_name(web, world):
    created = ask(web, "POST", f"/sites/{world.here}/secrets", {"name": "used", "value": "v"}).json()
    path = f"/sites/{world.here}/secrets/{created['id']}"
    uses = web.services.scripts.push(OWNER, world.here, "uses", 'GetSecret("used")', create=True)
    for confirm in ("", "?confirm=", "?confirm=other", "?confirm=USED"):
        refused = ask(web, "DELETE", path + confirm)
        assert (refused.status, refused.code) == (409, "secret_in_use")
        assert refused.json()["scripts"] == [{"kind": "script", "id": uses.id, "name": "uses", "certain": True} | CODE]
    assert ask(web, "DELETE", path + "?confirm=used").status == 204
    assert ask(web, "GET", path).status == 404


def test_settings_use_a_secret_too(web, world):
    created = ask(web, "POST", f"/sites/{world.here}/secrets", {"name": "used", "value": "v"}).json()
    path = f"/sites/{world.here}/secrets/{created['id']}"
    assert created["used_by"] == 0
    ask(web, "PATCH", f"/sites/{world.here}", {"settings": {"smtp_password_secret": "used"}})
    ask(web, "PATCH", f"/sites/{world.there}", {"settings": {"smtp_password_secret": "used"}})
    refused = ask(web, "DELETE", path)
    assert (refused.status, refused.code) == (409, "secret_in_use")
    assert refused.json()["scripts"] == [
        {"kind": "setting", "id": "smtp_password_secret", "name": "setting smtp_password_secret", "certain": True}
        | CODE,
    ]
    assert ask(web, "GET", path).json()["used_by"] == 1
    ask(web, "PATCH", f"/sites/{world.here}", {"settings": {"smtp_password_secret": None}})
    assert ask(web, "DELETE", path).status == 204


def test_the_refusal_names_who_uses_a_secret_and_who_may(web, world):
    created = ask(web, "POST", f"/sites/{world.here}/secrets", {"name": "used", "value": "v"}).json()
    path = f"/sites/{world.here}/secrets/{created['id']}"
    push = partial(web.services.scripts.push, OWNER, world.here, create=True)
    computes = push("computes", "GetSecret(name)")
    web.services.scripts.push(OWNER, world.there, "elsewhere", 'GetSecret("used")', create=True)
    many = [push(f"uses {number:03}", 'GetSecret("used")') for number in range(99)]
    listed = ask(web, "DELETE", path).json()["scripts"]
    assert listed == [{"kind": "script", "id": one.id, "name": one.name, "certain": True} | CODE for one in many] + [
        {"kind": "script", "id": computes.id, "name": "computes", "certain": False, "computed": True}
    ]
    push("uses 099", 'GetSecret("used")')
    listed = ask(web, "DELETE", path).json()["scripts"]
    assert [one["name"] for one in listed] == [f"uses {number:03}" for number in range(100)]
    assert without_nulls(ask(web, "GET", f"{path}/users").json()["items"])[:100] == listed


def test_who_may_not_see_scripts_is_not_told_their_names(web, world):
    created = ask(web, "POST", f"/sites/{world.here}/secrets", {"name": "used", "value": "v"}).json()
    web.services.scripts.push(OWNER, world.here, "hidden name", 'GetSecret("used")', create=True)
    cookie = sign_in(web, "eve", grants={world.here: ["secrets:view", "secrets:edit"]})
    refused = web.ask("DELETE", f"/api/v1/sites/{world.here}/secrets/{created['id']}", cookie=cookie)
    assert refused.code == "secret_in_use"
    assert "scripts" not in refused.json()
    assert b"hidden name" not in refused.everything


@pytest.mark.parametrize("value", ["***", " ******** ", "•••", "●●●●", "[hidden]", "<hidden-by-server>", "(redacted)"])
def test_a_placeholder_is_no_value(web, world, value):
    path = f"/sites/{world.here}/secrets"
    refused = ask(web, "POST", path, {"name": "p", "value": value})
    assert (refused.status, refused.code) == (422, "value_placeholder")
    kept = world.secret()
    assert ask(web, "PUT", f"{path}/{kept}/value", {"value": value}).code == "value_placeholder"
    assert ask(web, "GET", f"{path}/{kept}").json()["revision"] == 1


@pytest.mark.parametrize("value", ["**", "***x", "hidden", "[x]", "*** ***"])
def test_what_only_looks_alike_is_a_value(web, world, value):
    assert ask(web, "POST", f"/sites/{world.here}/secrets", {"name": "p", "value": value}).status == 201


def sign_in(web, name, grants):
    _, link = web.services.access.admins.create(OWNER, name, grants=grants)
    return web.ask("POST", "/api/v1/setup", {"token": link.token, "name": name, "password": PASSWORD}).cookie


def key():
    return str(uuid.uuid4())


def test_a_repeated_post_is_done_once(web, world):
    path, body, mine = f"/sites/{world.here}/secrets", {"name": "once", "value": NEEDLE}, key()
    first = ask(web, "POST", path, body, idempotency_key=mine)
    again = ask(web, "POST", path, body, idempotency_key=mine)
    assert (first.status, again.status) == (201, 201)
    assert again.json() == first.json()
    assert again.header("idempotency-replayed") == "true"
    assert first.header("idempotency-replayed") is None
    assert ask(web, "POST", path, body, idempotency_key=key()).code == "secret_exists"
    other = ask(web, "POST", path, body | {"value": "other"}, idempotency_key=mine)
    assert (other.status, other.code) == (409, "idempotency_mismatch")
    with web.db.read() as connection:
        kept = repr(connection.execute(text("SELECT * FROM idempotency_keys")).all())
    assert NEEDLE not in kept
    assert mine not in kept


def test_a_token_is_in_no_repeated_answer(web, world):
    cookie = sign_in(web, "eve", {world.here: ["runs:view"]})
    body, sent = {"name": "t", "sites": [world.here], "permissions": ["runs:view"]}, {"idempotency-key": key()}
    first = web.ask("POST", "/api/v1/account/tokens", body, cookie=cookie, headers=sent)
    again = web.ask("POST", "/api/v1/account/tokens", body, cookie=cookie, headers=sent)
    token = first.json()["token"]
    assert again.json() == first.json() | {"token": None}
    with web.db.read() as connection:
        assert token not in repr(connection.execute(text("SELECT * FROM idempotency_keys")).all())
    # Another principal with the same key gets nothing of it.
    theirs = ask(web, "POST", "/admins", {"name": "eve2"}, idempotency_key=sent["idempotency-key"])
    assert theirs.status == 201
    link = ask(web, "POST", "/admins", {"name": "eve2"}, idempotency_key=sent["idempotency-key"]).json()
    assert link["setup_link"] is None


def test_what_failed_may_succeed_later_and_a_day_later_it_is_new(web, world):
    path, mine = f"/sites/{world.here}/secrets", key()
    assert ask(web, "POST", path, {"name": "", "value": "v"}, idempotency_key=mine).status == 422
    assert ask(web, "POST", path, {"name": "later", "value": "v"}, idempotency_key=mine).status == 201
    web.clock.advance(24 * 3600 * 1000 + 1)
    assert ask(web, "POST", path, {"name": "later", "value": "v"}, idempotency_key=mine).code == "secret_exists"


def test_the_first_has_not_ended(web, world):
    path, body, mine = f"/sites/{world.here}/secrets", {"name": "busy", "value": "v"}, key()
    ask(web, "POST", path, body, idempotency_key=mine)
    with web.db.write() as connection:
        connection.execute(text("UPDATE idempotency_keys SET status = NULL"))
    busy = ask(web, "POST", path, body, idempotency_key=mine)
    assert (busy.status, busy.code) == (409, "idempotency_busy")
    assert busy.header("retry-after") == "2"


@pytest.mark.parametrize("value", ["short", "x" * 201, "sixteen with a space", "umlaut-ä-and-more-of-it"])
def test_a_key_that_could_be_guessed_or_is_none(web, world, value):
    refused = ask(web, "POST", f"/sites/{world.here}/secrets", {"name": "a", "value": "v"}, idempotency_key=value)
    assert (refused.status, refused.code) == (400, "idempotency_key")
    assert value.encode() not in refused.everything


def test_a_run_keeps_its_own_key(web, world):
    path, mine = f"/sites/{world.here}/runs", key()
    first = ask(web, "POST", path, {"code": "Log(1)", "name": "x"}, idempotency_key=mine)
    again = ask(web, "POST", path, {"code": "Log(1)", "name": "x"}, idempotency_key=mine)
    assert json.loads(first.body)["id"] == json.loads(again.body)["id"]
