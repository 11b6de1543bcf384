"""Several hosts, here several homes, on one PostgreSQL: joining, sharing the work, dying, and one memory of revisions."""

import json
import os
import re
import signal
from collections.abc import Callable

import psycopg
import pytest

from postgres_server import Place
from support import Installation, descendants_of, wait_until

VALUE = "sk-live-4f9a77c1d2"
NODE = re.compile(r"nightdrop key approve (SHA256:\S{43})\n")


@pytest.fixture
def first(installation: Installation) -> Installation:
    installation.start()
    installation.ok("secret", "set", "key", stdin=VALUE)
    return installation


@pytest.fixture
def join(place: Place, homes: Callable[[str], Installation]) -> Callable[[str], tuple[Installation, str]]:
    """Makes a home that asks to join; returns it with the fingerprint that it printed."""

    def make(name: str) -> tuple[Installation, str]:
        made = homes(name)
        made.environment |= {"NIGHTDROP_DATABASE": place.url, "NIGHTDROP_KEEPER_DATABASE": place.keeper_url}
        printed = made.ok("init", "--join").out
        made.environment.clear()
        found = NODE.search(printed)
        assert found, printed
        return made, found[1]

    return make


def instance(installation: Installation) -> str:
    return str(json.loads((installation.home / "nightdrop.json").read_text())["instance"])


def test_a_host_joins_by_its_fingerprint(first: Installation, join, place: Place) -> None:
    second, fingerprint = join("second")
    second.start("worker")
    listed = first.ok("key", "nodes", "--json").json
    assert [(node["state"], node["here"]) for node in listed] == [("approved", True), ("asks", False)]
    assert listed[1]["node"] == fingerprint
    # It cannot open, so it can let nobody in, not even itself.
    refused = second.run("key", "approve", fingerprint)
    assert (refused.status, "node key on this host is not one" in refused.err) == (1, True)
    refused = first.run("key", "approve", fingerprint[:-1])
    assert (refused.status, "asks to join" in refused.err) == (1, True)
    sealed = f"SELECT count(*) FROM nightdrop_keeper.site_seeds WHERE fingerprint = '{fingerprint}'"
    assert place.server.query(sealed, place.name) == [(0,)]

    first.ok("key", "approve", fingerprint)
    assert place.server.query(sealed, place.name) == [(1,)]
    first.ok("site", "add", "later")
    assert place.server.query(sealed, place.name) == [(2,)]
    states = [node["state"] for node in first.ok("key", "nodes", "--json").json]
    assert states == ["approved", "approved"]
    assert [event for events in place.chains().values() for event in events].count("node.approved") == 1
    # The second one alone: it opens what the first one stored.
    first.stop()
    first.start("web")
    wait_until(lambda: f"got {len(VALUE)}" in first.exec_js('Log("got " + GetSecret("key").length);').out, "a run")
    assert len(place.chains()) == 3


def test_a_forged_request_is_not_approved(first: Installation, join, place: Place) -> None:
    """Who can write to the table puts a key of their own under the fingerprint that a person has been told."""
    _, fingerprint = join("second")
    _, other_fingerprint = join("third")
    run = place.server.execute
    run(f"DELETE FROM nightdrop_keeper.join_requests WHERE fingerprint = '{fingerprint}'", place.name)
    run(f"UPDATE nightdrop_keeper.join_requests SET fingerprint = '{fingerprint}'", place.name)
    assert first.run("key", "approve", fingerprint).status == 1
    assert [node["node"] for node in first.ok("key", "nodes", "--json").json if node["state"] == "asks"] == [
        other_fingerprint
    ]


def test_runs_are_spread_and_those_of_a_killed_worker_are_lost(first: Installation, join, place: Place) -> None:
    second, fingerprint = join("second")
    first.ok("key", "approve", fingerprint)
    second.start("worker")
    (first.folder / "hold.js").write_text(
        'Log("got " + GetSecret("key").length); while (!HasSecret("go")) Sleep(50); Log("done");'
    )
    first.ok("script", "push", "hold.js")
    slots = 4 * (os.cpu_count() or 1)
    for _ in range(slots + 2):
        first.ok("script", "run", "hold", "--no-wait")

    def holders() -> dict[str, int]:
        return dict(
            place.server.query(
                "SELECT split_part(worker_id, ':', 2), count(*) FROM runs r WHERE state = 'running'"
                " AND EXISTS (SELECT 1 FROM run_logs l WHERE l.run_id = r.id) GROUP BY 1",
                place.name,
            )
        )

    wait_until(lambda: sum(holders().values()) == slots + 2, "every run runs")
    spread = holders()
    assert spread.keys() == {instance(first), instance(second)}
    assert second.process is not None
    pids = descendants_of(second.process.pid)
    second.stop(signal.SIGKILL)
    wait_until(lambda: not any(map(os.path.exists, (f"/proc/{pid}" for pid in pids))), "no process of it is left")
    # Started again it knows that nobody runs what it ran.
    second.start("worker")
    lost = "SELECT count(*) FROM runs WHERE state = 'lost' AND reason LIKE 'the worker stopped while%'"
    wait_until(lambda: place.server.query(lost, place.name) == [(spread[instance(second)],)], "its runs are lost")
    first.ok("secret", "set", "go", stdin="on")
    done = "SELECT count(*) FROM runs WHERE state = 'succeeded'"
    wait_until(lambda: place.server.query(done, place.name) == [(spread[instance(first)],)], "the others end")


