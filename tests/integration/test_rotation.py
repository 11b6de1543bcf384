"""A site's key is rotated on a running installation: scripts go on reading, people go on writing, processes die."""

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nightdrop.core.caller import host_owner
from nightdrop.core.clock import SystemClock
from nightdrop.crypto.sealing import seal_secret
from nightdrop.db.engine import Database
from nightdrop.secrets.store import SecretStore
from support import Installation, wait_until

OWNER = host_owner("test")
READ_ALL = "for (const name of Params.names.split(',')) { if (GetSecret(name) !== 'value of ' + name) throw name; }"


def site_id(installation: Installation) -> str:
    return str(installation.ok("site", "show", "default", "--json").json["id"])


@contextmanager
def store(installation: Installation) -> Iterator[SecretStore]:
    with Database.open(installation.home / "data" / "app.db") as database:
        yield SecretStore(database, SystemClock())


def fill(installation: Installation, count: int) -> list[str]:
    """Store many secrets without a command for each."""
    site = site_id(installation)
    names = [f"n{number}" for number in range(count)]
    with store(installation) as secrets:
        for name in names:
            key = secrets.sealing_key(OWNER, site, name)
            value = f"value of {name}".encode()
            sealed = seal_secret(
                key.public_key, site_id=site, epoch=key.epoch, name=name, revision=key.revision, value=value
            )
            secrets.put(OWNER, site, name, sealed, key.revision, key.epoch)
    return names


def spoil(installation: Installation, name: str) -> None:
    """Put something that does not open in place of a secret; SQLite's || makes it text that is not UTF-8 besides."""
    connection = sqlite3.connect(installation.home / "data" / "app.db")
    with connection:
        connection.execute("UPDATE secrets SET sealed = sealed || zeroblob(256) WHERE name = ?", (name,))
    connection.close()


def keys(installation: Installation) -> dict[str, object]:
    return dict(installation.ok("key", "show", "--json").json["sites"]["default"])


def finished(installation: Installation) -> bool:
    return keys(installation)["rotation"] is None


def all_checked(installation: Installation) -> bool:
    return {secret["health"] for secret in installation.ok("secret", "ls", "--json").json} == {"ok"}


def check_all(installation: Installation, names: list[str]) -> None:
    listed = installation.ok("secret", "ls", "--json").json
    assert {secret["name"] for secret in listed} >= set(names)
    result = installation.exec_js(READ_ALL, "--param", "names=" + ",".join(names))
    assert result.status == 0, result.err


def test_scripts_read_and_people_write_while_the_key_is_rotated(server: Installation) -> None:
    names = fill(server, 200)
    pinned = server.ok("key", "show", "--json").json["identity"]
    ended = threading.Event()
    failures: list[str] = []

    def read() -> None:
        code = "for (let i = 0; i < 300; i++) { if (GetSecret('n7') !== 'value of n7') throw i; }"
        while not ended.is_set():
            result = server.exec_js(code, name="reader.js")
            if result.status != 0:
                failures.append(result.err)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for epoch in (2, 3):
            under_way = server.ok("key", "rotate", "--no-wait", "--json").json
            assert under_way["epoch"] == epoch
            server.ok("secret", "set", "n3", stdin="value of n3")
            wait_until(lambda: finished(server), "the rotation ends")
    finally:
        ended.set()
        reader.join()
    assert failures == []
    check_all(server, names)
    shown = server.ok("key", "show", "--json").json
    assert shown["identity"] == pinned
    assert [key["state"] for key in shown["sites"]["default"]["keys"]][:1] == ["current"]
    assert {key["state"] for key in shown["sites"]["default"]["keys"][1:]} == {"destroyed"}
    server.ok("doctor")


def state(installation: Installation) -> tuple[int, int, int]:
    """Return epoch, secrets moved and whether it is finished, of the newest rotation."""
    connection = sqlite3.connect(installation.home / "data" / "app.db", timeout=30)
    row = connection.execute(
        "SELECT epoch, moved, finished_ms IS NOT NULL FROM rotations ORDER BY epoch DESC LIMIT 1"
    ).fetchone()
    connection.close()
    return row or (1, 0, 1)


def kill_half_way(installation: Installation, module: str, epoch: int) -> bool:
    """Ask for a rotation to ``epoch`` and kill a process when some secrets are moved; tell whether some were left."""
    pid = installation.pid_of(module)
    asking = threading.Thread(target=installation.run, args=("key", "rotate", "--no-wait"))
    asking.start()
    wait_until(lambda: state(installation)[0] == epoch and state(installation)[1] > 0, "secrets are moved")
    os.kill(pid, signal.SIGKILL)
    half_way = not state(installation)[2]
    asking.join()
    return half_way


