"""Typed errors of the database edge, and the one place that knows driver error codes.

A driver's message may quote a row (PostgreSQL's DETAIL does), so it is never passed on: only its code is.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from nightdrop.core.errors import NightdropError, UnavailableError


class DatabaseFailedError(NightdropError):
    """The database gave an answer that nightdrop does not know."""

    code = "database_failed"
    hint = "Run: nightdrop doctor"


class DatabaseBusyError(UnavailableError):
    """The database is busy."""

    code = "database_busy"
    hint = "Try again in a moment; if it stays, look for another program that holds the database."


class DiskFullError(UnavailableError):
    """The disk of the database is full."""

    code = "disk_full"
    hint = "Nothing was changed. Free some space, then try again."


class DatabaseReadOnlyError(UnavailableError):
    """The database cannot be written."""

    code = "database_read_only"
    hint = "Check the permissions of the home directory and whether its file system is mounted read-only."


class DatabaseUnreachableError(UnavailableError):
    """The database cannot be opened."""

    code = "database_unreachable"
    hint = "Check that the file or the server is there and that nightdrop may use it."


class DatabaseDamagedError(UnavailableError):
    """The database file is damaged, or is not a database."""

    code = "database_damaged"
    hint = "Stop nightdrop, keep a copy of the file, and restore the last backup."


class DatabaseTooNewError(UnavailableError):
    """The database was made by a newer nightdrop."""

    code = "database_too_new"
    hint = "Install the nightdrop version that made it, or a newer one. Nothing was changed."


class DatabaseNotReadyError(UnavailableError):
    """The database has not been brought to this version yet."""

    code = "database_not_ready"
    hint = "Start it once with: nightdrop up"


class ResidueRemainsError(UnavailableError):
    """The change is done, but a reader kept its old bytes in the write-ahead log."""

    code = "residue_remains"
    hint = "Nothing needs to be repeated: the next write or start removes them."


_SQLITE = {
    sqlite3.SQLITE_BUSY: DatabaseBusyError,
    sqlite3.SQLITE_LOCKED: DatabaseBusyError,
    sqlite3.SQLITE_FULL: DiskFullError,
    sqlite3.SQLITE_READONLY: DatabaseReadOnlyError,
    sqlite3.SQLITE_PERM: DatabaseUnreachableError,
    sqlite3.SQLITE_CANTOPEN: DatabaseUnreachableError,
    sqlite3.SQLITE_CORRUPT: DatabaseDamagedError,
    sqlite3.SQLITE_NOTADB: DatabaseDamagedError,
}

# Told apart by more than the kind: memory is shared through a file, for which there was no room.
_SQLITE_EXTENDED = {sqlite3.SQLITE_IOERR_SHMSIZE: DiskFullError}

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES: dict[str, type[NightdropError]] = {
    "53100": DiskFullError,
    "25006": DatabaseReadOnlyError,
    "55P03": DatabaseBusyError,
    "57014": DatabaseBusyError,
    "40001": DatabaseBusyError,
    "40P01": DatabaseBusyError,
    "53300": DatabaseBusyError,
    "42501": DatabaseReadOnlyError,
    "28": DatabaseUnreachableError,
    "3D": DatabaseUnreachableError,
    "08": DatabaseUnreachableError,
    "57": DatabaseUnreachableError,
    "XX": DatabaseDamagedError,
}
# The second one: the connection was lost by an earlier statement of the same transaction.
_NO_ANSWER = {"OperationalError", "InterfaceError"}


@contextmanager
def driver_errors_mapped() -> Iterator[None]:
    """Turn driver errors into typed ones.

    Left alone: ``IntegrityError``, which a store turns into its own conflict, and errors that are defects in our
    own statements.

    Raises:
        DatabaseBusyError, DiskFullError, DatabaseReadOnlyError, DatabaseUnreachableError, DatabaseDamagedError,
        DatabaseFailedError.
    """
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeoutError:
        raise DatabaseBusyError from None
    except DBAPIError as error:
        if (typed := _typed(error.orig)) is None:
            raise
        raise typed from None
    except sqlite3.Error as error:
        if (typed := _typed(error)) is None:
            raise
        raise typed from None


def _typed(error: BaseException | None) -> NightdropError | None:
    if isinstance(error, sqlite3.Error):
        return _typed_sqlite(error)
    return _typed_postgres(error)


def _typed_sqlite(error: sqlite3.Error) -> NightdropError | None:
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    number = extended & 0xFF
    if number == sqlite3.SQLITE_ERROR:
        return None
    if known := _SQLITE_EXTENDED.get(extended) or _SQLITE.get(number):
        return known()
    return DatabaseFailedError(f"The database failed ({error.sqlite_errorname}).")


def _typed_postgres(error: BaseException | None) -> NightdropError | None:
    state = getattr(error, "sqlstate", None)
    if state is None:  # no answer at all: the server is gone or was never there
        return DatabaseUnreachableError() if type(error).__name__ in _NO_ANSWER else None
    if known := _POSTGRES.get(state) or _POSTGRES.get(state[:2]):
        return known()
    return None if state.startswith("42") else DatabaseFailedError(f"The database failed (SQLSTATE {state}).")
