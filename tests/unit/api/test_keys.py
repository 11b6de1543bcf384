"""The routes of site keys and rotations, over a real database, as the admin socket and a token meet them."""

import json

import pytest

from nightdrop.api.app import create_app
from nightdrop.api.authenticate import always
from nightdrop.api.edge import API, Edge
from nightdrop.api.services import Services
from nightdrop.core.caller import Caller
from nightdrop.core.clock import FakeClock
from nightdrop.core.config import load_config
from nightdrop.core.home import create_home
from nightdrop.db.engine import Database
from nightdrop.db.migrate import upgrade
from nightdrop.secrets.reseal import Resealing
from vault import OWNER, Vault, published_key

JSON = {"content-type": "application/json", "host": "localhost"}


@pytest.fixture
def services(tmp_path):
    home = create_home(tmp_path / "home")
    with Database.open(home) as db:
        upgrade(db)
        made = Services.over(db, home, load_config(home), FakeClock())
        yield made
        made.bell.close()


@pytest.fixture
def vault(services):
    return Vault(services.db, services.clock)


@pytest.fixture
def call(ask, services, vault):
    def send(method, path, body=None, caller=OWNER):
        app = Edge(create_app(services), always(caller))
        parts = [json.dumps(body).encode()] if body is not None else []
        return ask(app, method, f"{API}{path}", parts, JSON)

    return send


def test_a_rotation_from_the_wish_to_its_end(call, services, vault):
    vault.put("a", b"value")
    first = call("GET", "/sites/default/keys").json()
    assert [(key["epoch"], key["state"]) for key in first["keys"]] == [(1, "current")]
    assert first["rotation"] is None
    asked = call("POST", "/sites/default/rotations", {})
    assert (asked.status, asked.json()["state"], asked.json()["epoch"]) == (202, "running", 2)
    resealing = Resealing(services.db, services.clock, "worker")
    (rotation,) = resealing.unfinished()
    assert resealing.claim(rotation)
    vault.sites.publish_site_key(vault.site.id, published_key(vault.site.id, 2))
    resealing.note_problem(rotation, "undecryptable")
    blocked = call("GET", "/sites/default/rotations/2").json()
    assert (blocked["state"], blocked["left"], blocked["undecryptable"]) == ("blocked", 1, ["a"])
    assert call("POST", "/sites/default/rotations", {"drop_undecryptable": True}).json()["drop_undecryptable"]
    assert resealing.claim(rotation)
    resealing.drop(rotation, [(each.secret, "format") for each in resealing.old_secrets(rotation, "")])
    resealing.finish(rotation)
    done = call("GET", "/sites/default/rotations/2").json()
    assert (done["state"], done["dropped"], done["left"], done["undecryptable"]) == ("done", 1, 0, [])
    keys = call("GET", "/sites/default/keys").json()["keys"]
    assert [(key["epoch"], key["state"]) for key in keys] == [(2, "current"), (1, "destroyed")]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/sites/default/rotations/2", None, 404, "rotation_not_found"),
        ("GET", "/sites/default/rotations/99999999999999999999", None, 422, None),
        ("GET", "/sites/default/rotations/-1", None, 422, None),
        ("GET", "/sites/nowhere/keys", None, 404, "site_not_found"),
        ("POST", "/sites/nowhere/rotations", {}, 404, "site_not_found"),
        ("POST", "/sites/default/rotations", {"drop": True}, 422, None),
        ("GET", "/sites/default/rotations/two", None, 422, None),
    ],
)
def test_what_is_not_there_and_what_is_not_valid(call, method, path, body, status, code):
    answer = call(method, path, body)
    assert answer.status == status, answer.body
    assert code is None or answer.json()["code"] == code


def test_a_token_may_look_and_not_rotate(call, vault):
    everything = frozenset({"settings:view", "settings:edit"})
    token = Caller("token", "robot", {vault.site.id: everything})
    assert call("GET", "/sites/default/keys", caller=token).status == 200
    assert call("POST", "/sites/default/rotations", {}, caller=token).status == 403
    stranger = Caller("session", "stranger", {vault.site.id: frozenset({"secrets:view"})})
    assert call("GET", "/sites/default/keys", caller=stranger).status == 403
