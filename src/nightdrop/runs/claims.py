"""The worker's half of the queue: claims, leases and ends, each for many runs in one transaction.

A claim gives a run a new fencing number. Whoever comes back with an older one - a worker that was thought
dead and was not - changes nothing.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from nightdrop.access.settings import parse_settings
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import SYSTEM
from nightdrop.core.clock import Clock
from nightdrop.db.engine import Database
from nightdrop.db.notify import notify
from nightdrop.runs.answers import RunAnswers
from nightdrop.runs.history import Ending, note_ends
from nightdrop.runs.model import MAX_ATTEMPTS, ClaimedRun, FinishedRun, LogLine, RunState
from nightdrop.runs.rows import add_lines, for_update, storable

_CANDIDATES = """
SELECT r.id, r.site_id, r.script_id, r.script_name, r.version, coalesce(r.code, v.code) AS code, r.params, r.timeout_s,
       r.fence, r.attempts, r.concurrency_key, s.settings
FROM runs r CROSS JOIN sites s LEFT JOIN script_versions v ON v.script_id = r.script_id AND v.number = r.version
WHERE r.state = 'queued' AND r.run_at_ms <= :now AND s.id = r.site_id
  AND (r.concurrency_key IS NULL OR NOT EXISTS (
    SELECT 1 FROM runs o
    WHERE o.site_id = r.site_id AND o.concurrency_key = r.concurrency_key AND o.state = 'running'))
ORDER BY r.priority DESC, r.run_at_ms, r.id LIMIT :limit"""
_TAKE = text(
    "UPDATE runs SET state = 'running', worker_id = :worker_id, lease_until_ms = :until, fence = fence + 1,"
    " attempts = attempts + 1, started_ms = :now WHERE id = :id"
)
_HELD = (
    "SELECT id, site_id, script_id, script_name, fence, worker_id, started_ms FROM runs"
    " WHERE id IN :ids AND state = 'running' ORDER BY id"
)
_RENEW = text("UPDATE runs SET lease_until_ms = :until WHERE id = :id")
_END = text(
    "UPDATE runs SET state = :state, reason = :reason, error = :error, secrets_used = :secrets_used,"
    " ended_ms = :ended, lease_until_ms = NULL WHERE id = :id"
)
_MOVED = text("INSERT INTO run_bytes (run_id, bytes) VALUES (:id, :bytes)")
_REQUEUE = text(
    "UPDATE runs SET state = 'queued', worker_id = NULL, lease_until_ms = NULL, started_ms = NULL, run_at_ms = :now"
    " WHERE id = :id"
)
_LOSABLE = (
    "SELECT id, site_id, script_id, script_name, idempotent, attempts, cancel_requested, started_ms FROM runs"
    " WHERE state = 'running' AND "
)
_EXPIRED = _LOSABLE + "lease_until_ms < :now ORDER BY id"
# Not LIKE: a host name may contain its wildcards.
_OF_WORKER = _LOSABLE + "substr(worker_id, 1, :length) = :prefix ORDER BY id"
_CANCELLED = text(
    "SELECT id FROM runs WHERE id IN :ids AND state = 'running' AND cancel_requested",
).bindparams(bindparam("ids", expanding=True))

_NO_SCRIPT = "the script was deleted before the run started"
_EXPIRED_REASON = "the worker stopped answering while the run was under way; how far it came is not known"
_WORKER_REASON = "the worker stopped while the run was under way; how far it came is not known"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did: for each end whether it counted, the ids whose log took lines, the runs claimed."""

    done: list[bool]
    logged: set[str]
    claimed: list[ClaimedRun]


Ended = Callable[[Connection, Sequence[FinishedRun]], object]