@pytest.mark.parametrize("module", ["worker.keeper", "worker"])
def test_killed_half_way_it_resumes_and_ends(server: Installation, module: str) -> None:
    names = fill(server, 500)
    epoch, half_way = 1, False
    while not half_way:
        # On a busy machine it may be over before we look: then once more.
        epoch += 1
        assert epoch < 10
        half_way = kill_half_way(server, module, epoch)
        if module == "worker":
            server.stop(signal.SIGKILL)
            server.start()
        wait_until(lambda: finished(server), "the rotation ends", 60)
    wait_until(lambda: all_checked(server), "the keeper opens what it sealed anew")
    check_all(server, names)
    states = {(key["epoch"], key["state"]) for key in keys(server)["keys"]}  # type: ignore[attr-defined]
    assert states == {(epoch, "current"), *((each, "destroyed") for each in range(1, epoch))}


def test_a_secret_that_does_not_open_keeps_the_old_key_until_it_is_put_right(server: Installation) -> None:
    names = fill(server, 3)
    spoil(server, "n1")
    blocked = server.run("key", "rotate")
    assert blocked.status == 1
    assert "1 secret cannot be opened, so the earlier key is kept: n1." in blocked.err
    assert "--drop-undecryptable" in blocked.err
    shown = keys(server)
    assert shown["rotation"]["state"] == "blocked"  # type: ignore[index]
    assert "retiring" in server.ok("key", "show").out
    server.ok("secret", "set", "n1", stdin="value of n1")
    done = server.ok("key", "rotate", "--json").json
    assert (done["epoch"], done["state"], done["moved"]) == (2, "done", 2)
    check_all(server, names)


def test_a_secret_that_does_not_open_is_deleted_when_asked(server: Installation) -> None:
    fill(server, 3)
    spoil(server, "n1")
    assert server.run("key", "rotate", "--json").status == 1
    done = server.ok("key", "rotate", "--drop-undecryptable")
    assert done.out == (
        "Site default has a new key, epoch 2. Secrets sealed anew: 2. Deleted because they could not be opened: 1.\n"
    )
    assert [secret["name"] for secret in server.ok("secret", "ls", "--json").json] == ["n0", "n2"]


def test_the_command_line_refuses_a_key_that_was_replaced(server: Installation) -> None:
    """As a web process under an attacker's control offers it: signed by the keeper, and destroyed."""
    server.ok("secret", "set", "n0", stdin="value of n0")
    server.ok("key", "rotate")
    server.ok("secret", "set", "n0", stdin="value of n0")
    connection = sqlite3.connect(server.home / "data" / "app.db")
    with connection:
        connection.execute("DELETE FROM site_keys WHERE epoch = 2")
    connection.close()
    refused = server.run("secret", "set", "n0", stdin="never sent")
    assert refused.status == 1
    assert "offers the site's key of epoch 1, and had one of epoch 2 before" in refused.err


def test_no_byte_run_of_the_old_forms_and_seeds_is_left(server: Installation) -> None:
    fill(server, 20)
    files = server.home
    with_old = sqlite3.connect(files / "data" / "app.db").execute("SELECT sealed FROM secrets").fetchall()
    seeds = sqlite3.connect(files / "keeper" / "keeper.db").execute("SELECT sealed FROM site_seeds").fetchall()
    wanted = [row[0][at : at + 32] for row in [*with_old, *seeds] for at in range(11, len(row[0]) - 32, 64)]

    def left() -> int:
        data = b"\n".join(path.read_bytes() for path in files.rglob("*") if path.is_file())
        return sum(run in data for run in wanted)

    assert left() > 0.9 * len(wanted)  # some runs lie across the border of two pages
    server.ok("key", "rotate")
    wait_until(lambda: left() == 0, "the old bytes are gone")


def test_the_rotation_waits_for_the_worker(installation: Installation) -> None:
    installation.start("web")
    wait_until(lambda: installation.run("site", "ls").status == 0, "the web process serves")
    waits = installation.run("key", "rotate", "--json")
    assert waits.status == 1
    assert waits.json["error"]["code"] == "rotation_waits"
    assert installation.ok("key", "show", "--json").json["sites"]["default"]["rotation"]["state"] == "running"
