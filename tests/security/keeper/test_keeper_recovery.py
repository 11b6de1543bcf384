"""A lost node key: the recovery key brings everything back, any other key changes nothing."""

import subprocess
import sys

import pytest

from nightdrop.audit.keeper_chain import verify_chain
from nightdrop.crypto.identity import fingerprint
from nightdrop.crypto.seeds import generate_seed
from nightdrop.keys.bootstrap import create_node_key
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.recovery import print_recovery_key


def printed(installation):
    return bytes(installation.keys.recovery_printed.reveal()) + b"\n"


def state(installation):
    """Everything of keeper.db that recovery changes, and the node key."""
    tables = ("recipients", "identity", "site_seeds", "audit")
    rows = [installation.keeper_sql(f"SELECT * FROM {table}") for table in tables]
    return rows, sorted(path.name for path in installation.node_key.parent.iterdir())


def test_lost_key_then_recovery_then_everything_opens(installation, start):
    installation.put(installation.site_a, "key", b"value")
    installation.put(installation.site_b, "key", b"other")
    installation.node_key.unlink()
    keeper = start()
    run = keeper.open_run(installation.site_a)
    assert run.get("key") == b"x"
    assert installation.events() == ["secret.refused.no_key"]
    keeper.stop()
    done = installation.recover(printed(installation))
    assert (done.returncode, done.stderr) == (0, b"")
    again = start()
    status = again.ask("status")
    assert status["problem"] is None
    assert status["node"] == done.stdout.decode().strip()
    assert status["node"] != fingerprint(installation.keys.node_public)
    assert status["sites"] == {installation.site_a: "ok", installation.site_b: "ok"}
    assert again.open_run(installation.site_a, "run_a").get("key") == b"vvalue"
    assert again.open_run(installation.site_b, "run_b").get("key") == b"vother"
    assert installation.node_key.stat().st_mode & 0o777 == 0o600
    assert "keeper.recovered" in [entry["event"] for entry in installation.audit()]
    assert verify_chain(installation.home.keeper_db).ok


def test_a_recovered_home_makes_new_sites_and_can_be_recovered_again(installation, start):
    for _ in range(2):
        installation.node_key.unlink()
        assert installation.recover(printed(installation)).returncode == 0
    made = start().ask("create_site_key", site="site_00000000000000000000000003")
    assert made["ok"]
    nodes = installation.keeper_sql("SELECT fingerprint FROM recipients WHERE kind='node'")
    assert len(nodes) == 1


def test_the_old_node_is_gone_from_every_file(installation):
    old = [
        row[0]
        for row in installation.keeper_sql(
            "SELECT sealed FROM site_seeds JOIN recipients USING (fingerprint) WHERE kind='node'"
        )
    ]
    installation.node_key.unlink()
    assert installation.recover(printed(installation)).returncode == 0
    files = [path.read_bytes() for path in installation.home.keeper_db.parent.iterdir()]
    assert len(old) == 2
    for sealed in old:
        for start_at in range(0, len(sealed) - 32, 16):
            assert not any(sealed[start_at : start_at + 32] in data for data in files)


@pytest.mark.parametrize("kind", ["other installation", "mistyped", "empty", "a word", "too long", "not ascii"])
def test_a_wrong_recovery_key_changes_nothing(installation, kind):
    right = printed(installation)
    typed = {
        "other installation": bytes(print_recovery_key(generate_seed()).reveal()) + b"\n",
        "mistyped": right[:-3] + (b"0" if right[-3:-2] != b"0" else b"1") + right[-2:],
        "empty": b"",
        "a word": b"correct horse\n",
        "too long": b"A" * 100_000,
        "not ascii": "NIGHTDROP-RECOVERY-1-\u00fc\n".encode(),
    }[kind]
    installation.node_key.unlink()
    before = state(installation)
    done = installation.recover(typed)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: ")
    assert b"hint: " in done.stderr
    assert b"Traceback" not in done.stderr
    assert typed.strip() == b"" or typed.strip() not in done.stderr
    assert state(installation) == before


