"""A node is taken off the list: it opens nothing more, nothing new is sealed to it, and the others go on."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext

import psycopg
import pytest

from machine import stopped
from nightdrop.core.clock import FakeClock
from nightdrop.core.home import open_home
from nightdrop.keys.custody_file import FileCustody
from nightdrop.worker.keeper.keyring import Keyring, NodeRemovedError
from nightdrop.worker.keeper.nodes import remove
from nightdrop.worker.keeper.store import NotWrittenError
from nightdrop.worker.keeper.store_postgres import PostgresKeeperStore
from postgres_server import Place
from support import Installation, descendants_of, wait_until

VALUE = "sk-live-4f9a77c1d2"
GET = 'Log("got " + GetSecret("key").length);'
Nodes = tuple[Installation, Installation, str]


@pytest.fixture
def nodes(installation: Installation, place: Place, homes: Callable[[str], Installation]) -> Nodes:
    """Two hosts that can open, the first one running; and the fingerprint of the second one."""
    installation.start()
    installation.ok("secret", "set", "key", stdin=VALUE)
    second = homes("second")
    second.environment |= {"NIGHTDROP_DATABASE": place.url, "NIGHTDROP_KEEPER_DATABASE": place.keeper_url}
    fingerprint = str(second.ok("init", "--join", "--json").json["node"])
    second.environment.clear()
    installation.ok("key", "approve", fingerprint)
    return installation, second, fingerprint


def listed(installation: Installation) -> dict[str, dict[str, object]]:
    return {node["node"]: node for node in installation.ok("key", "nodes", "--json").json}


def sealed_to(place: Place, fingerprint: str) -> int:
    query = f"SELECT count(*) FROM nightdrop_keeper.site_seeds WHERE fingerprint = '{fingerprint}'"
    return int(place.server.query(query, place.name)[0][0])


def test_a_removed_node_opens_nothing_and_the_others_go_on(nodes: Nodes, place: Place) -> None:
    first, second, fingerprint = nodes
    second.start("worker")
    home = json.loads((second.home / "nightdrop.json").read_text())["instance"]

    def said() -> dict[str, object]:
        rows = place.server.query(f"SELECT value FROM meta WHERE key = 'worker_status/{home}'", place.name)
        return dict(json.loads(rows[0][0])["keeper"]) if rows else {}

    wait_until(lambda: said().get("sites"), "the second worker opens")
    asked = first.run("key", "remove", fingerprint)
    assert (asked.status, "Give --yes" in asked.err) == (1, True)
    assert listed(first)[fingerprint]["state"] == "approved"

    removed = first.ok("key", "remove", fingerprint, "--yes")
    assert "still knows the key of 1 site" in removed.out
    assert "change those of both roles" in removed.out
    assert sealed_to(place, fingerprint) == 0
    site = first.ok("site", "show", "default", "--json").json["id"]
    assert (listed(first)[fingerprint]["state"], listed(first)[fingerprint]["knows"]) == ("removed", [site])
    assert "removed, knows the key of 1 site" in first.ok("key", "nodes").out
    assert [event for events in place.chains().values() for event in events].count("node.removed") == 1
    # The running keeper of the removed node says why, in a moment; so does one that is started anew.
    wait_until(lambda: said().get("problem") == "node_removed", "the removed node knows")
    assert said()["message"] == "This node was removed from the installation."
    assert set(said()["sites"].values()) == {"node_removed"}  # type: ignore[attr-defined]
    refused = second.run("key", "approve", fingerprint)
    assert refused.status == 1
    refused = second.run("key", "remove", next(iter(listed(first))), "--yes", "--json")
    assert refused.json["error"]["code"] == "node_removed"
    second.stop()
    second.start("worker")
    wait_until(lambda: place.chains()[home].count("keeper.started") == 2, "it is started again")
    # What is made from now on is not sealed to it, and the rotation is done by a worker that can open.
    first.ok("site", "add", "later")
    first.ok("key", "rotate")
    assert sealed_to(place, fingerprint) == 0
    assert listed(first)[fingerprint]["knows"] == []
    for _ in range(3):
        assert first.exec_js(GET).out == f"got {len(VALUE)}\n"
    first.ok("audit", "verify")


def test_it_can_rotate_at_once_and_be_run_again(nodes: Nodes, place: Place) -> None:
    first, _, fingerprint = nodes
    first.ok("site", "add", "other")
    first.ok("secret", "set", "key", "--site", "other", stdin=VALUE)
    for _ in range(2):
        done = first.ok("key", "remove", fingerprint, "--yes", "--rotate", "--json").json
        assert (done["state"], done["knows"]) == ("removed", [])
    assert "Every site has a key that it does not know" in first.ok("key", "remove", fingerprint, "--yes").out
    epochs = place.server.query("SELECT DISTINCT epoch FROM nightdrop_keeper.site_seeds", place.name)
    assert epochs == [(2,)]
    assert [event for events in place.chains().values() for event in events].count("node.removed") == 1
    assert first.exec_js(GET).out == f"got {len(VALUE)}\n"


def test_what_may_not_be_removed(nodes: Nodes, place: Place) -> None:
    first, _, fingerprint = nodes
    own = next(node for node, row in listed(first).items() if row["here"])
    kinds = "SELECT fingerprint FROM nightdrop_keeper.recipients WHERE kind = 'recovery'"
    ((recovery,),) = place.server.query(kinds, place.name)
    for wanted, code in ((own, "node_is_own"), (recovery, "recovery_key_kept"), ("SHA256:x", "node_not_found")):
        refused = first.run("key", "remove", wanted, "--yes", "--json")
        assert (refused.status, refused.json["error"]["code"]) == (1, code)
    first.ok("key", "remove", fingerprint, "--yes")
    # The last one that can open is this host, and it is refused as before.
    assert first.run("key", "remove", own, "--yes", "--json").json["error"]["code"] == "node_is_own"
    # A list that somebody else wrote is not signed along.
    place.server.execute(
        "INSERT INTO nightdrop_keeper.recipients (fingerprint, kind, public_key, home)"
        " VALUES ('SHA256:mine', 'node', '\\x00', 'x')",
        place.name,
    )
    refused = first.run("key", "remove", "SHA256:mine", "--yes", "--json")
    assert refused.json["error"]["code"] == "recipients_unsigned"


def test_without_a_server_nothing_is_removed_when_asked_to_rotate(nodes: Nodes) -> None:
    first, _, fingerprint = nodes
    first.stop()
    refused = first.run("key", "remove", fingerprint, "--yes", "--rotate", "--json")
    assert refused.json["error"]["code"] == "server_down"
    assert listed(first)[fingerprint]["state"] == "approved"
    first.ok("key", "remove", fingerprint, "--yes")


def remove_in_background(first: Installation, fingerprint: str, *options: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "nightdrop", "key", "remove", fingerprint, "--yes", *options]
    return subprocess.Popen(argv, env=first.env, cwd=first.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_all(process: subprocess.Popen[bytes]) -> None:
    for pid in [process.pid, *descendants_of(process.pid)]:
        # What it had started may have ended meanwhile.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def test_killed_within_the_transaction_the_node_is_still_on_the_list(nodes: Nodes, place: Place) -> None:
    first, _, fingerprint = nodes
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'nightdrop_keeper.audit'::regclass"
    with psycopg.connect(place.server.url(place.name).replace("+psycopg", "")) as holder:
        # Reading goes on; the audit entry, the last thing that is written, waits.
        holder.execute("LOCK TABLE nightdrop_keeper.audit IN EXCLUSIVE MODE")
        process = remove_in_background(first, fingerprint)
        wait_until(lambda: place.server.query(waits, place.name) != [(0,)], "it waits to write the entry")
        kill_all(process)
    assert listed(first)[fingerprint]["state"] == "approved"
    assert sealed_to(place, fingerprint) == 1
    first.ok("site", "add", "later")  # the list is signed as it is
    assert sealed_to(place, fingerprint) == 2
    first.ok("key", "remove", fingerprint, "--yes")
    assert sealed_to(place, fingerprint) == 0


def test_killed_before_the_rotation_the_state_is_shown_and_it_goes_on(nodes: Nodes, place: Place) -> None:
    first, _, fingerprint = nodes
    with stopped(first.pid_of("worker")):
        process = remove_in_background(first, fingerprint, "--rotate")
        wait_until(lambda: "node.removed" in str(place.chains()), "the node is removed")
        kill_all(process)
        assert listed(first)[fingerprint]["state"] == "removed"
        assert len(listed(first)[fingerprint]["knows"]) == 1  # type: ignore[arg-type]
    assert first.ok("key", "remove", fingerprint, "--yes", "--rotate", "--json").json["knows"] == []
    assert first.exec_js(GET).out == f"got {len(VALUE)}\n"


def opened(installation: Installation, place: Place) -> tuple[PostgresKeeperStore, FileCustody]:
    """Return what a command of this home works with."""
    home = open_home(installation.home)
    (key,) = (installation.folder / "config" / "nightdrop" / "keys").iterdir()
    known = installation.home / "keeper" / "identity"
    return PostgresKeeperStore(place.keeper_url, home.instance, FakeClock(), known=known, part="test"), FileCustody(key)


def test_of_two_that_remove_each_other_one_stays(nodes: Nodes, place: Place, monkeypatch) -> None:
    first, second, fingerprint = nodes
    own = next(node for node, row in listed(first).items() if row["here"])
    store, custody = opened(first, place)
    other_store, other_custody = opened(second, place)
    record = store.record

    def too_late(*arguments, **options):
        # The connection was lost, and its lock with it: the other one has its turn before the write is made again.
        remove(other_store, other_custody, own)
        return record(*arguments, **options)

    with monkeypatch.context() as lost:
        lost.setattr(store, "recipients_held", nullcontext)
        lost.setattr(store, "record", too_late)
        with pytest.raises(NotWrittenError):
            remove(store, custody, fingerprint)
    with pytest.raises(NodeRemovedError):
        remove(store, custody, fingerprint)
    assert {node: row["state"] for node, row in listed(second).items()} == {own: "removed", fingerprint: "approved"}
    # The list is signed as it is: the one that stayed makes keys.
    keyring = Keyring(other_store, other_custody)
    keyring.load()
    keyring.publish("site_later")
    assert (sealed_to(place, own), sealed_to(place, fingerprint)) == (0, 2)
    store.close()
    other_store.close()


def test_a_keeper_makes_no_key_when_its_node_is_taken_out_meanwhile(nodes: Nodes, place: Place, monkeypatch) -> None:
    first, second, fingerprint = nodes
    store, custody = opened(second, place)
    keyring = Keyring(store, custody)
    keyring.load()
    assert keyring.problem is None
    held = store.recipients_held

    def taken_out_first():
        # Its key was looked at, and now it waits for its turn.
        first.ok("key", "remove", fingerprint, "--yes")
        return held()

    monkeypatch.setattr(store, "recipients_held", taken_out_first)
    with pytest.raises(NodeRemovedError):
        keyring.publish("site_later")
    store.close()
    assert sealed_to(place, fingerprint) == 0
