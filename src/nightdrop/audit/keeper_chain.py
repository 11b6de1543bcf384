"""Reads the audit logs of keepers from outside, without writing and without any key."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from nightdrop.audit.chain import VerifyResult, verify
from nightdrop.keys.keeper_db import KeeperDbDamagedError, KeeperDbMissingError, check_format, connect_read_only
from nightdrop.keys.keeper_postgres import check_schema_format, connect, genesis

_BATCH = 1000


class Entry(NamedTuple):
    """One entry as it is stored: its number and the canonical JSON of its body."""

    seq: int
    body: bytes


class KeeperLog(Protocol):
    """One audit chain of a keeper."""

    def verify(self) -> VerifyResult:
        """Check every entry."""
        ...

    def entry_hash(self, seq: int) -> bytes | None:
        """Return the hash of one entry."""
        ...

    def newest(self, limit: int) -> list[Entry]:
        """Return the last ``limit`` entries, the newest first."""
        ...


class KeeperLogs(Protocol):
    """The audit logs in a keeper's database that may be in use; made by ``open_keeper_logs``."""

    def chains(self) -> list[str]:
        """Return the names of the chains; the empty one in ``keeper.db``, one for each home on PostgreSQL."""
        ...

    def log(self, chain: str) -> KeeperLog:
        """Return a chain; one that is not there is empty."""
        ...

    def identity(self) -> bytes | None:
        """Return the keeper's public key, as the database has it: compare it with what is pinned."""
        ...

    def remembered_note(self, log: str) -> str | None:
        """Return the newest signed checkpoint of another log that is remembered here."""
        ...


class _FileLogs:
    """``keeper.db``, which has one chain."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def chains(self) -> list[str]:
        return [""]

    def log(self, chain: str) -> KeeperLog:
        del chain
        return self

    def verify(self) -> VerifyResult:
        return verify(self._connection.execute("SELECT seq, prev, body, hash FROM audit ORDER BY seq"))

    def entry_hash(self, seq: int) -> bytes | None:
        row = self._connection.execute("SELECT hash FROM audit WHERE seq = ?", (seq,)).fetchone()
        return row[0] if row else None

    def newest(self, limit: int) -> list[Entry]:
        rows = self._connection.execute("SELECT seq, body FROM audit ORDER BY seq DESC LIMIT ?", (limit,))
        return [Entry(*row) for row in rows]

    def identity(self) -> bytes | None:
        row = self._connection.execute("SELECT public FROM identity LIMIT 1").fetchone()
        return row[0] if row else None

    def remembered_note(self, log: str) -> str | None:
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'checkpoints'").fetchone():
            return None  # the keeper of an earlier release made this file, and no other has run on it yet
        row = self._connection.execute("SELECT note FROM checkpoints WHERE log = ?", (log,)).fetchone()
        return row[0] if row else None


class _SchemaLogs:
    """The keepers' schema on PostgreSQL."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def chains(self) -> list[str]:
        return [row[0] for row in self.connection.execute("SELECT DISTINCT chain FROM audit ORDER BY chain")]

    def log(self, chain: str) -> KeeperLog:
        return _SchemaLog(self.connection, chain)

    def identity(self) -> bytes | None:
        row = self.connection.execute("SELECT public FROM identity LIMIT 1").fetchone()
        return bytes(row[0]) if row else None

    def remembered_note(self, log: str) -> str | None:
        row = self.connection.execute("SELECT note FROM checkpoints WHERE log = %s", (log,)).fetchone()
        return row[0] if row else None


class _SchemaLog:
    def __init__(self, connection: Any, chain: str) -> None:
        self._connection = connection
        self._chain = chain

    def verify(self) -> VerifyResult:
        # A cursor on the server, in a transaction: the log may be longer than our memory.
        with self._connection.transaction(), self._connection.cursor("chain", binary=True) as cursor:
            cursor.itersize = _BATCH
            cursor.execute("SELECT seq, prev, body, hash FROM audit WHERE chain = %s ORDER BY seq", (self._chain,))
            return verify(cursor, genesis(self._chain))

    def entry_hash(self, seq: int) -> bytes | None:
        values = (self._chain, seq)
        row = self._connection.execute("SELECT hash FROM audit WHERE chain = %s AND seq = %s", values).fetchone()
        return bytes(row[0]) if row else None

    def newest(self, limit: int) -> list[Entry]:
        query = "SELECT seq, body FROM audit WHERE chain = %s ORDER BY seq DESC LIMIT %s"
        return [Entry(seq, bytes(body)) for seq, body in self._connection.execute(query, (self._chain, limit))]


@contextmanager
def open_keeper_logs(where: Path | str) -> Iterator[KeeperLogs]:
    """Open the keeper's audit logs for reading.

    Args:
        where: ``keeper.db``, or a URL as ``keeper_config`` gives it.

    Raises:
        KeeperDbMissingError, KeeperDbTooNewError, KeeperDbDamagedError; for a URL also KeeperDriverMissingError,
        KeeperDbUnreachableError, KeeperSchemaMissingError.
    """
    with _open_schema(where) if isinstance(where, str) else _open_file(where) as logs:
        yield logs


@contextmanager
def _open_file(path: Path) -> Iterator[KeeperLogs]:
    if not path.exists():
        raise KeeperDbMissingError
    try:
        connection = connect_read_only(path)
    except sqlite3.Error:
        raise KeeperDbDamagedError from None
    try:
        check_format(connection)
        yield _FileLogs(connection)
    except sqlite3.Error:
        raise KeeperDbDamagedError from None
    finally:
        connection.close()


@contextmanager
def _open_schema(url: str) -> Iterator[KeeperLogs]:
    with connect(url, read_only=True) as connection:
        import psycopg

        try:
            check_schema_format(connection)
            yield _SchemaLogs(connection)
        except psycopg.Error:
            raise KeeperDbDamagedError from None


def verify_chain(path: Path) -> VerifyResult:
    """Check every entry in a ``keeper.db``; it may be in use.

    Raises:
        KeeperDbMissingError, KeeperDbTooNewError, KeeperDbDamagedError.
    """
    with open_keeper_logs(path) as logs:
        return logs.log("").verify()
