"""Sealed rows, read from the web's database without ever writing to it: what they are, and how SQLite gives them."""

import sqlite3
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import quote

from nightdrop.core.errors import UnavailableError

_FIND = (
    "SELECT sealed, revision, epoch, (SELECT expires_ms FROM secret_expiries WHERE secret_id = secrets.id)"
    " FROM secrets WHERE site_id = ? AND name = ?"
)
_EXISTS = "SELECT 1 FROM secrets WHERE site_id = ? AND name = ?"
_OLDER = "SELECT 1 FROM secrets WHERE site_id = ? AND epoch < ? LIMIT 1"
_BUSY_MS = 2000
_MAX_REVISION = 2**63 - 1
_MAX_EPOCH = 2**32 - 1


class RowsUnavailableError(UnavailableError):
    """The database with the sealed secrets cannot be read."""

    code = "app_db_unavailable"
    hint = "Run nightdrop doctor."


class SealedRow(NamedTuple):
    """A sealed secret as it lies in the database: untrusted, and not opened yet."""

    sealed: bytes
    revision: int
    epoch: int
    # Anybody who writes the database can change it: it may only ever take a value away.
    expires_ms: int | None = None

    def well_formed(self) -> bool:
        """Tell whether the columns have the types and ranges that they must have; SQLite does not see to it."""
        return (
            type(self.sealed) is bytes
            and type(self.revision) is int
            and type(self.epoch) is int
            and (self.expires_ms is None or type(self.expires_ms) is int)
            and 0 < self.revision <= _MAX_REVISION
            and 0 < self.epoch <= _MAX_EPOCH
        )


class SealedRows(Protocol):
    """Finds sealed rows by site and name."""

    def find(self, site_id: str, name: str) -> SealedRow | None:
        """Return a secret's row, or ``None``.

        Raises:
            RowsUnavailableError
        """

    def exists(self, site_id: str, name: str) -> bool:
        """Tell whether there is such a secret.

        Raises:
            RowsUnavailableError
        """

    def any_older(self, site_id: str, epoch: int) -> bool:
        """Tell whether a secret of the site is sealed to an earlier epoch.

        Raises:
            RowsUnavailableError
        """

    def close(self) -> None: ...


class SqliteSealedRows:
    """Reads ``app.db``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cursor: sqlite3.Cursor | None = None

    def find(self, site_id: str, name: str) -> SealedRow | None:
        rows = self._query(_FIND, site_id, name)
        return SealedRow(*rows[0]) if rows else None

    def exists(self, site_id: str, name: str) -> bool:
        return bool(self._query(_EXISTS, site_id, name))

    def any_older(self, site_id: str, epoch: int) -> bool:
        """Tell whether a secret of the site is sealed to an earlier epoch.

        Raises:
            RowsUnavailableError
        """
        return bool(self._query(_OLDER, site_id, epoch))

    def _query(self, sql: str, site_id: str, key: str | int) -> list[tuple[bytes, int, int, int | None]]:
        try:
            cursor = self._cursor or self._open()
            # fetchall ends the read transaction at once: one left open keeps the web from emptying its log of
            # overwritten secrets.
            return cursor.execute(sql, (site_id, key)).fetchall()
        except sqlite3.Error:
            self.close()
            raise RowsUnavailableError from None

    def _open(self) -> sqlite3.Cursor:
        connection = sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True, isolation_level=None)
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        self._cursor = connection.cursor()
        return self._cursor

    def close(self) -> None:
        if self._cursor is not None:
            self._cursor.connection.close()
            self._cursor = None
