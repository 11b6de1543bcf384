"""Fires schedules that are due."""

from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Connection, text

from nightdrop.core.clock import Clock
from nightdrop.core.errors import NightdropError
from nightdrop.db.engine import Database
from nightdrop.runs.rows import for_update
from nightdrop.triggers.cron import next_time
from nightdrop.triggers.firing import Firing, fire, note_problem, record_firing, unended
from nightdrop.triggers.model import Trigger
from nightdrop.triggers.rows import SELECT, trigger_info
from nightdrop.triggers.settings import ScheduleSettings

log = structlog.get_logger()

# Later than this, nobody was there to fire it.
MISSED_MS = 60_000
MAX_QUEUED = 100
_BATCH = 100
_DUE = f"{SELECT} WHERE t.enabled AND t.next_ms <= :now ORDER BY t.next_ms LIMIT :batch"
_ANY_DUE = text("SELECT 1 FROM triggers WHERE enabled AND next_ms <= :now LIMIT 1")
_NEXT = text("SELECT min(next_ms) FROM triggers WHERE enabled AND next_ms IS NOT NULL")
_SET_NEXT = text("UPDATE triggers SET next_ms = :next WHERE id = :id")


class Schedules:
    """The schedules of all sites; several workers may look at the same time, each time is fired by one."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._due = text(_DUE + for_update(db, of="t", skip=True))

    def look(self) -> int:
        """Fire what is due; return how many runs were queued."""
        fired = 0
        while self._any_due():
            with self._db.write() as conn:
                now = self._clock.now_ms()
                rows = conn.execute(self._due, {"now": now, "batch": _BATCH}).all()
                entries = [self._take(conn, row, now) for row in rows]
                for entry in filter(None, entries):
                    record_firing(conn, *entry)
            fired += sum(entry is not None for entry in entries)
            if len(rows) < _BATCH:
                break
        return fired

    def next_ms(self) -> int | None:
        """Return when the next schedule is due, in milliseconds since the epoch."""
        with self._db.read() as conn:
            due: int | None = conn.execute(_NEXT).scalar()
        return due

    def _any_due(self) -> bool:
        with self._db.read() as conn:
            return conn.execute(_ANY_DUE, {"now": self._clock.now_ms()}).first() is not None

    def _take(self, conn: Connection, row: Any, now: int) -> tuple[Trigger, str, Any] | None:
        try:
            trigger = trigger_info(row)
            following = next_time(trigger.settings.cron, trigger.settings.zone, now)  # type: ignore[union-attr]
        except NightdropError as error:
            # A time zone may be gone, a setting may be of a later release: the others go on.
            log.error("schedule_stopped", trigger=row.id, code=error.code)
            conn.execute(_SET_NEXT, {"id": row.id, "next": None})
            note_problem(conn, row.id, f"{error.message} It was stopped; change it to start it again.")
            return None
        conn.execute(_SET_NEXT, {"id": trigger.id, "next": following})
        return self._fire(conn, trigger, row.next_ms, now)

    def _fire(self, conn: Connection, trigger: Trigger, due_ms: int, now: int) -> tuple[Trigger, str, Any] | None:
        settings = trigger.settings
        assert isinstance(settings, ScheduleSettings)
        if settings.missed == "skip" and now - due_ms > MISSED_MS:
            note_problem(conn, trigger.id, f"The run of {_shown(due_ms)} was missed: the server was down.")
            return None
        waiting = unended(conn, trigger) if settings.overlap != "allow" else 0
        if waiting and (settings.overlap == "skip" or waiting >= MAX_QUEUED):
            note_problem(conn, trigger.id, f"The run of {_shown(due_ms)} was skipped: the one before has not ended.")
            return None
        key = f"trigger:{trigger.id}" if settings.overlap == "queue" else None
        run_id, detail = fire(conn, trigger, Firing({"Schedule": {"Due": _shown(due_ms)}}, key), now)
        return trigger, run_id, detail


def _shown(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
