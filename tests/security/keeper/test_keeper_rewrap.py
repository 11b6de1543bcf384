"""A new node key in place of the one so far: everything opens with it, and nothing with a copy of the old one."""

import subprocess
import sys

import pytest

from nightdrop.audit.keeper_chain import verify_chain

REWRAP = ["-m", "nightdrop.worker.keeper", "rewrap"]


def rewrap(installation, *prefix):
    command = [sys.executable, "-I", *(prefix or REWRAP), *installation.arguments]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


def nodes(installation):
    return [row[0] for row in installation.keeper_sql("SELECT fingerprint FROM recipients WHERE kind='node'")]


def sealed_to(installation, node):
    rows = installation.keeper_sql("SELECT sealed FROM site_seeds WHERE fingerprint=?", node)
    rows += installation.keeper_sql("SELECT sealed FROM identity WHERE fingerprint=?", node)
    return [row[0] for row in rows]


def left_in_files(installation, sealed):
    files = [path.read_bytes() for path in installation.home.keeper_db.parent.iterdir()]
    return sum(part[at : at + 32] in data for part in sealed for at in range(11, len(part) - 32, 16) for data in files)


def test_the_new_key_opens_everything_and_the_old_one_nothing(installation, start):
    installation.put(installation.site_a, "key", b"value")
    keeper = start()
    identity = keeper.ask("status")["identity"]
    assert keeper.ask("begin_rotation", site=installation.site_a, epoch=2)["ok"]
    keeper.stop()
    (old,) = nodes(installation)
    old_file = installation.node_key.read_bytes()
    old_rows = sealed_to(installation, old)
    assert len(old_rows) == 4
    done = rewrap(installation)
    assert (done.returncode, done.stderr) == (0, b"")
    assert nodes(installation) == [done.stdout.decode().strip()]
    assert left_in_files(installation, old_rows) == 0
    assert [path.name for path in installation.node_key.parent.iterdir()] == [installation.node_key.name]
    assert installation.node_key.stat().st_mode & 0o777 == 0o600
    again = start()
    status = again.ask("status")
    assert (status["problem"], status["identity"], status["recipients"]) == (None, identity, "signed")
    assert again.open_run(installation.site_a).get("key") == b"vvalue"
    assert again.ask("begin_rotation", site=installation.site_a, epoch=2)["ok"]
    again.stop()
    assert verify_chain(installation.home.keeper_db).ok
    new_file = installation.node_key.read_bytes()
    installation.node_key.write_bytes(old_file)
    assert start().ask("status")["problem"] == "node_key_unknown"
    installation.node_key.write_bytes(new_file)


def test_the_recovery_key_still_opens(installation, start):
    installation.put(installation.site_a, "key", b"value")
    assert rewrap(installation).returncode == 0
    installation.node_key.unlink()
    assert installation.recover(bytes(installation.keys.recovery_printed.reveal()) + b"\n").returncode == 0
    assert start().open_run(installation.site_a).get("key") == b"vvalue"


def test_it_refuses_while_the_keeper_runs(installation, keeper):
    keeper.ask("status")
    before = installation.node_key.read_bytes()
    done = rewrap(installation)
    assert done.returncode == 1
    assert b"Another keeper is running on this home." in done.stderr
    assert installation.node_key.read_bytes() == before


def test_a_list_that_was_tampered_with_is_not_signed(installation):
    installation.keeper_sql("UPDATE meta SET value='AAAA' WHERE key='recipients_signature'")
    before = nodes(installation)
    done = rewrap(installation)
    assert done.returncode == 1
    assert b"not the one that the keeper signed" in done.stderr
    assert nodes(installation) == before


@pytest.mark.parametrize("what", ["missing", "not a key"])
def test_without_a_node_key_nothing_is_made(installation, what):
    installation.node_key.unlink()
    if what == "not a key":
        installation.node_key.write_bytes(b"anything")
        installation.node_key.chmod(0o600)
    before = nodes(installation)
    assert rewrap(installation).returncode == 1
    assert nodes(installation) == before


def test_killed_at_any_point_either_key_opens_and_the_next_attempt_ends_it(installation, start):
    """Stop it when a file of the keeper or of the key changes for the n-th time, and kill it there."""
    installation.put(installation.site_a, "key", b"value")
    code = (
        "import os, signal, sys, sqlite3\n"
        "left = int(sys.argv.pop(1))\n"
        "def count(event, arguments):\n"
        "    global left\n"
        "    if event.startswith(('os.', 'open', 'sqlite3.', 'fcntl.')):\n"
        "        left -= 1\n"
        "        if left == 0:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "from nightdrop.worker.keeper.__main__ import main\n"
        "sys.addaudithook(count)\n"
        "main(sys.argv[1:])\n"
    )
    kills = 0
    for calls in range(3, 400, 3):
        done = rewrap(installation, "-c", code, str(calls), "rewrap")
        if done.returncode != -9:
            assert done.returncode == 0, done.stderr
            break
        kills += 1
        assert 1 <= len(nodes(installation)) <= 2
        if kills % 4 == 0:
            keeper = start()
            assert keeper.ask("status")["problem"] is None
            assert keeper.open_run(installation.site_a, f"run_{calls}").get("key") == b"vvalue"
            keeper.stop()
    else:
        pytest.fail("it never ended")
    assert kills > 3
    assert len(nodes(installation)) == 1
    keeper = start()
    assert keeper.ask("status")["recipients"] == "signed"
    assert keeper.open_run(installation.site_a).get("key") == b"vvalue"
    assert verify_chain(installation.home.keeper_db).ok


def test_killed_after_the_new_key_took_its_place_the_next_start_removes_the_old_one(installation, start):
    code = (
        "import os, signal, sys\n"
        "from nightdrop.worker.keeper import rewrap\n"
        "replace = rewrap._take_place\n"
        "rewrap._take_place = lambda *paths: (replace(*paths), os.kill(os.getpid(), signal.SIGKILL))\n"
        "from nightdrop.worker.keeper.__main__ import main\n"
        "main(sys.argv[1:])\n"
    )
    (old,) = nodes(installation)
    assert rewrap(installation, "-c", code, "rewrap").returncode == -9
    assert len(nodes(installation)) == 2
    keeper = start()
    assert keeper.ask("status")["problem"] is None
    keeper.stop()
    assert len(nodes(installation)) == 1
    assert old not in nodes(installation)
    changed = [entry for entry in installation.audit() if entry["event"] == "keeper.node_key_changed"]
    assert [entry["removed"] for entry in changed] == [[old]]
