"""How PostgreSQL gives sealed rows: one connection of the keeper's own that only reads."""

import time
from typing import TYPE_CHECKING, Any, Final

from nightdrop.worker.keeper.sealed_rows import RowsUnavailableError, SealedRow

if TYPE_CHECKING:
    import psycopg

_FIND: Final = (
    "SELECT sealed, revision, epoch, (SELECT expires_ms FROM secret_expiries WHERE secret_id = secrets.id)"
    " FROM secrets WHERE site_id = %s AND name = %s"
)
_EXISTS: Final = "SELECT 1 FROM secrets WHERE site_id = %s AND name = %s"
_OLDER: Final = "SELECT 1 FROM secrets WHERE site_id = %s AND epoch < %s LIMIT 1"
# Every run of this host waits while the keeper does.
_LIMITS: Final[dict[str, Any]] = {
    "connect_timeout": 3,
    "tcp_user_timeout": 3000,
    "options": "-c default_transaction_read_only=on -c statement_timeout=2000",
}
_RETRY_S = 1.0


class PostgresSealedRows:
    """Reads table ``secrets``; connects when it is asked, and again when the connection was lost."""

    def __init__(self, url: str) -> None:
        """Remember ``url``, as libpq takes it."""
        # Not at the top: on SQLite the keeper does without the driver's memory.
        import psycopg

        self._driver = psycopg
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None
        self._not_before = 0.0

    def __repr__(self) -> str:
        return "<PostgresSealedRows>"

    def find(self, site_id: str, name: str) -> SealedRow | None:
        row = self._query(_FIND, site_id, name)
        return SealedRow(*row) if row else None

    def exists(self, site_id: str, name: str) -> bool:
        return self._query(_EXISTS, site_id, name) is not None

    def any_older(self, site_id: str, epoch: int) -> bool:
        return self._query(_OLDER, site_id, epoch) is not None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _query(self, sql: str, site_id: str, key: str | int) -> tuple[Any, ...] | None:
        fresh = self._connection is None
        try:
            return self._ask(sql, site_id, key)
        except self._driver.OperationalError:
            self.close()
            if fresh:
                raise RowsUnavailableError from None
        except self._driver.Error:
            self.close()
            raise RowsUnavailableError from None
        # The server was started anew since the last question.
        try:
            return self._ask(sql, site_id, key)
        except self._driver.Error:
            self.close()
            raise RowsUnavailableError from None

    def _ask(self, sql: str, site_id: str, key: str | int) -> tuple[Any, ...] | None:
        connection = self._connection or self._open()
        # autocommit: no transaction stays open between two questions.
        with connection.cursor(binary=True) as cursor:
            return cursor.execute(sql, (site_id, key), prepare=True).fetchone()

    def _open(self) -> "psycopg.Connection[Any]":
        # A server that does not answer must not stop every run for seconds, one after the other.
        if time.monotonic() < self._not_before:
            raise RowsUnavailableError
        try:
            self._connection = self._driver.connect(self._url, autocommit=True, **_LIMITS)
        except self._driver.Error:
            self._not_before = time.monotonic() + _RETRY_S
            raise
        return self._connection