class RunClaims:
    """Claims runs and reports on them; used by the one dispatcher of a worker."""

    def __init__(self, db: Database, clock: Clock, ended: Ended | None = None) -> None:
        """Work on a database; ``ended`` is called for runs that end, in the transaction that ends them."""
        self._db = db
        self._clock = clock
        self._ended = ended
        self.answers = RunAnswers(db)
        self._candidates = text(_CANDIDATES + for_update(db, of="r", skip=True))
        self._held = text(_HELD + for_update(db)).bindparams(bindparam("ids", expanding=True))

    def claim(self, worker_id: str, limit: int, lease_ms: int) -> list[ClaimedRun]:
        """Take up to ``limit`` runs that are due, the most urgent first, and hold them for ``lease_ms``.

        Of the runs with one concurrency key at most one runs at a time. A run whose script is gone ends here.
        """
        return self.turn(worker_id, limit, lease_ms).claimed

    def turn(
        self,
        worker_id: str,
        limit: int,
        lease_ms: int,
        *,
        logs: Mapping[tuple[str, int], Sequence[LogLine]] | None = None,
        ends: Sequence[FinishedRun] = (),
    ) -> Turn:
        """Do what ``append_logs_many``, ``finish_many`` and ``claim`` do, in this order, in one transaction.

        A transaction costs a sync to disk, so a busy dispatcher should pay for one only.
        """
        if not all(end.state.ended for end in ends):
            raise ValueError("a run can not finish in a state that is no end")
        with self._db.write() as conn:
            logged = self._append(conn, logs) if logs else set()
            done = self._finish(conn, ends) if ends else []
            taken = self._claim(conn, worker_id, limit, lease_ms) if limit > 0 else []
            if logged or any(done):
                notify(conn, "web")
        return Turn(done, logged, [_claimed(row) for row in taken])

    def renew(self, worker_id: str, live: Iterable[tuple[str, int]], lease_ms: int) -> set[str]:
        """Hold the given (run id, fence) for another ``lease_ms``; return the ids that this worker lost."""
        wanted = dict(live)
        if not wanted:
            return set()
        with self._db.write() as conn:
            held = {row.id for row in self._rows_held(conn, wanted) if row.worker_id == worker_id}
            if held:
                until = self._clock.now_ms() + lease_ms
                conn.execute(_RENEW, [{"id": run_id, "until": until} for run_id in sorted(held)])
        return wanted.keys() - held

    def finish(self, end: FinishedRun) -> bool:
        """End one run; ``False`` and no change when the fence is stale or the run has ended."""
        return self.finish_many([end])[0]

    def finish_many(self, ends: Sequence[FinishedRun]) -> list[bool]:
        """End runs with their last log lines and one audit entry each; tells for each whether it was done."""
        return self.turn("", 0, 0, ends=ends).done if ends else []

    def append_logs(self, run_id: str, fence: int, lines: Sequence[LogLine]) -> bool:
        """Append lines to a run's log; ``False`` and no change when the fence is stale."""
        return run_id in self.append_logs_many({(run_id, fence): lines})

    def append_logs_many(self, lines: Mapping[tuple[str, int], Sequence[LogLine]]) -> set[str]:
        """Append lines to the logs of the given (run id, fence); return the ids that took them."""
        return self.turn("", 0, 0, logs=lines).logged if lines else set()

    def cancel_requests(self, run_ids: Sequence[str]) -> set[str]:
        """Return which of these running runs somebody wants cancelled."""
        if not run_ids:
            return set()
        with self._db.read() as conn:
            return set(conn.execute(_CANCELLED, {"ids": list(run_ids)}).scalars())

    def lose_expired(self) -> list[str]:
        """End the runs whose lease ran out as ``lost``; an idempotent one is queued again. Returns their ids."""
        return self._lose(_EXPIRED, {"now": self._clock.now_ms()}, _EXPIRED_REASON)

    def lose_worker(self, prefix: str, reason: str = _WORKER_REASON) -> list[str]:
        """Do the same with every run of the workers whose id starts with ``prefix``; they must be dead."""
        return self._lose(_OF_WORKER, {"prefix": prefix, "length": len(prefix)}, reason)

    def _claim(self, conn: Connection, worker_id: str, limit: int, lease_ms: int) -> list[Row[Any]]:
        now = self._clock.now_ms()
        taken: list[Row[Any]] = []
        passed_over = True
        # Again when some were passed over: what stood behind them in the queue shall not wait for them.
        while passed_over and len(taken) < limit:
            found = conn.execute(self._candidates, {"now": now, "limit": limit - len(taken)}).all()
            chosen = self._one_per_key(conn, found)
            started = self._take(conn, chosen, worker_id, now, lease_ms)
            passed_over = bool(chosen) and len(started) < len(found)
            taken += started
        return taken

    def _finish(self, conn: Connection, ends: Sequence[FinishedRun]) -> list[bool]:
        by_id = {end.run_id: end for end in ends}
        rows = self._rows_held(conn, {end.run_id: end.fence for end in by_id.values()})
        self._end(conn, [(row, by_id[row.id]) for row in rows], Event.RUN_ENDED)
        add_lines(conn, [(row.id, by_id[row.id].logs) for row in rows])
        done = {row.id for row in rows}
        return [end.run_id in done and end is by_id[end.run_id] for end in ends]

    def _append(self, conn: Connection, logs: Mapping[tuple[str, int], Sequence[LogLine]]) -> set[str]:
        held = {(row.id, row.fence) for row in self._rows_held(conn, dict(logs.keys()))}
        add_lines(conn, [(run[0], lines) for run, lines in logs.items() if run in held])
        return {run_id for run_id, _ in held}

    def _one_per_key(self, conn: Connection, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
        chosen, keys = [], set()
        for row in rows:
            if row.concurrency_key is not None:
                key = (row.site_id, row.concurrency_key)
                if key in keys or not self._lock_key(conn, *key):
                    continue
                keys.add(key)
            chosen.append(row)
        return chosen

    def _lock_key(self, conn: Connection, site_id: str, key: str) -> bool:
        """Keep other workers from starting a run with this key until we commit (PostgreSQL; SQLite has one writer)."""
        if self._db.is_sqlite:
            return True
        locked = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 1))")
        if not conn.execute(locked, {"name": f"{site_id}/{key}"}).scalar():
            return False
        # What another worker committed between our first look and the lock is visible only to a new statement.
        running = text("SELECT 1 FROM runs WHERE site_id = :site AND concurrency_key = :key AND state = 'running'")
        return conn.execute(running, {"site": site_id, "key": key}).first() is None

    def _take(
        self, conn: Connection, rows: Sequence[Row[Any]], worker_id: str, now: int, lease_ms: int
    ) -> list[Row[Any]]:
        startable = [row for row in rows if row.code is not None]
        if startable:
            values = [{"id": row.id, "worker_id": worker_id, "until": now + lease_ms, "now": now} for row in startable]
            conn.execute(_TAKE, values)
        gone = [(row, FinishedRun(row.id, row.fence, RunState.FAILED, _NO_SCRIPT)) for row in rows if row.code is None]
        self._end(conn, gone, Event.RUN_ENDED)
        return startable

    def _rows_held(self, conn: Connection, fences: Mapping[str, int]) -> list[Row[Any]]:
        """Lock and return the running rows among ``fences`` whose fencing number is the given one."""
        found = conn.execute(self._held, {"ids": list(fences)}).all()
        return [row for row in found if row.fence == fences[row.id]]

    def _end(self, conn: Connection, ends: Sequence[tuple[Row[Any], FinishedRun]], event: Event) -> None:
        if not ends:
            return
        now = self._clock.now_ms()
        conn.execute(_END, [_end_values(end, now) for _, end in ends])
        if moved := [{"id": end.run_id, "bytes": end.bytes_moved} for _, end in ends if end.bytes_moved]:
            conn.execute(_MOVED, moved)
        note_ends(conn, [Ending(row.site_id, row.script_id, end.state, end.secrets_used) for row, end in ends], now)
        if self._ended is not None:
            self._ended(conn, [end for _, end in ends])
        for row, end in ends:
            started = getattr(row, "started_ms", None)
            detail = {
                "script": row.script_name,
                "reason": end.reason,
                "secrets": sorted(end.secrets_used),
                "duration_ms": None if started is None else max(0, now - started),
            }
            record(conn, event, SYSTEM, row.site_id, row.id, end.state.value, detail)

    def _lose(self, query: str, values: Mapping[str, Any], reason: str) -> list[str]:
        with self._db.read() as conn:
            if conn.execute(text(query), values).first() is None:
                return []
        with self._db.write() as conn:
            rows = conn.execute(text(query + for_update(self._db, skip=True)), values).all()
            again = [row for row in rows if _may_run_again(row)]
            lost = [row for row in rows if not _may_run_again(row)]
            self._end(conn, [(row, FinishedRun(row.id, 0, RunState.LOST, reason)) for row in lost], Event.RUN_LOST)
            self._requeue(conn, again, reason)
        return [row.id for row in rows]

    def _requeue(self, conn: Connection, rows: Sequence[Row[Any]], reason: str) -> None:
        if not rows:
            return
        now = self._clock.now_ms()
        conn.execute(_REQUEUE, [{"id": row.id, "now": now} for row in rows])
        for row in rows:
            detail = {"script": row.script_name, "reason": reason, "attempts": row.attempts}
            record(conn, Event.RUN_LOST, SYSTEM, row.site_id, row.id, "queued", detail)


def _may_run_again(row: Row[Any]) -> bool:
    return bool(row.idempotent) and row.attempts < MAX_ATTEMPTS and not row.cancel_requested


def _end_values(end: FinishedRun, now: int) -> dict[str, Any]:
    return {
        "id": end.run_id,
        "state": end.state.value,
        "reason": None if end.reason is None else storable(end.reason),
        "error": None if end.error is None else json.dumps(dict(end.error)),
        "secrets_used": json.dumps(sorted(end.secrets_used)),
        "ended": now,
    }


def _claimed(row: Row[Any]) -> ClaimedRun:
    return ClaimedRun(
        id=row.id,
        site_id=row.site_id,
        settings=parse_settings(row.settings),
        script_id=row.script_id,
        script_name=row.script_name,
        version=row.version,
        code=row.code,
        params=json.loads(row.params),
        timeout_s=row.timeout_s,
        fence=row.fence + 1,
        attempts=row.attempts + 1,
    )
