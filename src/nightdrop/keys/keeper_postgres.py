"""The keeper's data in PostgreSQL: a schema of its own, which only the keeper's role may enter.

It holds what ``keeper.db`` holds, for all hosts of an installation, and the requests of hosts that want to join.
"""

import base64
import hashlib
from typing import TYPE_CHECKING, Any, Final

from nightdrop.core.errors import NotFoundError, UnavailableError
from nightdrop.keys.bootstrap import NewKeys
from nightdrop.keys.keeper_db import (
    INSERT_IDENTITY,
    INSERT_RECIPIENT,
    INSERT_SEED,
    RECIPIENTS_SIGNATURE,
    SET_META,
    KeeperDbDamagedError,
    KeeperDbExistsError,
    KeeperDbTooNewError,
)
from nightdrop.keys.site_keys import Recipient

if TYPE_CHECKING:
    import psycopg

SCHEMA: Final = "nightdrop_keeper"
FORMAT: Final = 1
INSERT_REQUEST: Final = (
    "INSERT INTO join_requests (fingerprint, public_key, home, at_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_GENESIS_DOMAIN = b"nightdrop/audit/chain/v1\0"
# Every run of this host waits while the keeper does.
_LIMITS: Final[dict[str, Any]] = {
    "connect_timeout": 3,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 3000,
}

# `home` and `chain` name the host that writes; a connection states them once, when it is opened.
_TABLES = (
    'CREATE TABLE meta (key TEXT COLLATE "C" PRIMARY KEY, value TEXT NOT NULL)',
    """CREATE TABLE recipients (
        fingerprint TEXT COLLATE "C" PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('node', 'recovery')),
        public_key BYTEA NOT NULL, home TEXT NOT NULL DEFAULT current_setting('nightdrop.home'))""",
    """CREATE TABLE identity (
        fingerprint TEXT COLLATE "C" PRIMARY KEY REFERENCES recipients ON DELETE CASCADE,
        public BYTEA NOT NULL, sealed BYTEA NOT NULL)""",
    """CREATE TABLE site_seeds (
        site_id TEXT COLLATE "C" NOT NULL, epoch BIGINT NOT NULL,
        fingerprint TEXT COLLATE "C" NOT NULL REFERENCES recipients ON DELETE CASCADE,
        sealed BYTEA NOT NULL, PRIMARY KEY (site_id, epoch, fingerprint))""",
    """CREATE TABLE high_water (
        site_id TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, revision BIGINT NOT NULL,
        digest BYTEA NOT NULL, PRIMARY KEY (site_id, name))""",
    """CREATE TABLE audit (
        chain TEXT COLLATE "C" NOT NULL DEFAULT current_setting('nightdrop.chain'), seq BIGINT NOT NULL,
        prev BYTEA NOT NULL, body BYTEA NOT NULL, hash BYTEA NOT NULL, PRIMARY KEY (chain, seq))""",
    """CREATE TABLE reseals (
        site_id TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, revision BIGINT NOT NULL,
        digest BYTEA NOT NULL, PRIMARY KEY (site_id, name))""",
    """CREATE TABLE checkpoints (
        log TEXT COLLATE "C" PRIMARY KEY, size BIGINT NOT NULL, note TEXT NOT NULL)""",
    """CREATE TABLE join_requests (
        fingerprint TEXT COLLATE "C" PRIMARY KEY, public_key BYTEA NOT NULL, home TEXT NOT NULL,
        at_ms BIGINT NOT NULL)""",
)


class KeeperDriverMissingError(UnavailableError):
    """The driver for PostgreSQL is not installed."""

    code = "keeper_driver_missing"
    hint = "Install it with: pip install 'nightdrop[postgres]'"


class KeeperDbUnreachableError(UnavailableError):
    """The keeper's database does not answer."""

    code = "keeper_db_unreachable"
    hint = "Check that its PostgreSQL runs and that keeper/keeper.toml has the right user, password and name."


class KeeperSchemaMissingError(NotFoundError):
    """The keeper's schema is not there, or its role may not use it."""

    code = "keeper_schema_missing"
    hint = f"Make it as the database's administrator: CREATE SCHEMA {SCHEMA} AUTHORIZATION the keeper's role"


def genesis(chain: str) -> bytes:
    """Return what stands before the first entry of a chain: each chain has its own, so no entry fits into another."""
    return hashlib.sha256(_GENESIS_DOMAIN + chain.encode()).digest()


def portable(sql: str) -> str:
    """Return a statement of ours, written for SQLite, as the driver for PostgreSQL takes it."""
    return sql.replace("?", "%s")


def connect(url: str, *, home: str = "", chain: str = "", read_only: bool = False) -> "psycopg.Connection[Any]":
    """Open a connection in the keeper's schema, in autocommit.

    Args:
        url: as ``keeper_config`` gives it.
        home: instance of the home that writes.
        chain: audit chain that it writes to.
        read_only: changes fail.

    Raises:
        KeeperDriverMissingError, KeeperDbUnreachableError, KeeperSchemaMissingError.
    """
    try:
        import psycopg
    except ImportError:
        raise KeeperDriverMissingError from None
    options = f"-c search_path={SCHEMA} -c statement_timeout=5s -c lock_timeout=3s -c synchronous_commit=on"
    options += f" -c nightdrop.home={home} -c nightdrop.chain={chain}"
    options += " -c default_transaction_read_only=on" if read_only else ""
    try:
        connection = psycopg.connect(url, autocommit=True, options=options, **_LIMITS)
        # A schema that one may not use looks as if it were not there.
        usable = connection.execute("SELECT current_schema()").fetchone()
    except psycopg.Error:
        # The driver's message may hold the address and the user.
        raise KeeperDbUnreachableError from None
    if usable != (SCHEMA,):
        connection.close()
        raise KeeperSchemaMissingError
    return connection


def initialise_schema(url: str, home: str, keys: NewKeys) -> None:
    """Make the keeper's tables with the keys of a new installation, in one transaction.

    Raises:
        KeeperDbExistsError: there are keys already.
        KeeperDbDamagedError: the tables cannot be made.
        KeeperDriverMissingError, KeeperDbUnreachableError, KeeperSchemaMissingError.
    """
    import psycopg

    with connect(url, home=home) as connection:
        if _is_there(connection):
            raise KeeperDbExistsError(hint="It holds the keys of an installation. Choose another database.")
        try:
            with connection.transaction():
                for table in _TABLES:
                    connection.execute(table)
                _fill(connection, keys)
        except psycopg.Error:
            raise KeeperDbDamagedError("The keeper's tables cannot be made.") from None


def request_to_join(url: str, home: str, public_key: bytes, at_ms: int) -> bytes:
    """Ask for a node to be approved; return the public identity of the installation.

    Raises:
        KeeperDbDamagedError, KeeperDbTooNewError: these are not the tables of an installation.
        KeeperDriverMissingError, KeeperDbUnreachableError, KeeperSchemaMissingError.
    """
    import psycopg

    with connect(url, home=home) as connection:
        check_schema_format(connection)
        node = Recipient("node", public_key)
        try:
            connection.execute(portable(INSERT_REQUEST), (node.fingerprint, public_key, home, at_ms))
            found = connection.execute("SELECT public FROM identity LIMIT 1").fetchone()
        except psycopg.Error:
            raise KeeperDbDamagedError from None
        if found is None:
            raise KeeperDbDamagedError
        return bytes(found[0])


def check_schema_format(connection: "psycopg.Connection[Any]") -> None:
    """Check that these are tables of a format that this release knows.

    Raises:
        KeeperDbTooNewError, KeeperDbDamagedError.
    """
    import psycopg

    try:
        row = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        found = int(row[0]) if row else 0
    except (psycopg.Error, ValueError):
        raise KeeperDbDamagedError(hint="Look at the schema nightdrop_keeper, or restore it from a backup.") from None
    if found > FORMAT:
        raise KeeperDbTooNewError
    if found < 1:
        raise KeeperDbDamagedError


def _is_there(connection: "psycopg.Connection[Any]") -> bool:
    return connection.execute("SELECT to_regclass('meta')").fetchone() != (None,)


def _fill(connection: "psycopg.Connection[Any]", keys: NewKeys) -> None:
    connection.execute("INSERT INTO meta (key, value) VALUES ('format', %s)", (str(FORMAT),))
    for recipient in keys.recipients:
        row = (recipient.fingerprint, recipient.kind, recipient.public_key)
        connection.execute(portable(INSERT_RECIPIENT), row)
    for identity in keys.identity_rows:
        connection.execute(portable(INSERT_IDENTITY), (identity.fingerprint, identity.public, identity.sealed))
    for seed in keys.seed_rows:
        connection.execute(portable(INSERT_SEED), (seed.site_id, seed.epoch, seed.fingerprint, seed.sealed))
    signature = base64.b64encode(keys.recipients_signature).decode("ascii")
    connection.execute(portable(SET_META), (RECIPIENTS_SIGNATURE, signature))
