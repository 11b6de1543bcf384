"""Deletes runs, with their logs, that are older or more than the settings of their site keep."""

from sqlalchemy import text

from nightdrop.access.settings import SiteSettings, parse_settings
from nightdrop.core.clock import Clock
from nightdrop.core.ids import first_id
from nightdrop.db.engine import Database

DAY_MS = 86_400_000
# In a transaction each: others write in between.
_BATCH = 200
_SITES = text("SELECT id, settings FROM sites")
# The index has the runs of a site in the order of their ids; what still runs is looked at again the next time.
_OLD = text(
    "DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE site_id = :site AND id < :bound"
    " AND ended_ms < :before ORDER BY id LIMIT :batch)"
)
_LAST_KEPT = text("SELECT id FROM runs WHERE site_id = :site ORDER BY id DESC LIMIT 1 OFFSET :keep")


class Retention:
    """The runs of all sites."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def prune(self) -> int:
        """Delete what is to go; return how many runs that were."""
        with self._db.read() as conn:
            sites = conn.execute(_SITES).all()
        return sum(self._prune(row.id, parse_settings(row.settings)) for row in sites)

    def _prune(self, site: str, settings: SiteSettings) -> int:
        now = self._clock.now_ms()
        before = now - settings.run_days * DAY_MS
        deleted = self._delete(site, first_id("run", before), before)
        with self._db.read() as conn:
            surplus = conn.execute(_LAST_KEPT, {"site": site, "keep": settings.run_count}).scalar()
        if surplus is not None:
            # The first that is one too many, and all before it.
            deleted += self._delete(site, surplus + "~", now + DAY_MS)
        return deleted

    def _delete(self, site: str, bound: str, before_ms: int) -> int:
        values = {"site": site, "bound": bound, "before": before_ms, "batch": _BATCH}
        deleted = 0
        while True:
            with self._db.write() as conn:
                count = conn.execute(_OLD, values).rowcount
            deleted += count
            if count < _BATCH:
                return deleted
