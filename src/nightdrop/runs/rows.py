"""Rows of the run tables and what they mean; the SQL that both halves of the queue share."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, text

from nightdrop.db.engine import Database
from nightdrop.runs.model import LEVELS, LogLine, RunInfo, RunState

COLUMNS = (
    "id, site_id, script_id, script_name, version, state, reason, error, secrets_used, worker_id, attempts, priority, "
    "idempotent, concurrency_key, run_at_ms, created_ms, started_ms, ended_ms, created_by, timeout_s, cancel_requested,"
    " (SELECT bytes FROM run_bytes WHERE run_id = runs.id) AS bytes_moved"
)

_LAST_SEQ = text(
    "SELECT run_id, max(seq) FROM run_logs WHERE run_id IN :ids GROUP BY run_id",
).bindparams(bindparam("ids", expanding=True))
_ADD_LINE = text("INSERT INTO run_logs (run_id, seq, at_ms, level, text) VALUES (:run_id, :seq, :at_ms, :level, :text)")


def for_update(db: Database, *, of: str = "", skip: bool = False) -> str:
    """Return the clause that locks rows on PostgreSQL; on SQLite the write transaction is the lock."""
    if db.is_sqlite:
        return ""
    return " FOR UPDATE" + (f" OF {of}" if of else "") + (" SKIP LOCKED" if skip else "")


def run_info(row: Any, params: str | None = None) -> RunInfo:
    """Turn a row of ``COLUMNS`` into a RunInfo."""
    return RunInfo(
        id=row.id,
        site_id=row.site_id,
        script_id=row.script_id,
        script_name=row.script_name,
        version=row.version,
        state=RunState(row.state),
        reason=row.reason,
        error=json.loads(row.error) if row.error else None,
        secrets_used=tuple(json.loads(row.secrets_used)),
        worker_id=row.worker_id,
        attempts=row.attempts,
        priority=row.priority,
        idempotent=bool(row.idempotent),
        concurrency_key=row.concurrency_key,
        run_at_ms=row.run_at_ms,
        created_ms=row.created_ms,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        created_by=row.created_by,
        timeout_s=row.timeout_s,
        cancel_requested=bool(row.cancel_requested),
        bytes_moved=row.bytes_moved or 0,
        params=None if params is None else json.loads(params),
    )


def add_lines(conn: Connection, lines: Sequence[tuple[str, Iterable[LogLine]]]) -> None:
    """Append log lines to runs, each run's numbered on from its last one. The caller holds the runs' rows."""
    wanted = [(run_id, list(of_run)) for run_id, of_run in lines]
    wanted = [(run_id, of_run) for run_id, of_run in wanted if of_run]
    if not wanted:
        return
    found = conn.execute(_LAST_SEQ, {"ids": [run_id for run_id, _ in wanted]})
    last: dict[str, int] = {row[0]: row[1] for row in found}
    rows = []
    for run_id, of_run in wanted:
        for at_ms, level, line in of_run:
            last[run_id] = last.get(run_id, 0) + 1
            rows.append(
                {
                    "run_id": run_id,
                    "seq": last[run_id],
                    "at_ms": at_ms,
                    "level": level if level in LEVELS else "info",
                    "text": storable(line),
                }
            )
    conn.execute(_ADD_LINE, rows)


def storable(line: str) -> str:
    """Make text fit for both databases: no NUL (PostgreSQL), no lone surrogates (UTF-8)."""
    if "\0" in line:
        line = line.replace("\0", "\ufffd")
    try:
        line.encode()
    except UnicodeEncodeError:
        line = line.encode("utf-8", "replace").decode()
    return line
