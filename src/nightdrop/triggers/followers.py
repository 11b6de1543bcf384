"""What comes after a run: runs of other scripts that wait for it, and another try of its own.

Called in the transaction that ends the run, so nothing that follows is lost or happens twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from nightdrop.core.clock import Clock
from nightdrop.core.errors import NightdropError
from nightdrop.core.ids import new_id
from nightdrop.runs.insert import NewRun, Origin, insert_run
from nightdrop.runs.model import FinishedRun, RunState
from nightdrop.triggers.firing import Firing, fire, note_problem, record_firing, unended
from nightdrop.triggers.model import Trigger
from nightdrop.triggers.notices import FAILURES, notify
from nightdrop.triggers.rows import SELECT, trigger_info
from nightdrop.triggers.settings import AfterSettings, TriggerKind

MAX_QUEUED = 1000
# Most runs have neither: one look finds those that do.
_WITH_FOLLOWERS = text(
    "SELECT r.id, r.site_id, r.script_id, r.script_name, r.params, r.concurrency_key, r.timeout_s, r.created_by,"
    " o.kind, o.trigger_id, o.retry, s.version, s.idempotent"
    " FROM runs r LEFT JOIN run_origins o ON o.run_id = r.id LEFT JOIN scripts s ON s.id = r.script_id"
    " WHERE r.id IN :ids AND (o.run_id IS NOT NULL"
    " OR EXISTS (SELECT 1 FROM triggers t WHERE t.after_script_id = r.script_id)) ORDER BY r.id"
).bindparams(bindparam("ids", expanding=True))
_AFTER = text(
    f"{SELECT} WHERE t.after_script_id = :script AND t.kind IN ('after', 'notify') AND t.enabled ORDER BY t.id"
)
_TRIGGER = text(f"{SELECT} WHERE t.id = :id AND t.enabled")

Entry = tuple[Trigger, str, Mapping[str, Any]]


class Followers:
    """Queues what follows the runs that end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def ended(self, conn: Connection, ends: Sequence[FinishedRun]) -> int:
        """Queue what follows these runs, whose rows say already that they ended; return how many runs that are."""
        by_id = {end.run_id: end for end in ends}
        rows = conn.execute(_WITH_FOLLOWERS, {"ids": list(by_id)}).all()
        entries = [entry for row in rows for entry in self._of(conn, row, by_id[row.id])]
        for entry in entries:
            record_firing(conn, *entry)
        return len(entries)

    def _of(self, conn: Connection, row: Row[Any], end: FinishedRun) -> list[Entry]:
        if (retry := self._retry(conn, row, end)) is not None:
            # Not over yet: only the last try counts for who waits.
            return [retry]
        found = conn.execute(_AFTER, {"script": row.script_id}).all() if row.script_id is not None else []
        return [entry for one in found if (entry := self._fire(conn, one, row, end)) is not None]

    def _fire(self, conn: Connection, found: Row[Any], row: Row[Any], end: FinishedRun) -> Entry | None:
        try:
            trigger = trigger_info(found)
            if trigger.kind is TriggerKind.NOTIFY:
                queued = notify(conn, trigger, row, end, self._clock.now_ms())
                return None if queued is None else (trigger, *queued)
            if not _waits_for(trigger, end.state):
                return None
            if unended(conn, trigger) >= MAX_QUEUED:
                note_problem(conn, trigger.id, f"A run was left out: {MAX_QUEUED} of this trigger wait.")
                return None
            after = {"Run": row.id, "Script": row.script_name, "State": end.state.value, "Reason": end.reason}
            run_id, detail = fire(conn, trigger, Firing({"After": after}), self._clock.now_ms())
        except NightdropError as error:
            # The run that ended has to end whatever is wrong with what comes after it.
            note_problem(conn, found.id, error.message)
            return None
        return trigger, run_id, detail

    def _retry(self, conn: Connection, row: Row[Any], end: FinishedRun) -> Entry | None:
        if end.state not in FAILURES or row.trigger_id is None or not row.idempotent:
            return None
        found = conn.execute(_TRIGGER, {"id": row.trigger_id}).first()
        try:
            trigger = trigger_info(found) if found is not None else None
        except NightdropError:
            return None
        if trigger is None or row.retry >= trigger.settings.retries:
            return None
        now = self._clock.now_ms()
        run = NewRun(
            id=new_id("run"),
            site_id=row.site_id,
            script_id=row.script_id,
            script_name=row.script_name,
            version=row.version,
            code=None,
            params=row.params,
            idempotency_key=None,
            concurrency_key=row.concurrency_key,
            idempotent=True,
            priority=0,
            run_at_ms=now + trigger.settings.backoff_s * 1000 * 2**row.retry,
            created_ms=now,
            created_by=row.created_by,
            timeout_s=row.timeout_s,
        )
        insert_run(conn, run, Origin(row.kind, row.trigger_id, row.retry + 1))
        return trigger, run.id, {"script": row.script_name, "trigger": trigger.id, "retry": row.retry + 1, "of": row.id}


def _waits_for(trigger: Trigger, state: RunState) -> bool:
    settings = trigger.settings
    if not isinstance(settings, AfterSettings):
        return False
    match settings.on:
        case "succeeded":
            return state is RunState.SUCCEEDED
        case "failed":
            return state is not RunState.SUCCEEDED and state is not RunState.CANCELLED
        case _:
            return True
