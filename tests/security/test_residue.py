"""After an overwrite or a delete no byte run of the old ciphertext is in any file of the home directory."""

import os
import sqlite3
from pathlib import Path

import pytest

from nightdrop.core.clock import SystemClock
from nightdrop.core.home import create_home
from nightdrop.db import engine
from nightdrop.db.engine import Database
from nightdrop.db.errors import ResidueRemainsError
from nightdrop.db.migrate import upgrade
from vault import OWNER, Vault, seal

RUN = 16
SIZES = [20, 3000, 200_000]


@pytest.fixture
def home(tmp_path: Path):
    return create_home(tmp_path / "home")


@pytest.fixture
def vault(home):
    with Database.open(home) as db:
        upgrade(db)
        yield Vault(db, SystemClock())


def put(vault, name, size):
    """Store a value and return its sealed bytes: they are what must vanish."""
    key = vault.key(name)
    sealed = seal(key, name, os.urandom(size).hex().encode()[:size])
    info = vault.secrets.put(OWNER, vault.site.id, name, sealed, key.revision, key.epoch)
    assert info.scrubbed
    return sealed


def files(home):
    found = [path for path in home.root.rglob("*") if path.is_file()]
    assert home.app_db in found
    return found


def runs_in(data, sealed):
    """Count the 16-byte runs of ``sealed``, at every offset behind the header that is the same in all."""
    wanted = {sealed[start : start + RUN] for start in range(11, len(sealed) - RUN + 1)}
    return sum(data[start : start + RUN] in wanted for start in range(len(data) - RUN + 1))


def runs_left(home, sealed):
    return sum(runs_in(path.read_bytes(), sealed) for path in files(home))


@pytest.mark.parametrize("size", SIZES)
def test_while_it_is_stored_it_is_found(home, vault, size):
    """The control: the search sees what is there."""
    sealed = put(vault, "a", size)
    assert runs_left(home, sealed) > 500


@pytest.mark.parametrize("size", SIZES)
def test_an_overwritten_value_is_gone(home, vault, size):
    for name in ("before", "a", "after"):
        put(vault, name, 500)
    old = put(vault, "a", size)
    new = put(vault, "a", 100)
    assert runs_left(home, old) == 0
    assert runs_left(home, new) > 500


@pytest.mark.parametrize("size", SIZES)
def test_a_deleted_value_is_gone(home, vault, size):
    for name in ("before", "a", "after"):
        put(vault, name, 500)
    old = put(vault, "a", size)
    vault.secrets.describe(OWNER, vault.site.id, "a", "moves the row " * 30)
    vault.secrets.mark_used([(vault.site.id, "a", 5)])
    assert vault.secrets.delete(OWNER, vault.site.id, "a").scrubbed
    assert runs_left(home, old) == 0


def test_among_many(home, vault):
    """Pages split, merge and move to the free list."""
    sealed = {f"n{number}": put(vault, f"n{number}", 300 + number * 397 % 6000) for number in range(40)}
    for number in range(0, 40, 2):
        vault.secrets.delete(OWNER, vault.site.id, f"n{number}")
    kept = b"".join(sealed[f"n{number}"][11:] for number in range(1, 40, 2))
    gone = b"".join(sealed[f"n{number}"][11:] for number in range(0, 40, 2))
    assert runs_left(home, kept) > 10_000
    assert runs_left(home, gone) == 0


def test_with_a_reader_the_change_is_done_and_the_rest_follows(home, vault, monkeypatch):
    """A reader keeps the log in use: the store says so, and the next write empties it."""
    old = put(vault, "a", 3000)
    reader = sqlite3.connect(home.app_db, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM secrets").fetchone() == (1,)
    monkeypatch.setattr(Database.scrub, "__defaults__", (0.05,))
    key = vault.key("a")
    info = vault.secrets.put(OWNER, vault.site.id, "a", seal(key, "a", b"new"), key.revision, key.epoch)
    assert (info.revision, info.scrubbed) == (2, False)
    assert vault.db.residue
    assert runs_left(home, old) > 0
    with pytest.raises(ResidueRemainsError):
        vault.db.scrub()
    reader.execute("COMMIT")
    vault.secrets.describe(OWNER, vault.site.id, "a", "any write")
    assert not vault.db.residue
    assert runs_left(home, old) == 0
    reader.close()


def test_a_reader_that_ends_in_time_is_waited_for(home, vault, monkeypatch):
    old = put(vault, "a", 3000)
    reader = sqlite3.connect(home.app_db, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM secrets").fetchone()
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            reader.execute("COMMIT")

    monkeypatch.setattr(engine.time, "sleep", pause)
    put(vault, "a", 50)
    assert len(pauses) >= 3
    assert not vault.db.residue
    assert runs_left(home, old) == 0
    reader.close()


def test_what_a_killed_process_left_goes_at_the_next_start(home, vault, monkeypatch):
    old = put(vault, "a", 3000)
    with monkeypatch.context() as patch:
        # As when it is killed between the commit and the scrub.
        patch.setattr(Database, "scrub", lambda _self: None)
        vault.secrets.delete(OWNER, vault.site.id, "a")
    assert runs_left(home, old) > 0
    with Database.open(home) as db:
        assert not db.residue
        assert runs_left(home, old) == 0


def test_a_backup_has_nothing_of_it(home, vault, tmp_path):
    old = put(vault, "a", 3000)
    kept = put(vault, "b", 3000)
    with sqlite3.connect(home.app_db) as careless:
        careless.execute("PRAGMA secure_delete=OFF")
        careless.execute("DELETE FROM secrets WHERE name = 'a'")
    careless.close()
    assert runs_left(home, old) > 0
    target = tmp_path / "backup.db"
    vault.db.backup(target)
    data = target.read_bytes()
    assert runs_in(data, kept) > 500
    assert runs_in(data, old) == 0
