"""keeper.db: its format, its marks, and a chain that goes on after a failed write."""

import sqlite3
import stat

import pytest

from nightdrop.audit.chain import Break
from nightdrop.audit.events import Event
from nightdrop.audit.keeper_chain import verify_chain
from nightdrop.core.clock import FakeClock
from nightdrop.keys.bootstrap import create_keys
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.keeper_db import (
    KeeperDbDamagedError,
    KeeperDbExistsError,
    KeeperDbMissingError,
    KeeperDbTooNewError,
    initialise,
)
from nightdrop.worker.keeper.store import HighWater, KeeperStore, NotWrittenError


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return create_keys(FileCustody(tmp_path_factory.mktemp("keys") / "node.key"), ["site_1"])


@pytest.fixture
def path(tmp_path, keys):
    database = tmp_path / "keeper.db"
    initialise(database, keys)
    return database


@pytest.fixture
def store(path):
    opened = KeeperStore(path, FakeClock(1000))
    yield opened
    opened.close()


def execute(path, statement, *parameters):
    connection = sqlite3.connect(path)
    with connection:
        rows = connection.execute(statement, parameters).fetchall()
    connection.close()
    return rows


def test_a_new_database_is_private_and_complete(path, keys):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(execute(path, "SELECT * FROM recipients")) == 2
    assert len(execute(path, "SELECT * FROM identity")) == 2
    assert len(execute(path, "SELECT * FROM site_seeds")) == 2
    assert verify_chain(path).entries == 0


def test_no_seed_is_stored_in_the_clear(path, tmp_path, keys):
    recovery = bytes(keys.recovery_printed.reveal())
    assert recovery not in path.read_bytes()


def test_it_is_never_overwritten(path, keys):
    before = path.read_bytes()
    with pytest.raises(KeeperDbExistsError):
        initialise(path, keys)
    assert path.read_bytes() == before


def test_it_cannot_be_made_in_a_directory_that_is_not_there(tmp_path, keys):
    with pytest.raises(KeeperDbDamagedError):
        initialise(tmp_path / "missing" / "keeper.db", keys)


@pytest.mark.parametrize("opener", [lambda path: KeeperStore(path, FakeClock()), verify_chain])
def test_what_cannot_be_opened_has_a_typed_error(path, opener, tmp_path):
    with pytest.raises(KeeperDbMissingError):
        opener(tmp_path / "nothing.db")
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"not a database" * 500)
    with pytest.raises(KeeperDbDamagedError):
        opener(garbage)
    empty = tmp_path / "empty.db"
    empty.touch()
    with pytest.raises(KeeperDbDamagedError):
        opener(empty)
    execute(path, "UPDATE meta SET value='2'")
    with pytest.raises(KeeperDbTooNewError):
        opener(path)
    execute(path, "UPDATE meta SET value='none'")
    with pytest.raises(KeeperDbDamagedError):
        opener(path)


def test_entries_continue_after_a_reopening(path):
    for _ in range(3):
        opened = KeeperStore(path, FakeClock(5))
        assert opened.record(Event.SECRET_READ, {"secret": "a"}) == 5
        opened.close()
    result = verify_chain(path)
    assert (result.ok, result.entries) == (True, 3)


def test_a_changed_entry_is_found(store, path):
    for _ in range(3):
        store.record(Event.SECRET_READ, {"secret": "a"})
    changed = "CAST(replace(CAST(body AS TEXT), 'secret.read', 'secret.miss') AS BLOB)"
    execute(path, f"UPDATE audit SET body={changed} WHERE seq=2")
    result = verify_chain(path)
    assert (result.broken_at, result.reason) == (2, Break.HASH)
    execute(path, "DELETE FROM audit WHERE seq=2")
    assert verify_chain(path).reason is Break.SEQUENCE


def test_a_mark_never_goes_down(store):
    def put(revision, digest):
        store.raise_high_water([store.high_water_change("site_1", "key", HighWater(revision, digest))])

    put(5, b"five")
    put(4, b"four")
    put(5, b"other")
    assert store.high_water("site_1", "key") == HighWater(5, b"five")
    put(6, b"six")
    assert store.high_water("site_1", "key") == HighWater(6, b"six")
    assert store.high_water("site_2", "key") is None


def test_a_failed_change_leaves_neither_mark_nor_entry(store, path):
    good = store.high_water_change("site_1", "key", HighWater(1, b"x"))
    bad = ("INSERT INTO high_water VALUES (?, ?, ?, ?)", ("site_1", "other", "not a number", b""))
    with pytest.raises(NotWrittenError):
        store.record(Event.SECRET_READ, {"secret": "key"}, [good, bad])
    assert store.high_water("site_1", "key") is None
    store.record(Event.SECRET_READ, {"secret": "key"}, [good])
    result = verify_chain(path)
    assert (result.ok, result.entries) == (True, 1)


def test_a_log_that_cannot_be_synced_stops_every_write(store, path):
    store.record(Event.SECRET_READ, {"secret": "key"})
    log = path.with_name("keeper.db-wal")
    log.rename(log.with_suffix(".away"))
    with pytest.raises(NotWrittenError):
        store.record(Event.SECRET_READ, {"secret": "key"}, durable=True)
    log.with_suffix(".away").rename(log)
    assert store.failed
    with pytest.raises(NotWrittenError):
        store.record(Event.SECRET_READ, {"secret": "key"})


def test_the_log_is_moved_into_the_database_when_it_grows(store, path):
    text = "x" * 4000
    for _ in range(1200):
        store.record(Event.SECRET_READ, {"secret": text})
    log = path.with_name("keeper.db-wal")
    grown = log.stat().st_size
    for _ in range(2000):
        store.record(Event.SECRET_READ, {"secret": text})
        if path.stat().st_size > 4 * 1024 * 1024:
            break
    assert path.stat().st_size > 4 * 1024 * 1024, "checkpointed while writing went on"
    assert grown > 4 * 1024 * 1024
    assert verify_chain(path).ok
