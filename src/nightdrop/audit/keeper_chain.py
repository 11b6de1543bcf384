"""Reads the keeper's audit log from outside, without writing and without any key."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from nightdrop.audit.chain import VerifyResult, verify
from nightdrop.keys.keeper_db import KeeperDbDamagedError, KeeperDbMissingError, check_format, connect_read_only


class Entry(NamedTuple):
    """One entry as it is stored: its number and the canonical JSON of its body."""

    seq: int
    body: bytes


class KeeperLog:
    """A ``keeper.db`` that may be in use; made by ``open_keeper_log``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def verify(self) -> VerifyResult:
        """Check every entry."""
        return verify(self._connection.execute("SELECT seq, prev, body, hash FROM audit ORDER BY seq"))

    def entry_hash(self, seq: int) -> bytes | None:
        """Return the hash of one entry."""
        row = self._connection.execute("SELECT hash FROM audit WHERE seq = ?", (seq,)).fetchone()
        return row[0] if row else None

    def newest(self, limit: int) -> list[Entry]:
        """Return the last ``limit`` entries, the newest first."""
        rows = self._connection.execute("SELECT seq, body FROM audit ORDER BY seq DESC LIMIT ?", (limit,))
        return [Entry(*row) for row in rows]

    def identity(self) -> bytes | None:
        """Return the keeper's public key, as the database has it: compare it with what is pinned."""
        row = self._connection.execute("SELECT public FROM identity LIMIT 1").fetchone()
        return row[0] if row else None

    def remembered_note(self, log: str) -> str | None:
        """Return the newest signed checkpoint of another log that is remembered here."""
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'checkpoints'").fetchone():
            return None  # the keeper of an earlier release made this file, and no other has run on it yet
        row = self._connection.execute("SELECT note FROM checkpoints WHERE log = ?", (log,)).fetchone()
        return row[0] if row else None


@contextmanager
def open_keeper_log(path: Path) -> Iterator[KeeperLog]:
    """Open the audit log in a ``keeper.db`` for reading.

    Raises:
        KeeperDbMissingError, KeeperDbTooNewError, KeeperDbDamagedError.
    """
    if not path.exists():
        raise KeeperDbMissingError
    try:
        connection: Any = connect_read_only(path)
    except sqlite3.Error:
        raise KeeperDbDamagedError from None
    try:
        check_format(connection)
        yield KeeperLog(connection)
    except sqlite3.Error:
        raise KeeperDbDamagedError from None
    finally:
        connection.close()


def verify_chain(path: Path) -> VerifyResult:
    """Check every entry in a ``keeper.db``; it may be in use.

    Raises:
        KeeperDbMissingError, KeeperDbTooNewError, KeeperDbDamagedError.
    """
    with open_keeper_log(path) as log:
        return log.verify()
