"""The worker's half of the store: it marks secrets and never changes one. No person calls this, so no Caller."""

from collections.abc import Sequence

from nightdrop.core.clock import Clock
from nightdrop.db.engine import Database
from nightdrop.secrets import raw
from nightdrop.secrets.model import SealedSecret

# What is handed out for a check in one go; as base64 it must fit into a frame to the keeper.
_MAX_UNCHECKED_BYTES = 16 * 1024 * 1024


class SecretUpkeep:
    """Marks of use and of health; neither is audited here: the keeper's log has each use."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def mark_used(self, uses: Sequence[tuple[str, str, int]]) -> None:
        """Note the last use: (site id, name, milliseconds since the epoch) of each. Missing names are skipped."""
        latest: dict[tuple[str, str], int] = {}
        for site, name, at_ms in uses:
            latest[site, name] = max(at_ms, latest.get((site, name), 0))
        # In one order, so that two workers on PostgreSQL never wait for each other's rows.
        rows = [{"site": site, "name": name, "at": at_ms} for (site, name), at_ms in sorted(latest.items())]
        if rows:
            with self._db.write() as connection:
                raw.mark_used(connection, rows)

    def unchecked(self, limit: int) -> list[SealedSecret]:
        """Return sealed values that nobody has tried to open yet, at most ``limit`` and about 16 MiB."""
        with self._db.read() as connection:
            return raw.unchecked(connection, limit, _MAX_UNCHECKED_BYTES)

    def mark_health(self, checks: Sequence[tuple[str, str, int, str]]) -> None:
        """Note the outcome of checks: (site id, name, revision, ``ok`` or failure class) of each.

        A value that was overwritten since then keeps its own mark.
        """
        rows = [
            {"site": site, "name": name, "revision": revision, "health": health}
            for site, name, revision, health in sorted(checks)
        ]
        if rows:
            with self._db.write() as connection:
                raw.mark_health(connection, rows)

    def mark_unopenable(self, found: Sequence[tuple[str, str, str]]) -> None:
        """Put secrets that a run could not open up for a new check: (site id, name, failure class) of each.

        Not marked as broken at once: the value may have been overwritten since the run asked.
        """
        rows = [{"site": site, "name": name} for site, name in sorted({(site, name) for site, name, _ in found})]
        if rows:
            with self._db.write() as connection:
                raw.mark_suspect(connection, rows)

    def recheck(self) -> int:
        """Put every secret that could not be opened up for a new check, as when a key is back; return how many."""
        with self._db.write() as connection:
            return raw.recheck(connection)
