"""Queues the runs of triggers, inside the transaction of what made them fire: no firing is lost, none happens twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import Caller
from nightdrop.core.ids import new_id
from nightdrop.runs.insert import NewRun, Origin, insert_run
from nightdrop.runs.model import encode_params
from nightdrop.triggers.model import Trigger

_SCRIPT = text("SELECT name, version, idempotent FROM scripts WHERE id = :script")
FIRED = text("UPDATE triggers SET last_ms = :now, last_run_id = :run, problem = NULL WHERE id = :id")
_PROBLEM = text("UPDATE triggers SET problem = :problem WHERE id = :id")
_UNENDED = text(
    "SELECT count(*) FROM runs r JOIN run_origins o ON o.run_id = r.id"
    " WHERE r.site_id = :site AND r.state IN ('queued', 'running') AND o.trigger_id = :trigger"
)


@dataclass(frozen=True, slots=True)
class Firing:
    """One firing: the parameters it adds to those of the trigger, and what may not run beside it."""

    params: Mapping[str, Any]
    concurrency_key: str | None = None


def fire(conn: Connection, trigger: Trigger, firing: Firing, now_ms: int) -> tuple[str, Mapping[str, Any]]:
    """Queue a run of a trigger's script; return its id and the entry for the audit log, to ``record_firing`` last.

    Raises:
        ParamsInvalidError, ParamsTooLargeError.
    """
    params = encode_params({**trigger.settings.params, **firing.params})
    script = conn.execute(_SCRIPT, {"script": trigger.script_id}).one()
    run = NewRun(
        id=new_id("run"),
        site_id=trigger.site_id,
        script_id=trigger.script_id,
        script_name=script.name,
        version=script.version,
        code=None,
        params=params,
        idempotency_key=None,
        concurrency_key=trigger.settings.concurrency_key or firing.concurrency_key,
        idempotent=bool(script.idempotent),
        priority=0,
        run_at_ms=now_ms,
        created_ms=now_ms,
        created_by=shown_name(trigger),
        timeout_s=trigger.settings.timeout_s,
    )
    insert_run(conn, run, Origin(trigger.kind.value, trigger.id))
    conn.execute(FIRED, {"id": trigger.id, "now": now_ms, "run": run.id})
    return run.id, {"script": script.name, "trigger": trigger.id, "kind": trigger.kind.value}


def record_firing(conn: Connection, trigger: Trigger, run_id: str, detail: Mapping[str, Any]) -> None:
    """Enter a firing into the audit log; after every other change of the transaction, see ``audit.log.record``."""
    caller = Caller(kind="system", name=shown_name(trigger))
    record(conn, Event.RUN_QUEUED, caller, trigger.site_id, run_id, "ok", detail)


def unended(conn: Connection, trigger: Trigger) -> int:
    """Return how many runs of a trigger are queued or running."""
    return int(conn.execute(_UNENDED, {"site": trigger.site_id, "trigger": trigger.id}).scalar_one())


def note_problem(conn: Connection, trigger_id: str, problem: str) -> None:
    """Show at a trigger why it does not fire."""
    conn.execute(_PROBLEM, {"id": trigger_id, "problem": problem})


def shown_name(trigger: Trigger) -> str:
    """Return what a run of this trigger shows as the one who asked for it."""
    return f"{trigger.kind.value}:{trigger.name or trigger.id}"
