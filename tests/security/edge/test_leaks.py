"""A key in a script becomes a secret: found without being repeated, stored, taken out of every version."""

import pytest

from nightdrop.api.values import put_value
from route_table import World
from vault import OWNER
from web import Web

NEEDLE = "hunter-22-needle"
CODE = f'let lock = "\U0001f512", apiKey = "{NEEDLE}";'


@pytest.fixture
def world(tmp_path):
    web = Web(tmp_path)
    yield World(web)
    web.close()


def _ask(world, method, path, body=None):
    return world.web.ask(method, f"/api/v1/sites/{world.here}{path}", body, listener="socket", headers={})


def test_a_key_is_found_moved_and_in_no_answer(world):
    scripts = world.web.services.scripts
    script = scripts.push(OWNER, world.here, "a", CODE, create=True).id
    checked = _ask(world, "POST", "/scripts/check", {"code": CODE})
    (leak,) = checked.json()["leaks"]
    assert NEEDLE not in checked.body.decode()
    (found,) = _ask(world, "GET", "/leaks").json()["items"]
    assert (found["script_id"], found["leaks"]) == (script, [leak])
    units = CODE.encode("utf-16-le")
    assert units[2 * leak["start"] : 2 * leak["end"]].decode("utf-16-le") == f'"{NEEDLE}"'

    put_value(world.web.services.secrets, OWNER, world.here, "api-key", NEEDLE)
    moved = [{"secret": "api-key", "version": 1, "start": leak["start"]}]
    clean = 'let apiKey = GetSecret("api-key");'
    assert _ask(world, "PUT", f"/scripts/{script}", {"code": clean, "moved": moved}).status == 200
    assert NEEDLE not in scripts.get(OWNER, world.here, script, 1).code
    assert _ask(world, "GET", "/leaks").json()["items"] == []


def test_names_that_are_not_stored_are_told(world):
    name = world.web.services.secrets.get_info(OWNER, world.here, world.secret()).name
    checked = _ask(world, "POST", "/scripts/check", {"code": f'GetSecret("{name}"); GetSecret("none");'})
    assert checked.json()["missing"] == ["none"]


def test_scripts_come_with_their_newest_run_and_in_its_order(world):
    first, second, third = world.script(), world.script(), world.script()
    runs = [world.web.services.runs.enqueue(OWNER, world.here, script=one).id for one in (second, first, second)]
    items = _ask(world, "GET", "/scripts?sort=ran").json()["items"]
    assert [(one["id"], one["last_run"] and one["last_run"]["id"]) for one in items] == [
        (second, runs[2]),
        (first, runs[1]),
        (third, None),
    ]
    assert items[0]["last_run"]["state"] == "queued"
