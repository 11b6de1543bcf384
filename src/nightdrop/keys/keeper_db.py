"""The file ``keeper.db``: its tables, its format number, how it is opened and first filled.

It holds no key in the clear: seeds are sealed to the recipients. It is apart from the keeper's own code because
``init`` writes it too, and because a check of it must not import anything that opens.
"""

import base64
import os
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

from nightdrop.core.errors import ConflictError, NotFoundError, UnavailableError
from nightdrop.keys.bootstrap import NewKeys

FORMAT: Final = 1
# "ndkp": lets file(1) and us tell this file from another SQLite database.
APPLICATION_ID: Final = 0x6E646B70
INSERT_RECIPIENT: Final = "INSERT INTO recipients (fingerprint, kind, public_key) VALUES (?, ?, ?)"
INSERT_IDENTITY: Final = "INSERT INTO identity (fingerprint, public, sealed) VALUES (?, ?, ?)"
INSERT_SEED: Final = "INSERT INTO site_seeds (site_id, epoch, fingerprint, sealed) VALUES (?, ?, ?, ?)"
# The signature over all recipients, in base64.
RECIPIENTS_SIGNATURE: Final = "recipients_signature"
SET_META: Final = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
# Only a checkpoint of our own can hold the lock; while the keeper waits for it, every run waits.
BUSY_MS: Final = 2000

_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE recipients (
        fingerprint TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('node', 'recovery')),
        public_key BLOB NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE identity (
        fingerprint TEXT PRIMARY KEY REFERENCES recipients ON DELETE CASCADE,
        public BLOB NOT NULL, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE site_seeds (
        site_id TEXT NOT NULL, epoch INTEGER NOT NULL,
        fingerprint TEXT NOT NULL REFERENCES recipients ON DELETE CASCADE,
        sealed BLOB NOT NULL, PRIMARY KEY (site_id, epoch, fingerprint)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE high_water (
        site_id TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, digest BLOB NOT NULL,
        PRIMARY KEY (site_id, name)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE audit (
        seq INTEGER PRIMARY KEY, prev BLOB NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL) STRICT""",
)

# Made later than format 1: earlier releases do not look at them, so the format stays what it is.
_LATER_TABLES = (
    """CREATE TABLE IF NOT EXISTS reseals (
        site_id TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, digest BLOB NOT NULL,
        PRIMARY KEY (site_id, name)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS checkpoints (
        log TEXT PRIMARY KEY, size INTEGER NOT NULL, note TEXT NOT NULL) STRICT, WITHOUT ROWID""",
)


class KeeperDbMissingError(NotFoundError):
    """The keeper's database is missing."""

    code = "keeper_db_missing"
    hint = "Restore keeper/keeper.db from a backup: without it no secret of this home can be opened."


class KeeperDbExistsError(ConflictError):
    """There is a keeper's database already."""

    code = "keeper_db_exists"
    hint = "It is never overwritten, because it holds the keys of every site. Choose another home."


class KeeperDbTooNewError(UnavailableError):
    """The keeper's database was written by a newer nightdrop."""

    code = "keeper_db_too_new"
    hint = "Install the nightdrop version that wrote it, or a newer one."


class KeeperDbDamagedError(UnavailableError):
    """The keeper's database cannot be read."""

    code = "keeper_db_damaged"
    hint = "Check the disk and the permissions of keeper/keeper.db, or restore it from a backup."


def initialise(path: Path, keys: NewKeys) -> None:
    """Create ``keeper.db`` with the keys of a new installation; on disk when this returns.

    Raises:
        KeeperDbExistsError: there is one already.
        KeeperDbDamagedError: it cannot be written there.
    """
    try:
        # The mode is set before the first byte: SQLite gives -wal and -shm the mode of the database.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        raise KeeperDbExistsError from None
    except OSError:
        raise KeeperDbDamagedError("The keeper's database cannot be created.") from None
    try:
        connection = connect(path)
    except sqlite3.Error:
        raise KeeperDbDamagedError("The keeper's database cannot be created.") from None
    try:
        connection.execute("PRAGMA synchronous=FULL")
        _fill(connection, keys)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:
        raise KeeperDbDamagedError("The keeper's database cannot be written.") from None
    finally:
        connection.close()


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that may write; the file must exist. Transactions are begun and ended by hand.

    Raises:
        sqlite3.Error
    """
    connection = sqlite3.connect(_uri(path, "rw"), uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    connection.execute("PRAGMA journal_mode=WAL")
    # NORMAL: a commit is a write to the kernel. The keeper syncs the log itself, in groups.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    # ON, never FAST: FAST leaves a removed node's sealed seeds on free pages.
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write.

    Raises:
        sqlite3.Error
    """
    connection = sqlite3.connect(_uri(path, "ro"), uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def check_format(connection: sqlite3.Connection) -> None:
    """Check that this is a ``keeper.db`` of a format that this release knows.

    Raises:
        KeeperDbTooNewError, KeeperDbDamagedError.
    """
    try:
        row = connection.execute("SELECT value FROM meta WHERE key='format'").fetchone()
        found = int(row[0])
    except (sqlite3.Error, TypeError, ValueError):
        raise KeeperDbDamagedError from None
    if found > FORMAT:
        raise KeeperDbTooNewError
    if found < 1:
        raise KeeperDbDamagedError


def add_later_tables(connection: sqlite3.Connection) -> None:
    """Add what a ``keeper.db`` of an earlier release lacks.

    Raises:
        sqlite3.Error
    """
    for table in _LATER_TABLES:
        connection.execute(table)


def _fill(connection: sqlite3.Connection, keys: NewKeys) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for table in _TABLES:
        connection.execute(table)
    add_later_tables(connection)
    connection.execute("INSERT INTO meta (key, value) VALUES ('format', ?)", (str(FORMAT),))
    for recipient in keys.recipients:
        connection.execute(INSERT_RECIPIENT, (recipient.fingerprint, recipient.kind, recipient.public_key))
    for identity in keys.identity_rows:
        connection.execute(INSERT_IDENTITY, (identity.fingerprint, identity.public, identity.sealed))
    for seed in keys.seed_rows:
        connection.execute(INSERT_SEED, (seed.site_id, seed.epoch, seed.fingerprint, seed.sealed))
    signature = base64.b64encode(keys.recipients_signature).decode("ascii")
    connection.execute(SET_META, (RECIPIENTS_SIGNATURE, signature))
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute("COMMIT")


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path))}?mode={mode}"
