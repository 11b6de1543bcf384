"""Wake-ups between hosts that share one PostgreSQL: LISTEN and NOTIFY with the role to wake as the payload.

As with a bell, a wake-up only ends a wait early: a lost one costs a moment.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog
from sqlalchemy import URL, Connection, text

from nightdrop.db.errors import DatabaseUnreachableError
from nightdrop.db.postgres import KEEP_ALIVE, conninfo

log = structlog.get_logger()

_CHANNEL = "nightdrop_runs"
_NOTIFY = text("SELECT pg_notify(:channel, :role)")
_RETRY_S = 1.0


def notify(conn: Connection, role: str) -> None:
    """Wake every listener at ``role`` when this transaction commits; on SQLite there is nobody to wake."""
    if conn.dialect.name != "sqlite":
        conn.execute(_NOTIFY, {"channel": _CHANNEL, "role": role})


class NotifyListener:
    """One process's ear on the database, with a connection of its own; made for ``select`` like a BellListener."""

    def __init__(self, url: URL) -> None:
        """Listen for wake-ups of every role.

        Raises:
            DatabaseUnreachableError: there is no connection.
        """
        if url.get_backend_name() == "sqlite":
            raise DatabaseUnreachableError("SQLite has no wake-ups between hosts.")
        import psycopg

        self._error = psycopg.OperationalError
        try:
            self._connection = psycopg.connect(conninfo(url), autocommit=True, **KEEP_ALIVE)
            self._connection.execute(f"LISTEN {_CHANNEL}")
        except psycopg.OperationalError:
            # The driver's message may hold the address and the user.
            raise DatabaseUnreachableError from None

    def fileno(self) -> int:
        return self._connection.fileno()

    def drain(self) -> set[str]:
        """Take all wake-ups that have come; return the roles they were for.

        Raises:
            DatabaseUnreachableError: the connection is gone; what came since may be missed, so look at the database.
        """
        wire = self._connection.pgconn
        roles: set[str] = set()
        try:
            wire.consume_input()
            while (message := wire.notifies()) is not None:
                roles.add(message.extra.decode("utf-8", "replace"))
        except self._error:
            raise DatabaseUnreachableError from None
        return roles

    def close(self) -> None:
        self._connection.close()


async def keep_listening(url: URL, rung: Mapping[str, Callable[[], None]]) -> None:
    """At every wake-up of a role call what ``rung`` has for it, until cancelled; connects again when it must.

    All are called after each connecting too, since what came before was missed.
    """
    while True:
        try:
            listener = await asyncio.to_thread(NotifyListener, url)
        except DatabaseUnreachableError:
            await asyncio.sleep(_RETRY_S)
            continue
        try:
            await _hear(listener, rung)
        finally:
            listener.close()
        log.warning("wake_ups_lost", roles=sorted(rung))


async def _hear(listener: NotifyListener, rung: Mapping[str, Callable[[], None]]) -> None:
    """Return when the connection is gone."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    number = listener.fileno()

    def readable() -> None:
        try:
            heard = listener.drain()
        except DatabaseUnreachableError:
            loop.remove_reader(number)
            gone.set()
            return
        for role in heard & rung.keys():
            rung[role]()

    loop.add_reader(number, readable)
    try:
        for call in rung.values():
            call()
        await gone.wait()
    finally:
        # Before the descriptor is closed and its number used for something else.
        loop.remove_reader(number)
