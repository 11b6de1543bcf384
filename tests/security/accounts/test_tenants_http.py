"""Groups 17 and 18: nothing of another site, by whatever name, and nothing of it in any list."""

import json

import pytest

from accounts import PASSWORD, Accounts
from nightdrop.access.permissions import SITE_PERMISSIONS, TOKEN_PERMISSIONS
from route_table import ROUTES, World
from vault import OWNER

ALL = list(SITE_PERMISSIONS)
NEEDLE = "hidden-needle-7c41"


@pytest.fixture
def world(web):
    return World(web)


@pytest.fixture
def accounts(web, world):
    return Accounts(web.db, web.clock)


@pytest.fixture
def mine(world, accounts):
    """Everything on the site ``here``, as a session and as a token."""
    session = accounts.new("mine", {world.here: ALL})
    token = accounts.tokens.create(session.caller, "ci", [world.here], list(TOKEN_PERMISSIONS)).token
    return {"cookie": session.cookie}, {"token": token}


SPELLINGS = [
    "{there}",
    "there",
    "There",
    "THERE",
    "{THERE}",
    " there",
    "there ",
    "there%20",
    "th%65re",
    "\uff54here",
    "there\0",
    "there%00",
    "here/../{there}",
    "{here}/../{there}",
    "{here}%2f..%2f{there}",
    "{here}/%2e%2e/{there}",
    "..%2f{there}",
    "./{there}",
    "/{there}",
    "%2e",
    "..",
    "*",
    "{there}/",
    "{here},{there}",
    "{here}%00{there}",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_17_another_site_under_any_name(world, mine, spelling):
    world.secret(world.there)
    name = spelling.format(here=world.here, there=world.there, THERE=world.there.upper())
    for who in mine:
        for method, rest, body in [
            ("GET", "", None),
            ("PATCH", "", {"settings": {"cpu": 5}}),
            ("GET", "/secrets", None),
            ("POST", "/secrets", {"name": "planted", "value": "v"}),
            ("GET", "/sealing-key", None),
            ("GET", "/scripts", None),
            ("POST", "/scripts", {"name": "planted", "code": "1"}),
            ("POST", "/runs", {"code": "1", "name": "planted"}),
            ("GET", "/keys", None),
        ]:
            answer = world.web.ask(method, f"/api/v1/sites/{name}{rest}", body, **who)
            assert answer.status in {404, 405}, (method, rest, answer.body)
            assert world.there.encode() not in answer.body
    services = world.web.services
    assert [each.name for each in services.secrets.list(OWNER, world.there).items] != ["planted"]
    assert not services.scripts.list(OWNER, world.there).items
    assert not services.runs.list(OWNER, world.there).items


def test_17_things_of_another_site_under_the_own_one(world, mine):
    secret, script, run = world.secret(world.there), world.script(world.there), world.run(world.there)
    for who in mine:
        for method, path, body in [
            ("GET", f"/sites/{world.here}/secrets/{secret}", None),
            ("PUT", f"/sites/{world.here}/secrets/{secret}/value", {"value": "v"}),
            ("PATCH", f"/sites/{world.here}/secrets/{secret}", {"description": "d"}),
            ("DELETE", f"/sites/{world.here}/secrets/{secret}", None),
            ("GET", f"/sites/{world.here}/secrets/{secret}/users", None),
            ("GET", f"/sites/{world.here}/scripts/{script}", None),
            ("PUT", f"/sites/{world.here}/scripts/{script}", {"code": "1"}),
            ("DELETE", f"/sites/{world.here}/scripts/{script}", None),
            ("POST", f"/sites/{world.here}/runs", {"script": script}),
            ("GET", f"/sites/{world.here}/runs?script_id={script}", None),
            ("GET", f"/runs/{run}", None),
            ("GET", f"/runs/{run}/logs", None),
            ("GET", f"/runs/{run}/logs/stream", None),
            ("POST", f"/runs/{run}/cancel", None),
        ]:
            answer = world.web.ask(method, f"/api/v1{path}", body, **who)
            assert answer.status == 404, (method, path, answer.body)
    services = world.web.services
    assert services.secrets.get_info(OWNER, world.there, secret).revision == 1
    assert services.scripts.get(OWNER, world.there, script).info.version == 1
    assert services.runs.get(OWNER, run).cancel_requested is False


def test_17_a_refusal_tells_nothing_of_whether_a_thing_is_there(world, mine):
    """A site, a run or a secret of others answers as one that never was."""
    secret, run = world.secret(world.there), world.run(world.there)
    for who in mine:
        for there, nowhere in [
            ("/sites/there", "/sites/nowhere"),
            (f"/sites/{world.there}", "/sites/site_01aaaaaaaaaaaaaaaaaaaaaaaa"),
            (f"/sites/there/secrets/{secret}", f"/sites/nowhere/secrets/{secret}"),
            (f"/sites/here/secrets/{secret}", "/sites/here/secrets/sec_01aaaaaaaaaaaaaaaaaaaaaaaa"),
            (f"/runs/{run}", "/runs/run_01aaaaaaaaaaaaaaaaaaaaaaaa"),
            ("/audit?site=there", "/audit?site=nowhere"),
        ]:
            answers = [world.web.ask("GET", f"/api/v1{path}", **who) for path in (there, nowhere)]
            assert answers[0].status == 404
            assert answers[0].everything == answers[1].everything


def fill(world):
    """Put the needle into everything of the other site that has a name or a text."""
    from nightdrop.api.values import put_value

    services = world.web.services
    put_value(services.secrets, OWNER, world.there, f"{NEEDLE}-secret", "v", description=NEEDLE)
    code = f"GetSecret('{NEEDLE}-secret'); // {NEEDLE}"
    services.scripts.push(OWNER, world.there, f"{NEEDLE}-script", code, description=NEEDLE, create=True)
    services.runs.enqueue(OWNER, world.there, code=code, name=NEEDLE, params={"x": NEEDLE})
    world.web.new_site(NEEDLE)


def test_18_no_list_search_or_stream_has_anything_of_another_site(world, accounts, mine):
    fill(world)
    nothing = {"cookie": accounts.new("nobody").cookie}
    for who in (*mine, nothing):
        for (method, _), entry in ROUTES.items():
            if method == "GET":
                answer = world.web.ask(method, entry.make(world).path, **who)
                assert NEEDLE.encode() not in answer.everything, entry
        for path in (
            f"/sites/{world.here}/secrets?q={NEEDLE}",
            f"/sites/{world.here}/secrets?name={NEEDLE}-secret",
            f"/sites/{world.here}/scripts?q={NEEDLE}",
            f"/sites/{world.here}/scripts?name={NEEDLE}-script",
            f"/sites/{world.here}/sealing-key?name={NEEDLE}-secret",
            f"/sites/{world.here}/runs?state=queued",
            "/audit",
            "/audit?limit=500",
            f"/audit?site={world.there}",
            "/status",
        ):
            answer = world.web.ask("GET", f"/api/v1{path}", **who)
            assert NEEDLE.encode() not in answer.everything, path
            assert world.there.encode() not in answer.everything, path


def test_18_a_cursor_of_another_site_opens_nothing(world, accounts, mine):
    for _ in range(3):
        world.secret(world.there)
        world.run(world.there)
    boss = {"cookie": accounts.new("boss", {world.there: ALL}).cookie}
    for kind in ("secrets", "runs"):
        cursor = world.web.ask("GET", f"/api/v1/sites/there/{kind}?limit=1", **boss).json()["next"]
        answer = world.web.ask("GET", f"/api/v1/sites/here/{kind}?limit=9&cursor={cursor}", **mine[0])
        assert answer.json()["items"] == []


def test_18_where_used_names_no_script_to_who_may_not_read_scripts(world, accounts):
    from nightdrop.api.values import put_value

    services = world.web.services
    secret = put_value(services.secrets, OWNER, world.here, "a", "v")
    services.scripts.push(OWNER, world.here, NEEDLE, "GetSecret('a')", create=True)
    who = {"cookie": accounts.new("reader", {world.here: ["secrets:view", "secrets:edit"]}).cookie}
    for path in (f"/secrets/{secret.id}/users", f"/secrets/{secret.id}", "/secrets"):
        answer = world.web.ask("GET", f"/api/v1/sites/here{path}", **who)
        assert NEEDLE.encode() not in answer.everything


def test_18_the_audit_log_is_ones_own_sites_only(world, accounts, mine):
    fill(world)
    world.secret()
    web = world.web
    entries = web.ask("GET", "/api/v1/audit?limit=500", **mine[0]).json()["items"]
    assert entries
    assert {entry["site"] for entry in entries} == {world.here}
    boss = {"cookie": accounts.new("boss", is_super=True).cookie}
    entries = web.ask("GET", "/api/v1/audit?limit=500", **boss).json()["items"]
    assert {entry["site"] for entry in entries} == {None}
    assert web.ask("GET", f"/api/v1/audit?site={world.here}", **boss).status == 403
    everything = web.ask("GET", "/api/v1/audit?limit=500", listener="socket").json()["items"]
    assert {None, world.here, world.there} <= {entry["site"] for entry in everything}


def test_19_to_run_is_not_to_write(world, accounts):
    """Who may only start stored scripts cannot run code of their own, which could read every secret."""
    script = world.script()
    who = {"cookie": accounts.new("runner", {world.here: ["runs:run", "runs:view"]}).cookie}
    path = f"/api/v1/sites/{world.here}/runs"
    assert world.web.ask("POST", path, {"script": script}, **who).status == 201
    for body in ({"code": "Log(GetSecret('a'))"}, {"code": "1", "name": "x"}, {"script": script, "code": "1"}):
        assert world.web.ask("POST", path, body, **who).status in {403, 422}
    assert world.web.ask("PUT", f"/api/v1/sites/{world.here}/scripts/{script}", {"code": "1"}, **who).status == 403
    assert world.web.ask("POST", f"/api/v1/sites/{world.here}/scripts", {"name": "a", "code": "1"}, **who).status == 403


def test_19_nobody_gives_themselves_more(world, accounts):
    bob = accounts.new("bob", {world.here: ALL})
    who, own = {"cookie": bob.cookie}, bob.caller.admin_id
    for method, path, body in [
        ("PATCH", f"/admins/{own}", {"super": True}),
        ("PATCH", f"/admins/{own}", {"grants": {world.there: ALL}}),
        ("POST", "/admins", {"name": "eve", "super": True}),
        ("POST", f"/admins/{own}/reset", None),
        ("POST", "/sites", {"name": "mine"}),
    ]:
        assert world.web.ask(method, f"/api/v1{path}", body, **who).status == 403
    wide = {"name": "t", "sites": [world.there], "permissions": ["secrets:view"]}
    assert world.web.ask("POST", "/api/v1/account/tokens", wide, **who).status == 404
    for body in ({**wide, "super": True}, {**wide, "admin_id": own}, {**wide, "grants": {}}):
        assert world.web.ask("POST", "/api/v1/account/tokens", body, **who).status == 422


def test_20_a_token_makes_no_token_and_no_session(world, mine):
    for method, path, body in [
        ("POST", "/account/tokens", {"name": "t", "sites": [world.here], "permissions": ["secrets:view"]}),
        ("GET", "/account/sessions", None),
        ("PUT", "/account/password", {"current": PASSWORD, "new": "another horse and its battery"}),
        ("POST", "/account/totp", None),
        ("POST", "/account/passkeys/options", {"password": PASSWORD}),
        ("POST", "/setup/link", None),
    ]:
        answer = world.web.ask(method, f"/api/v1{path}", body, **mine[1])
        assert answer.status == 403, path
        assert answer.header("set-cookie") is None


def test_a_needle_in_any_field_of_any_route_comes_back_in_no_answer_and_is_recorded_nowhere(world, accounts, capfd):
    """Passwords, codes and tokens in the right field, in a wrong one, and in the wrong form."""
    boss = accounts.new("boss", {world.here: ALL}, is_super=True)
    schema = world.web.ask("GET", "/api/v1/openapi.json", listener="socket").json()
    parts = schema["components"]["schemas"]
    asked = 0
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            if "$ref" not in body or ("/account" not in path and "/session" not in path and "/setup" not in path):
                continue
            fields = parts[body["$ref"].rpartition("/")[2]]["properties"]
            for kind in (NEEDLE, [NEEDLE], {NEEDLE: NEEDLE}, f"{NEEDLE}\0", f"{NEEDLE}\ud800", NEEDLE * 2000):
                for wrong in (*fields, NEEDLE):
                    sent = dict.fromkeys(fields, NEEDLE) | {wrong: kind}
                    target = path.format(**dict.fromkeys(("session", "token", "passkey", "admin"), NEEDLE))
                    for who in ({"cookie": boss.cookie}, {}):
                        answer = world.web.ask(
                            method.upper(), target, sent, address=f"10.0.{asked // 250}.{asked % 250}", **who
                        )
                        assert answer.status >= 400
                        assert NEEDLE.encode() not in answer.everything, (path, wrong)
                        asked += 1
                    # The throttle is not what is tested here.
                    world.web.clock.advance(1_000_000)
                    boss = accounts.enter("boss")
    assert asked > 200
    recorded = json.dumps([e.json() for e in [world.web.ask("GET", "/api/v1/audit?limit=500", listener="socket")]])
    assert NEEDLE not in recorded
    assert NEEDLE not in "".join(capfd.readouterr())
    for file in world.web.home.app_db.parent.iterdir():
        assert NEEDLE.encode() not in file.read_bytes(), file
