"""The row of a new run, and where it comes from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, text

from nightdrop.db.notify import notify
from nightdrop.runs.model import RunInfo, RunState

_INSERT = text(
    "INSERT INTO runs (id, site_id, script_id, script_name, version, code, params, state, idempotency_key,"
    " concurrency_key, idempotent, priority, run_at_ms, created_ms, created_by, timeout_s)"
    " VALUES (:id, :site_id, :script_id, :script_name, :version, :code, :params, 'queued', :idempotency_key,"
    " :concurrency_key, :idempotent, :priority, :run_at_ms, :created_ms, :created_by, :timeout_s)"
)
_ORIGIN = text(
    "INSERT INTO run_origins (run_id, site_id, kind, trigger_id, retry) VALUES (:run, :site, :kind, :trigger, :retry)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to queue; ``params`` in their stored form, see ``encode_params``."""

    id: str
    site_id: str
    script_id: str | None
    script_name: str | None
    version: int | None
    code: str | None
    params: str
    idempotency_key: str | None
    concurrency_key: str | None
    idempotent: bool
    priority: int
    run_at_ms: int
    created_ms: int
    created_by: str
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class Origin:
    """What made a run: the kind of trigger and its id; ``retry`` counts the tries before this one."""

    kind: str
    trigger_id: str | None
    retry: int = 0


def insert_run(conn: Connection, run: NewRun, origin: Origin | None = None) -> None:
    """Queue a run; the worker hears of it at the commit (on SQLite, when somebody rings)."""
    conn.execute(_INSERT, asdict(run))
    if origin is not None:
        values = {"run": run.id, "site": run.site_id, "kind": origin.kind, "trigger": origin.trigger_id}
        conn.execute(_ORIGIN, {**values, "retry": origin.retry})
    notify(conn, "worker")


def queued_info(run: NewRun, params: Mapping[str, object]) -> RunInfo:
    """Return what people see of a run that was queued just now."""
    return RunInfo(
        id=run.id,
        site_id=run.site_id,
        script_id=run.script_id,
        script_name=run.script_name,
        version=run.version,
        state=RunState.QUEUED,
        reason=None,
        error=None,
        secrets_used=(),
        worker_id=None,
        attempts=0,
        priority=run.priority,
        idempotent=run.idempotent,
        concurrency_key=run.concurrency_key,
        run_at_ms=run.run_at_ms,
        created_ms=run.created_ms,
        started_ms=None,
        ended_ms=None,
        created_by=run.created_by,
        timeout_s=run.timeout_s,
        cancel_requested=False,
        params=params,
    )
