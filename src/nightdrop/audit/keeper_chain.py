"""Checks the keeper's audit chain from outside, without writing and without any key."""

import sqlite3
from pathlib import Path

from nightdrop.audit.chain import VerifyResult, verify
from nightdrop.keys.keeper_db import KeeperDbDamagedError, KeeperDbMissingError, check_format, connect_read_only


def verify_chain(path: Path) -> VerifyResult:
    """Check every entry in a ``keeper.db``; it may be in use.

    Raises:
        KeeperDbMissingError, KeeperDbTooNewError, KeeperDbDamagedError.
    """
    if not path.exists():
        raise KeeperDbMissingError
    try:
        connection = connect_read_only(path)
    except sqlite3.Error:
        raise KeeperDbDamagedError from None
    try:
        check_format(connection)
        return verify(connection.execute("SELECT seq, prev, body, hash FROM audit ORDER BY seq"))
    except sqlite3.Error:
        raise KeeperDbDamagedError from None
    finally:
        connection.close()