def test_the_lease_of_a_killed_worker_is_ended_by_another_one(first: Installation, join, place: Place) -> None:
    second, fingerprint = join("second")
    first.ok("key", "approve", fingerprint)
    web = first
    first.stop()
    second.start("worker")
    web.start("web")
    wait_until(lambda: web.run("secret", "ls").status == 0, "the web process serves")
    (web.folder / "hold.js").write_text('Log("got " + GetSecret("key").length); while (true) Sleep(50);')
    web.ok("script", "push", "hold.js")
    web.ok("script", "run", "hold", "--no-wait")
    run = web.ok("run", "ls", "--json").json[0]["id"]
    wait_until(lambda: "got" in web.run("logs", run).out, "the run is under way")
    second.stop(signal.SIGKILL)
    # As if its lease had run out; waiting for that would take half a minute.
    place.server.execute("UPDATE runs SET lease_until_ms = 1 WHERE state = 'running'", place.name)
    web.stop()
    web.start()
    wait_until(lambda: web.ok("run", "show", run, "--json").json["state"] == "lost", "the run is lost")
    assert "stopped answering" in web.ok("run", "show", run, "--json").json["reason"]


def test_a_rollback_that_one_node_has_seen_is_refused_by_all(first: Installation, join, place: Place) -> None:
    second, fingerprint = join("second")
    first.ok("key", "approve", fingerprint)
    url = place.url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        old = connection.execute("SELECT revision, epoch, sealed FROM secrets WHERE name = 'key'").fetchone()
        first.ok("secret", "set", "key", stdin="the new value")
        assert "got 13" in first.exec_js('Log("got " + GetSecret("key").length);').out
        # The other node has never seen the new one.
        first.stop()
        connection.execute("UPDATE secrets SET revision = %s, epoch = %s, sealed = %s WHERE name = 'key'", old)
    second.start()
    refused = second.exec_js('Log("got " + GetSecret("key").length);')
    assert "got 18" not in refused.out
    events = place.chains()[instance(second)]
    assert "secret.refused.rollback" in events


def test_a_home_without_the_keepers_role_is_for_the_web_alone(first: Installation, place: Place, homes) -> None:
    front = homes("front")
    front.environment["NIGHTDROP_DATABASE"] = place.url
    assert "nightdrop web" in front.ok("init", "--join").out
    front.environment.clear()
    assert not (front.home / "keeper" / "keeper.toml").exists()
    front.start("web")
    wait_until(lambda: front.run("secret", "ls").status == 0, "the web process serves")
    assert front.exec_js('Log("got " + GetSecret("key").length);').out == f"got {len(VALUE)}\n"


def test_joining_what_is_not_there_leaves_nothing(place: Place, homes) -> None:
    made = homes("one")
    refused = made.run("init", "--join")
    assert (refused.status, "NIGHTDROP_DATABASE" in refused.err) == (1, True)
    made.environment["NIGHTDROP_DATABASE"] = place.url
    refused = made.run("init", "--join")
    assert refused.status == 1
    assert not made.home.exists()


def test_a_rotated_key_is_rotated_for_every_node(first: Installation, join, place: Place) -> None:
    second, fingerprint = join("second")
    first.ok("key", "approve", fingerprint)
    first.ok("key", "rotate")
    epochs = f"SELECT DISTINCT epoch, fingerprint = '{fingerprint}' FROM nightdrop_keeper.site_seeds"
    assert sorted(place.server.query(epochs, place.name)) == [(2, False), (2, True)]
    second.start("worker")
    first.stop()
    first.start("web")
    wait_until(lambda: first.run("secret", "ls").status == 0, "the web process serves")
    assert first.exec_js('Log("got " + GetSecret("key").length);').out == f"got {len(VALUE)}\n"


def test_a_recipient_that_somebody_else_wrote_gets_no_key(first: Installation, join, place: Place) -> None:
    _, fingerprint = join("second")
    place.server.execute(
        "INSERT INTO nightdrop_keeper.recipients (fingerprint, kind, public_key, home)"
        " SELECT fingerprint, 'node', public_key, home FROM nightdrop_keeper.join_requests",
        place.name,
    )
    first.ok("site", "add", "later")
    assert first.run("secret", "set", "key", "--site", "later", stdin="value").status == 1
    assert first.run("key", "approve", fingerprint).status == 1
    sealed = f"SELECT count(*) FROM nightdrop_keeper.site_seeds WHERE fingerprint = '{fingerprint}'"
    assert place.server.query(sealed, place.name) == [(0,)]


def test_one_host_gets_another_node_key_and_the_others_keep_theirs(first: Installation, join, place: Place) -> None:
    second, fingerprint = join("second")
    first.ok("key", "approve", fingerprint)
    first.stop()
    first.ok("key", "rewrap")
    (key,) = (second.folder / "config" / "nightdrop" / "keys").iterdir()
    key.unlink()
    second.ok("key", "recover", stdin=first.recovery_key + "\n")
    listed = second.ok("key", "nodes", "--json").json
    assert sorted(node["home"] for node in listed) == sorted([instance(first), instance(second)])
    for each in (first, second):
        each.start()
        assert each.exec_js('Log("got " + GetSecret("key").length);').out == f"got {len(VALUE)}\n"
        each.ok("audit", "verify")
        each.stop()
