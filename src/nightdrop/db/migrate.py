"""Brings a database to this version, in one transaction: killed half way, it is as it was.

Alembic is imported only when there is something to do; it costs memory that a running server need not carry.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from nightdrop.core import revisions
from nightdrop.core.revisions import head
from nightdrop.db.engine import Database
from nightdrop.db.errors import DatabaseNotReadyError, DatabaseTooNewError

# Any constant will do, as long as no other advisory lock has it.
_POSTGRES_LOCK = 0x6E64_6D69_6772


def current(db: Database) -> str | None:
    """Return the revision of a database, ``None`` when it is empty."""
    with db.read() as connection:
        return _current(connection)


def require_head(db: Database) -> None:
    """Check that the schema is this version's.

    Raises:
        DatabaseTooNewError, DatabaseNotReadyError.
    """
    with db.read() as connection:
        if not _is_head(connection):
            raise DatabaseNotReadyError


def upgrade(db: Database) -> None:
    """Bring the schema to this version; does nothing when it is there already.

    Two processes may do this at the same time: the second waits, then finds nothing to do.

    Raises:
        DatabaseTooNewError: a newer version made it. Nothing is changed.
        DatabaseBusyError: another program holds a table (on PostgreSQL 4 seconds per lock, 5 per statement).
    """
    with db.read() as connection:
        if _is_head(connection):
            return
    with db.write() as connection:
        if not db.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
            connection.execute(text("SET LOCAL lock_timeout = '4s'"))
            connection.execute(text("SET LOCAL statement_timeout = '5s'"))
        if not _is_head(connection):
            _run(connection)


def _is_head(connection: Connection) -> bool:
    found = _current(connection)
    if found is not None and found not in revisions.REVISIONS:
        raise DatabaseTooNewError
    return found == head()


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, head())
