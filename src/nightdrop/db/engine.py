"""The database: one writer, many readers, SQLite or PostgreSQL.

SQLite is set up for data that must be gone when it is deleted: ``secure_delete=ON`` zeroes freed bytes in pages, and
``scrub`` empties the write-ahead log, which still holds the pages as they were.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event

from nightdrop.core.errors import ConflictError, UnavailableError
from nightdrop.core.home import Home
from nightdrop.db.errors import (
    DatabaseReadOnlyError,
    DatabaseUnreachableError,
    ResidueRemainsError,
    driver_errors_mapped,
)
from nightdrop.db.postgres import KEEP_ALIVE, DriverMissingError, parse_url
from nightdrop.db.writer import WriterLock

_BUSY_MS = 5000
_SCRUB_BUSY_MS = 20
_SCRUB_PAUSES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
_WRITER_WAIT_S = 15.0
_READERS = 8

_BEGIN_PAUSE_S = 0.005
_PRAGMAS = (
    f"PRAGMA busy_timeout={_BUSY_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    # ON, never FAST: FAST leaves whole freed pages as they were, and with them the old ciphertext.
    "PRAGMA secure_delete=ON",
    # Sorting and statement journals must not put rows into files outside the home directory.
    "PRAGMA temp_store=MEMORY",
    "PRAGMA trusted_schema=OFF",
)


class BackupTargetExistsError(ConflictError):
    """There is a file at the target of the backup already."""

    code = "backup_target_exists"
    hint = "Choose another file name."


class BackupUnsupportedError(UnavailableError):
    """A PostgreSQL database is backed up with PostgreSQL's own tools."""

    code = "backup_unsupported"
    hint = "Use pg_dump."


