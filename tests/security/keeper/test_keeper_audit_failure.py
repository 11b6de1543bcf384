"""A value whose audit entry cannot be written does not leave the keeper."""

import sqlite3

import pytest

from nightdrop.audit.keeper_chain import verify_chain

# Bytes that any one file of the keeper may have: room for its start, not for many entries.
FILE_LIMIT = 256 * 1024
LIMITED = (
    "prlimit",
    f"--fsize={FILE_LIMIT}",
)


def test_a_full_disk_releases_nothing(installation, start):
    """The kernel refuses to let keeper.db-wal grow, as a full disk does, until there is room again."""
    installation.put(installation.site_a, "key", b"value")
    keeper = start(prefix=LIMITED)
    run = keeper.open_run(installation.site_a)
    released = 0
    while (reply := run.get("key")) == b"vvalue":
        released += 1
        assert released < 1000
    assert reply == b"a"
    assert run.get("key") == b"a"
    assert run.get("missing") == b"a"
    assert keeper.notices()[-1]["class"] == "audit"
    assert installation.events() == ["secret.read"] * released
    assert verify_chain(installation.home.keeper_db).ok
    keeper.stop()
    again = start().open_run(installation.site_a, "later")
    assert again.get("key") == b"vvalue"
    assert installation.events() == ["secret.read"] * (released + 1)
    assert verify_chain(installation.home.keeper_db).ok


def test_a_locked_database_releases_nothing_and_recovers(installation, start):
    installation.put(installation.site_a, "key", b"value")
    run = start().open_run(installation.site_a)
    assert run.get("key") == b"vvalue"
    other = sqlite3.connect(installation.home.keeper_db, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert run.get("key") == b"a"
    other.execute("ROLLBACK")
    other.close()
    assert run.get("key") == b"vvalue"
    assert installation.events() == ["secret.read"] * 2
    assert verify_chain(installation.home.keeper_db).ok


@pytest.mark.parametrize("break_it", ["missing", "garbage", "newer"])
def test_without_its_database_the_keeper_starts_and_releases_nothing(installation, start, break_it):
    installation.put(installation.site_a, "key", b"value")
    path = installation.home.keeper_db
    whole = path.read_bytes()
    if break_it == "newer":
        installation.keeper_sql("UPDATE meta SET value='2' WHERE key='format'")
    elif break_it == "garbage":
        path.write_bytes(b"not a database" * 1000)
    else:
        path.unlink()
    keeper = start()
    code = {"missing": "keeper_db_missing", "garbage": "keeper_db_damaged", "newer": "keeper_db_too_new"}[break_it]
    assert keeper.ask("status")["problem"] == code
    run = keeper.open_run(installation.site_a)
    assert run.get("key") == b"a"
    refused = keeper.ask("create_site_key", site=installation.site_a)
    assert (refused["ok"], refused["code"]) == (False, code)
    # Put back while the keeper runs: the next question for its status finds it.
    for leftover in path.parent.glob("keeper.db*"):
        leftover.unlink()
    path.write_bytes(whole)
    assert keeper.ask("status")["problem"] is None
    assert run.get("key") == b"vvalue"
