"""The queue of runs: its rows are the queue, and stay as the history.

People's half is here: each method takes a Caller, and checks, records and acts in one transaction.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.exc import IntegrityError

from nightdrop.access.guard import check, guarded, record_denial
from nightdrop.access.permissions import Permission, allowed
from nightdrop.access.sites import SiteMissingError
from nightdrop.audit.events import Event
from nightdrop.core.caller import Caller
from nightdrop.core.clock import Clock
from nightdrop.core.ids import first_id, is_id, new_id
from nightdrop.core.script_text import SCRIPT_PREFIX, check_code, check_script_name
from nightdrop.db.engine import Database
from nightdrop.db.notify import notify
from nightdrop.runs.bell import Bell
from nightdrop.runs.claims import Ended, RunClaims
from nightdrop.runs.history import Ending, note_ends
from nightdrop.runs.insert import NewRun, insert_run, queued_info
from nightdrop.runs.model import (
    MAX_KEY,
    MAX_TIMEOUT_S,
    IdempotencyConflictError,
    RunInfo,
    RunMissingError,
    RunPage,
    RunRequestError,
    RunScriptMissingError,
    RunState,
    StoredLine,
    encode_params,
)
from nightdrop.runs.rows import COLUMNS, for_update, run_info

_MAX_PRIORITY = 1000
_MAX_PAGE = 500
_MAX_LINES = 10_000

_SCRIPT = "SELECT id, name, version FROM scripts WHERE site_id = :site AND "
_SCRIPT_BY_NAME = text(_SCRIPT + "name = :script")
_SCRIPT_BY_ID = text(_SCRIPT + "id = :script")
_SITE = text("SELECT 1 FROM sites WHERE id = :site")
_BY_KEY = text(f"SELECT {COLUMNS}, params, code FROM runs WHERE site_id = :site AND idempotency_key = :key")  # noqa: S608 - fixed text
_BY_ID = text(f"SELECT {COLUMNS}, params FROM runs WHERE id = :id")  # noqa: S608 - fixed text
_NEWEST_OF = text(
    f"SELECT {COLUMNS} FROM runs WHERE id IN (SELECT (SELECT max(r.id) FROM runs r WHERE r.script_id = s.id)"  # noqa: S608 - fixed text
    " FROM scripts s WHERE s.site_id = :site AND s.id IN :scripts)"
).bindparams(bindparam("scripts", expanding=True))
_STATE = "SELECT state FROM runs WHERE id = :id"
_SITE_OF = text("SELECT site_id FROM runs WHERE id = :id")
_CANCEL_QUEUED = text(
    "UPDATE runs SET state = 'cancelled', reason = :reason, ended_ms = :now, cancel_requested = true WHERE id = :id"
)
_CANCEL_RUNNING = text("UPDATE runs SET cancel_requested = true WHERE id = :id")
_LOGS = text(
    "SELECT seq, at_ms, level, text FROM run_logs WHERE run_id = :id AND seq > :after ORDER BY seq LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class _Request:
    """A checked wish for a run."""

    script: str | None
    code: str | None
    name: str | None
    params: str
    timeout_s: float | None
    idempotency_key: str | None
    concurrency_key: str | None
    priority: int
    idempotent: bool
    run_at_ms: int | None

    def same_as(self, row: Row[Any]) -> bool:
        """Tell whether a run that has the same idempotency key came from the same request."""
        script = self.script in (row.script_name, row.script_id) if self.script is not None else row.code == self.code
        return bool(
            script
            and (self.name is None or row.script_name == self.name)
            and row.params == self.params
            and row.timeout_s == self.timeout_s
            and row.concurrency_key == self.concurrency_key
            and row.priority == self.priority
            and bool(row.idempotent) == self.idempotent
            and self.run_at_ms in (None, row.run_at_ms)
        )


class _Wanted(NamedTuple):
    """Which runs of a site a list has."""

    state: RunState | None
    script_id: str | None
    trigger_id: str | None
    since_ms: int | None
    until_ms: int | None


class _RepeatedError(Exception):
    """The run is there already; leaves the transaction without the audit entry of a second one."""

    def __init__(self, info: RunInfo) -> None:
        self.info = info


class RunQueue(RunClaims):
    """Queues, shows and cancels runs; the worker's half is in ``RunClaims``.

    With a ``bell``, the worker is woken when there is something to do, and the web when a run goes on.
    """

    def __init__(self, db: Database, clock: Clock, bell: Bell | None = None, ended: Ended | None = None) -> None:
        super().__init__(db, clock, ended)
        self._bell = bell
        self._state_for_update = text(_STATE + for_update(db))

    def enqueue(
        self,
        caller: Caller,
        site: str,
        *,
        script: str | None = None,
        code: str | None = None,
        name: str | None = None,
        params: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        idempotency_key: str | None = None,
        concurrency_key: str | None = None,
        priority: int = 0,
        idempotent: bool = False,
        run_at_ms: int | None = None,
        durable: bool = True,
    ) -> RunInfo:
        """Queue a run of a stored script (its name or id), or of ``code`` that is run once and called ``name``.

        The version of the script is the one of now. The same ``idempotency_key`` returns the run that it made before.
        Of the runs of a site with the same ``concurrency_key`` one runs at a time. ``idempotent`` says that running
        it twice does no harm, so it is queued again when its worker dies. ``run_at_ms``: not before.
        ``durable``: see ``Database.write``; a claim is durable, so nothing starts that a power failure makes undone.

        Raises:
            RunScriptMissingError, ParamsInvalidError, ParamsTooLargeError, RunRequestError, IdempotencyConflictError,
            ScriptNameError, ScriptTooLargeError and the like for ``code``; DeniedError.
        """
        request = _Request(
            script=script,
            code=code,
            name=name,
            params=encode_params(params or {}),
            timeout_s=_checked_timeout(timeout_s),
            idempotency_key=_checked_key(idempotency_key, "idempotency_key"),
            concurrency_key=_checked_key(concurrency_key, "concurrency_key"),
            priority=_checked_priority(priority),
            idempotent=idempotent,
            run_at_ms=run_at_ms,
        )
        _check_source(request)
        try:
            info = self._insert(caller, site, request, durable=durable)
        except _RepeatedError as repeated:
            return repeated.info
        except IntegrityError:
            # Another process queued the same key between our look and our insert.
            with self._db.read() as conn:
                if (existing := _repeated(conn, site, request)) is None:
                    raise
                return existing
        self._ring("worker")
        return info

    def get(self, caller: Caller, run_id: str) -> RunInfo:
        """Return one run with its parameters.

        Raises:
            RunMissingError: there is none, or it belongs to a site that the caller may not see.
        """
        if not is_id(run_id, "run"):
            raise RunMissingError
        with self._db.read() as conn:
            row = conn.execute(_BY_ID, {"id": run_id}).first()
        if row is None:
            raise RunMissingError
        self._check_visible(caller, row.site_id, run_id)
        return run_info(row, row.params)

    def list(
        self,
        caller: Caller,
        site: str,
        *,
        state: RunState | None = None,
        script_id: str | None = None,
        trigger_id: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RunPage:
        """Return a page of a site's runs, the newest first, without their parameters.

        ``since_ms`` and ``until_ms`` bound the time when a run was queued: from the first on, before the second.

        Raises:
            RunScriptMissingError: ``script_id`` is no script of this site. RunRequestError, DeniedError.
        """
        check(self._db, caller, Permission.RUNS_VIEW, site)
        if cursor is not None and not is_id(cursor, "run"):
            raise RunRequestError("The cursor does not belong to this list.", field="cursor")
        limit = max(1, min(limit, _MAX_PAGE))
        with self._db.read() as conn:
            if script_id is not None:
                # The page below is cut by the script alone, so whose it is must be settled here.
                _find_script(conn, site, script_id if is_id(script_id, SCRIPT_PREFIX) else "")
            wanted = _Wanted(state, script_id, trigger_id, since_ms, until_ms)
            query, values = _page_query(site, wanted, cursor)
            rows = conn.execute(text(query), {**values, "limit": limit + 1}).all()
        items = tuple(run_info(row) for row in rows[:limit])
        return RunPage(items, items[-1].id if len(rows) > limit else None)

    def newest_of(self, caller: Caller, site: str, scripts: Sequence[str]) -> dict[str, RunInfo]:
        """Return the newest run of each of these scripts (ids), as far as there is one and the caller may see runs."""
        if not scripts or not allowed(caller, Permission.RUNS_VIEW, site):
            return {}
        with self._db.read() as conn:
            rows = conn.execute(_NEWEST_OF, {"site": site, "scripts": list(scripts)}).all()
        return {row.script_id: run_info(row) for row in rows}

    def logs(self, caller: Caller, run_id: str, after_seq: int = 0, limit: int = 1000) -> tuple[StoredLine, ...]:
        """Return lines of a run's log from the one after ``after_seq`` on.

        Raises:
            RunMissingError: see ``get``.
        """
        if not is_id(run_id, "run"):
            raise RunMissingError
        with self._db.read() as conn:
            site = conn.execute(_SITE_OF, {"id": run_id}).scalar()
        if site is None:
            raise RunMissingError
        self._check_visible(caller, site, run_id)
        with self._db.read() as conn:
            found = conn.execute(_LOGS, {"id": run_id, "after": after_seq, "limit": max(1, min(limit, _MAX_LINES))})
            return tuple(StoredLine(*row) for row in found)

    def request_cancel(self, caller: Caller, run_id: str) -> RunInfo:
        """Cancel a run: a queued one at once, a running one as soon as its worker sees it; an ended one stays.

        Raises:
            RunMissingError: see ``get``. DeniedError: the caller may see it but not cancel it.
        """
        info = self.get(caller, run_id)
        if info.state.ended:
            return info
        with guarded(self._db, caller, Permission.RUNS_RUN, Event.RUN_CANCEL_REQUESTED, info.site_id, run_id) as conn:
            row = conn.execute(self._state_for_update, {"id": run_id}).one()
            if row.state == RunState.QUEUED:
                now = self._clock.now_ms()
                conn.execute(_CANCEL_QUEUED, {"id": run_id, "now": now, "reason": f"cancelled by {caller.name}"})
                note_ends(conn, [Ending(info.site_id, info.script_id, RunState.CANCELLED)], now)
            elif row.state == RunState.RUNNING:
                conn.execute(_CANCEL_RUNNING, {"id": run_id})
            notify(conn, "worker")
        self._ring("worker")
        return self.get(caller, run_id)

    def _insert(self, caller: Caller, site: str, request: _Request, *, durable: bool) -> RunInfo:
        run_id = new_id("run")
        event = Event.RUN_QUEUED if request.script is not None else Event.EXEC_QUEUED
        check(self._db, caller, Permission.RUNS_RUN, site)
        # Code that is not stored is a script of one's own: who may only run could read every secret with it.
        permission = Permission.RUNS_RUN if request.script is not None else Permission.SCRIPTS_EDIT
        opened = guarded(self._db, caller, permission, event, site, run_id, _detail(request), durable=durable)
        with opened as conn:
            if request.script is None and conn.execute(_SITE, {"site": site}).first() is None:
                raise SiteMissingError
            if request.idempotency_key is not None and (info := _repeated(conn, site, request)) is not None:
                raise _RepeatedError(info)
            script = _find_script(conn, site, request.script)
            now = self._clock.now_ms()
            run = NewRun(
                id=run_id,
                site_id=site,
                script_id=script.id if script else None,
                script_name=script.name if script else request.name,
                version=script.version if script else None,
                code=request.code,
                params=request.params,
                idempotency_key=request.idempotency_key,
                concurrency_key=request.concurrency_key,
                idempotent=request.idempotent,
                priority=request.priority,
                run_at_ms=now if request.run_at_ms is None else request.run_at_ms,
                created_ms=now,
                created_by=caller.name,
                timeout_s=request.timeout_s,
            )
            insert_run(conn, run)
        return queued_info(run, json.loads(request.params))

    def _check_visible(self, caller: Caller, site: str, run_id: str) -> None:
        if not allowed(caller, Permission.RUNS_VIEW, site):
            # To somebody without rights there, a run of another tenant does not exist.
            record_denial(self._db, caller, Permission.RUNS_VIEW, site, run_id)
            raise RunMissingError

    def _ring(self, role: str) -> None:
        if self._bell is not None:
            self._bell.ring(role)


def _page_query(site: str, wanted: _Wanted, cursor: str | None) -> tuple[str, dict[str, str]]:
    """Build the statement of a page; only fixed text goes into it, every value is bound."""
    # A script is never in two sites. With both columns asked for, a database may choose the longer index.
    owner, value = ("site_id", site) if wanted.script_id is None else ("script_id", wanted.script_id)
    conditions, values = [f"{owner} = :owner"], {"owner": value}
    if wanted.state is not None:
        conditions.append("state = :state")
        values["state"] = wanted.state.value
    source, newest = "runs", "id"
    if wanted.trigger_id is not None:
        # Few runs among a million of others: the index of the origins has them, in this order.
        source = "(SELECT run_id FROM run_origins WHERE trigger_id = :trigger) o CROSS JOIN runs"
        newest = "run_id"
        conditions.append("id = run_id")
        values["trigger"] = wanted.trigger_id
    # Ids begin with the time, so the index that has them in order also bounds the time.
    for sign, name, bound in ((">=", "since", wanted.since_ms), ("<", "until", wanted.until_ms)):
        if bound is not None:
            conditions.append(f"{newest} {sign} :{name}")
            values[name] = first_id("run", bound)
    if cursor is not None:
        conditions.append(f"{newest} < :cursor")
        values["cursor"] = cursor
    where = " AND ".join(conditions)
    return f"SELECT {COLUMNS} FROM {source} WHERE {where} ORDER BY {newest} DESC LIMIT :limit", values  # noqa: S608 - see above


def _find_script(conn: Connection, site: str, script: str | None) -> Row[Any] | None:
    if script is None:
        return None
    query = _SCRIPT_BY_ID if is_id(script, SCRIPT_PREFIX) else _SCRIPT_BY_NAME
    # No name has an unprintable character, and PostgreSQL takes no NUL even in a question.
    row = conn.execute(query, {"site": site, "script": script}).first() if script.isprintable() else None
    if row is None:
        raise RunScriptMissingError
    return row


def _repeated(conn: Connection, site: str, request: _Request) -> RunInfo | None:
    row = conn.execute(_BY_KEY, {"site": site, "key": request.idempotency_key}).first()
    if row is None:
        return None
    if not request.same_as(row):
        raise IdempotencyConflictError
    return run_info(row, row.params)


def _detail(request: _Request) -> dict[str, Any]:
    if request.code is None:
        return {"script": request.script}
    return {"name": request.name, "sha256": hashlib.sha256(request.code.encode()).hexdigest()}


def _check_source(request: _Request) -> None:
    if (request.script is None) == (request.code is None):
        raise RunRequestError("Give either the name of a script or code.")
    if request.code is not None:
        check_code(request.code)
    if request.name is not None:
        check_script_name(request.name)


def _checked_timeout(timeout_s: float | None) -> float | None:
    if timeout_s is not None and not (math.isfinite(timeout_s) and 0 < timeout_s <= MAX_TIMEOUT_S):
        raise RunRequestError("The time limit is not between 0 and 604800 seconds.", field="timeout_s")
    return None if timeout_s is None else float(timeout_s)


def _checked_key(key: str | None, field: str) -> str | None:
    if key is not None and not (1 <= len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise RunRequestError(f"A key is 1 to {MAX_KEY} printable ASCII characters.", field=field)
    return key


def _checked_priority(priority: int) -> int:
    if not -_MAX_PRIORITY <= priority <= _MAX_PRIORITY:
        raise RunRequestError(f"The priority is not between -{_MAX_PRIORITY} and {_MAX_PRIORITY}.", field="priority")
    return priority
