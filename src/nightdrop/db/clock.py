"""Hosts that share a database compare times that each of them wrote: leases, and who still lives."""

import time

from sqlalchemy import text

from nightdrop.core.errors import UnavailableError
from nightdrop.db.engine import Database

_MOST_S = 5.0
_NOW = text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")


class ClockWrongError(UnavailableError):
    """The clock of this host differs from that of the database."""

    code = "clock_wrong"
    hint = "Let a time service (NTP) set both: with wrong clocks, runs that are under way would be taken for lost."


def check_clock(db: Database) -> None:
    """Check that this host's clock is the database's, but for a few seconds; on SQLite they are one.

    Raises:
        ClockWrongError
    """
    if db.is_sqlite:
        return
    with db.read() as connection:
        before = time.time()
        theirs = float(connection.execute(_NOW).scalar_one())
        after = time.time()
    skew = max(before - theirs, theirs - after, 0.0)
    if skew > _MOST_S:
        raise ClockWrongError(f"The clock of this host differs from that of the database by {skew:.0f} seconds.")