def test_a_working_node_key_is_not_replaced(installation):
    before = state(installation)
    done = installation.recover(printed(installation))
    assert done.returncode == 1
    assert b"The node key of this host is in place." in done.stderr
    assert state(installation) == before


def test_an_unusable_file_in_place_of_the_key_is_not_overwritten(installation):
    installation.node_key.write_bytes(b"what is this")
    before = state(installation)
    done = installation.recover(printed(installation))
    assert done.returncode == 1
    assert installation.node_key.read_bytes() == b"what is this"
    assert state(installation) == before


def test_a_seed_that_does_not_open_changes_nothing(installation):
    recovery = fingerprint(installation.keys.recovery_public)
    installation.keeper_sql("UPDATE site_seeds SET sealed=zeroblob(length(sealed)) WHERE fingerprint=?", recovery)
    installation.node_key.unlink()
    before = state(installation)
    done = installation.recover(printed(installation))
    assert done.returncode == 1
    assert b"does not open with the recovery key" in done.stderr
    assert state(installation) == before


def test_a_recovery_killed_before_its_commit_is_simply_repeated(installation, start):
    """What such a kill leaves: a new node key in place that nothing is sealed to, and a half-written one beside it."""
    installation.put(installation.site_a, "key", b"value")
    installation.node_key.unlink()
    create_node_key(FileCustody(installation.node_key))
    installation.node_key.with_name(installation.node_key.name + ".new").write_bytes(b"")
    keeper = start()
    assert keeper.ask("status")["problem"] == "node_key_unknown"
    keeper.stop()
    assert installation.recover(printed(installation)).returncode == 0
    assert start().open_run(installation.site_a).get("key") == b"vvalue"


def test_killed_at_any_system_call_it_can_be_repeated(installation, start, tmp_path):
    """Stop it when a file of the keeper or of the key changes for the n-th time, kill it there, then repeat it."""
    installation.put(installation.site_a, "key", b"value")
    installation.node_key.unlink()
    kills = 0
    for calls in range(1, 400, 4):
        code = (
            "import os, signal, sys, sqlite3\n"
            "left = int(sys.argv.pop(1))\n"
            "def count(event, arguments):\n"
            "    global left\n"
            "    if event.startswith(('os.', 'open', 'sqlite3.', 'ctypes.', 'fcntl.')):\n"
            "        left -= 1\n"
            "        if left == 0:\n"
            "            os.kill(os.getpid(), signal.SIGKILL)\n"
            "from nightdrop.worker.keeper.__main__ import main\n"
            "sys.addaudithook(count)\n"
            "main(sys.argv[1:])\n"
        )
        command = [sys.executable, "-I", "-c", code, str(calls), "recover", *installation.arguments]
        done = subprocess.run(command, input=printed(installation), capture_output=True, timeout=60, check=False)
        if done.returncode != -9:
            # The second one: killed after its commit, so the time before it was done already.
            assert done.returncode == 0 or b"is in place" in done.stderr, done.stderr
            break
        kills += 1
        assert verify_chain(installation.home.keeper_db).ok
    else:
        pytest.fail("the recovery never ended")
    assert kills > 1
    assert start().open_run(installation.site_a).get("key") == b"vvalue"


def test_a_key_put_back_is_found_without_a_restart(installation, start):
    installation.put(installation.site_a, "key", b"value")
    away = installation.node_key.with_suffix(".away")
    installation.node_key.rename(away)
    keeper = start()
    run = keeper.open_run(installation.site_a)
    assert run.get("key") == b"x"
    away.rename(installation.node_key)
    assert keeper.ask("status")["problem"] is None
    assert run.get("key") == b"vvalue"
    assert [e["problem"] for e in installation.audit() if e["event"] == "keeper.problem"] == [None]