class Database:
    """Hands out transactions; made by ``Database.open``."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.dialect = url.get_backend_name()
        self.is_sqlite = self.dialect == "sqlite"
        self._writer = WriterLock(_WRITER_WAIT_S) if self.is_sqlite else None
        self._residue = False
        self._closed = False
        make = _sqlite_engine if self.is_sqlite else _postgres_engine
        self._write_engine = make(url, writes=True)
        self._relaxed_engine = self._write_engine.execution_options(nightdrop_relaxed=True)
        self._read_engine = make(url, writes=False)

    @classmethod
    def open(cls, where: Home | Path | str) -> "Database":
        """Open the database of a home, a SQLite file, or a URL such as ``postgresql+psycopg://user@host/name``.

        A SQLite file is created (mode 0600) when it is missing. The schema is the business of ``db.migrate``.

        Raises:
            DatabaseUnreachableError, DatabaseReadOnlyError, DatabaseDamagedError, DatabaseBusyError,
            DatabaseUrlError, DriverMissingError.
        """
        db = cls(_url(where))
        try:
            if db.is_sqlite:
                _create_private(Path(db.url.database or ""))
                # Also removes what a process that was killed before its scrub left behind.
                db._residue = not db._truncate_log()
            else:
                with db.read():
                    pass
        except BaseException:
            db.close()
            raise
        return db

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read transaction: one consistent view; writing in it fails."""
        with driver_errors_mapped(), self._read_engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """Open a write transaction; it commits at the end, and rolls back when the block raises.

        Keep it short and do not open a second one inside: on SQLite it holds the only write lock.

        Args:
            durable: the commit waits for the disk. Without it, on SQLite, the change is safe from a killed process at
                once and from a power failure with the next durable commit of whichever process, or with ``sync``:
                for what the caller is only told after one of these.

        Raises:
            DatabaseBusyError, DiskFullError, DatabaseReadOnlyError: nothing was changed.
        """
        engine = self._write_engine if durable else self._relaxed_engine
        with self._writing(), driver_errors_mapped(), engine.begin() as connection:
            yield connection
        if self._residue:
            self._residue = not self._truncate_log()

    def sync(self) -> None:
        """Make sure that every commit so far survives a power failure.

        Raises:
            DatabaseReadOnlyError: the disk did not take it.
        """
        if not self.is_sqlite:
            return
        try:
            fd = os.open(f"{self.url.database}-wal", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # all of it has been moved into the database, which syncs
        try:
            os.fdatasync(fd)
        except OSError:
            raise DatabaseReadOnlyError("The database cannot be written to disk.") from None
        finally:
            os.close(fd)

    @property
    def residue(self) -> bool:
        """Whether old bytes may still lie in the write-ahead log."""
        return self._residue

    def scrub(self, deadline_s: float = 2.0) -> None:
        """Empty SQLite's write-ahead log, so that overwritten and deleted bytes are in no file.

        Call it after the transaction that overwrote or deleted something. On PostgreSQL it does nothing: pages and
        WAL segments there keep old bytes until the server reuses them; destroying the key of the old epoch is what
        deletes.

        Raises:
            ResidueRemainsError: some reader kept the log in use for ``deadline_s`` seconds. The change itself is
                valid; every later write and the next ``open`` try again.
        """
        if not self.is_sqlite:
            return
        end = time.monotonic() + deadline_s
        pauses = iter(_SCRUB_PAUSES_S)
        self._residue = True
        while not self._truncate_log():
            if time.monotonic() >= end:
                raise ResidueRemainsError
            time.sleep(next(pauses, _SCRUB_PAUSES_S[-1]))
        self._residue = False

    def backup(self, target: Path) -> None:
        """Write a consistent copy of a SQLite database to a new file; it contains no freed bytes.

        Raises:
            BackupTargetExistsError, BackupUnsupportedError, DiskFullError, DatabaseReadOnlyError.
        """
        if not self.is_sqlite:
            raise BackupUnsupportedError
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            raise BackupTargetExistsError from None
        except OSError:
            raise DatabaseReadOnlyError("The target of the backup cannot be written.") from None
        try:
            with driver_errors_mapped():
                _vacuum_into(self.url.database or "", target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        """Close every connection; may be called again."""
        if not self._closed:
            self._closed = True
            self._read_engine.dispose()
            self._write_engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _writing(self) -> AbstractContextManager[None]:
        return self._writer.held() if self._writer else nullcontext()

    def _truncate_log(self) -> bool:
        # Short waits inside SQLite: while it waits for readers there it keeps every writer out.
        with self._writing(), driver_errors_mapped():
            raw = self._write_engine.raw_connection()
            try:
                connection: Any = raw.driver_connection
                connection.execute(f"PRAGMA busy_timeout={_SCRUB_BUSY_MS}")
                try:
                    row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                        raise
                    return False
                finally:
                    connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
                return bool(row[0] == 0)
            finally:
                raw.close()


def _url(where: Home | Path | str) -> URL:
    if isinstance(where, Home):
        where = where.app_db
    if isinstance(where, str) and "://" in where:
        return parse_url(where)
    return URL.create("sqlite", database=str(Path(where).absolute()))


def _create_private(path: Path) -> None:
    # SQLite gives -wal and -shm the mode of the database file.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except FileNotFoundError:
        raise DatabaseUnreachableError(f"{path.parent} does not exist.") from None
    except OSError:
        raise DatabaseReadOnlyError(f"{path} cannot be written.") from None


def _vacuum_into(source: str, target: Path) -> None:
    connection = sqlite3.connect(source, isolation_level=None)
    try:
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()


def _sqlite_engine(url: URL, *, writes: bool) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=1 if writes else _READERS,
        max_overflow=0,
        pool_timeout=_WRITER_WAIT_S,
        # isolation_level=None: the driver starts no transaction of its own, the "begin" listener below does.
        connect_args={"check_same_thread": False, "isolation_level": None, "cached_statements": 256},
    )

    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in _PRAGMAS:
            _set(connection, pragma)
        if not writes:
            connection.execute("PRAGMA query_only=ON").close()

    def start(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        if not writes:
            driver.execute("BEGIN")
            return
        relaxed = connection.get_execution_options().get("nightdrop_relaxed", False)
        # The log is one file: the sync of a later commit, by any process, covers this one too.
        driver.execute(f"PRAGMA synchronous={'NORMAL' if relaxed else 'FULL'}")
        driver.execute("BEGIN IMMEDIATE")

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", start)
    return engine


def _set(connection: sqlite3.Connection, pragma: str) -> None:
    """Run a pragma; wait while another process begins or ends its use of the file, for which SQLite itself does not."""
    end = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute(pragma).close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(_BEGIN_PAUSE_S)
        else:
            return


def _postgres_engine(url: URL, *, writes: bool) -> Engine:
    options = "-c lock_timeout=15s -c idle_in_transaction_session_timeout=60s"
    if not writes:
        options += " -c default_transaction_read_only=on"
    try:
        return create_engine(
            url,
            hide_parameters=True,
            pool_size=_READERS,
            max_overflow=0,
            pool_timeout=_WRITER_WAIT_S,
            pool_pre_ping=True,
            connect_args={**KEEP_ALIVE, "options": options},
        )
    except ImportError:
        raise DriverMissingError from None
