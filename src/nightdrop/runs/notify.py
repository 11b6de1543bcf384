"""Wake-ups between hosts that share one PostgreSQL: LISTEN and NOTIFY with the role to wake as the payload.

As with a bell, a wake-up only ends a wait early: a lost one costs a moment.
"""

from sqlalchemy import URL, Connection, text

from nightdrop.db.errors import DatabaseUnreachableError

_CHANNEL = "nightdrop_runs"
_NOTIFY = text("SELECT pg_notify(:channel, :role)")


def notify(conn: Connection, role: str) -> None:
    """Wake every listener at ``role`` when this transaction commits; on SQLite there is nobody to wake."""
    if conn.dialect.name != "sqlite":
        conn.execute(_NOTIFY, {"channel": _CHANNEL, "role": role})


class NotifyListener:
    """One process's ear on the database, with a connection of its own; made for ``select`` like a BellListener."""

    def __init__(self, url: URL, role: str) -> None:
        """Listen for wake-ups of ``role``.

        Raises:
            DatabaseUnreachableError: there is no connection.
        """
        if url.get_backend_name() == "sqlite":
            raise DatabaseUnreachableError("SQLite has no wake-ups between hosts.")
        import psycopg

        self._error = psycopg.OperationalError
        self._role = role
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            self._connection = psycopg.connect(plain, autocommit=True, connect_timeout=5)
            self._connection.execute(f"LISTEN {_CHANNEL}")
        except psycopg.OperationalError:
            # The driver's message may hold the address and the user.
            raise DatabaseUnreachableError from None

    def fileno(self) -> int:
        return self._connection.fileno()

    def drain(self) -> bool:
        """Take all wake-ups that have come; return whether one was for this role.

        Raises:
            DatabaseUnreachableError: the connection is gone; what came since may be missed, so look at the database.
        """
        wire = self._connection.pgconn
        rang = False
        try:
            wire.consume_input()
            while (message := wire.notifies()) is not None:
                rang |= message.extra == self._role.encode()
        except self._error:
            raise DatabaseUnreachableError from None
        return rang

    def close(self) -> None:
        self._connection.close()
