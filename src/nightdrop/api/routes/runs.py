"""Runs: queue, wait, look, cancel."""

from collections.abc import Mapping
from time import monotonic
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query
from pydantic import Field

from nightdrop.api.paging import Cursor, Limit, Page
from nightdrop.api.schema import In, Out
from nightdrop.api.services import CallerDep, Services, ServicesDep
from nightdrop.core.caller import Caller
from nightdrop.runs.history import HOUR_MS
from nightdrop.runs.model import RunInfo, RunRequestError, RunState

router = APIRouter(tags=["runs"])

MAX_WAIT_S = 60.0
MAX_SPANS = 1000


class RunError(Out):
    """Why a run failed; line and column are those of the user's script."""

    kind: str | None = None
    message: str | None = None
    line: int | None = None
    column: int | None = None
    stack: str | None = None


class RunOut(Out):
    """A run. `params` is null in lists."""

    id: str
    site_id: str
    script_id: str | None
    script_name: str | None
    version: int | None
    state: RunState
    reason: str | None
    error: RunError | None
    params: dict[str, Any] | None
    secrets_used: list[str] = Field(description="Names of the secrets that the run was given.")
    bytes_moved: int = Field(description="Of files and of HTTP bodies, in both directions; known at its end.")
    attempts: int
    priority: int
    idempotent: bool
    concurrency_key: str | None
    timeout_s: float | None
    cancel_requested: bool
    run_at_ms: int
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    duration_ms: int | None
    created_by: str


class NewRun(In):
    """A run of a stored script (name or id), or of `code` that is run once and called `name`."""

    script: str | None = None
    code: str | None = None
    name: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    timeout_s: float | None = Field(None, gt=0)
    concurrency_key: str | None = Field(None, description="Of the runs with the same key one runs at a time.")
    priority: int = Field(0, ge=-1000, le=1000)
    idempotent: bool = Field(False, description="It may be run again when its worker dies.")
    run_at_ms: int | None = Field(None, ge=0, lt=2**53, description="Not before this time.")


class WaitQuery(In):
    """How long to wait for the end."""

    wait: float = Field(0, ge=0, le=MAX_WAIT_S, description="Seconds.")


class RunQuery(In):
    """Which runs."""

    state: RunState | None = None
    script_id: str | None = Field(None, max_length=100)
    trigger_id: str | None = Field(None, max_length=100)
    since_ms: int | None = Field(None, ge=0, lt=2**53, description="Queued at this time or later.")
    until_ms: int | None = Field(None, ge=0, lt=2**53, description="Queued before this time.")
    limit: Limit = 50
    cursor: Cursor = None


class CountQuery(In):
    """Which spans."""

    since_ms: int | None = Field(None, ge=0, lt=2**53, description="A day before, unless given.")
    until_ms: int | None = Field(None, ge=0, lt=2**53, description="Now, unless given.")
    hours: int = Field(1, ge=1, le=24 * 31, description="The length of a span.")


class RunCount(Out):
    """How many runs ended in a span, by state."""

    at_ms: int = Field(description="Where it begins.")
    runs: dict[RunState, int]


class RunCounts(Out):
    """The spans, the oldest first."""

    items: list[RunCount]


@router.post("/sites/{site}/runs", status_code=201)
async def start_run(
    site: str,
    body: NewRun,
    query: Annotated[WaitQuery, Query()],
    services: ServicesDep,
    caller: CallerDep,
    idempotency_key: Annotated[
        str | None, Header(description="Repeats return the run that the first one made.")
    ] = None,
) -> RunOut:
    """Queue a run; with `wait`, answer when it has ended, at the latest after that many seconds."""

    def enqueue() -> RunInfo:
        return services.runs.enqueue(
            caller,
            services.sites.get(caller, site).id,
            idempotency_key=idempotency_key,
            # Who waits is answered after the worker's claim, which makes both durable, or after a sync.
            durable=not query.wait,
            **body.model_dump(),
        )

    rings = services.watch.rings
    info = await run_sync(enqueue)
    if query.wait:
        info = await _wait_for_end(services, caller, info, query.wait, rings)
    return shown(info)


@router.get("/sites/{site}/runs")
def list_runs(site: str, query: Annotated[RunQuery, Query()], services: ServicesDep, caller: CallerDep) -> Page[RunOut]:
    """List runs, the newest first."""
    page = services.runs.list(
        caller,
        services.sites.get(caller, site).id,
        state=query.state,
        script_id=query.script_id,
        trigger_id=query.trigger_id,
        since_ms=query.since_ms,
        until_ms=query.until_ms,
        limit=query.limit,
        cursor=query.cursor,
    )
    return Page(items=[shown(info) for info in page.items], next=page.cursor)


@router.get("/sites/{site}/runs/counts")
def count_runs(site: str, query: Annotated[CountQuery, Query()], services: ServicesDep, caller: CallerDep) -> RunCounts:
    """Count the runs that ended, in spans of whole hours; those that were deleted since are counted too."""
    until = services.clock.now_ms() if query.until_ms is None else query.until_ms
    since = max(0, until - 24 * HOUR_MS) if query.since_ms is None else query.since_ms
    if not 0 <= until - since <= MAX_SPANS * query.hours * HOUR_MS:
        raise RunRequestError("These are too many spans.", hint=f"Ask for at most {MAX_SPANS}.", field="since_ms")
    spans = services.history.spans(caller, services.sites.get(caller, site).id, since, until, query.hours)
    return RunCounts(items=[RunCount.model_validate(span) for span in spans])


@router.get("/runs/{run}")
def get_run(run: str, services: ServicesDep, caller: CallerDep) -> RunOut:
    """Show a run."""
    return shown(services.runs.get(caller, run))


@router.post("/runs/{run}/cancel")
def cancel_run(run: str, services: ServicesDep, caller: CallerDep) -> RunOut:
    """Cancel a run: a queued one at once, a running one as soon as its worker sees it."""
    return shown(services.runs.request_cancel(caller, run))


async def _wait_for_end(services: Services, caller: Caller, info: RunInfo, seconds: float, rings: int) -> RunInfo:
    deadline = monotonic() + seconds
    # An idempotency key may have found a run that ended long ago: then nobody rings any more.
    since = rings if info.state == RunState.QUEUED else None
    with services.watch.watching(info.id, since) as watcher:
        while not services.watch.closing:
            if watcher.progress is not None and watcher.progress.state.ended:
                return await run_sync(services.runs.get, caller, info.id)
            if (left := deadline - monotonic()) <= 0:
                break
            await watcher.change(left)
    await run_sync(services.db.sync)
    return await run_sync(services.runs.get, caller, info.id)


def shown(info: RunInfo) -> RunOut:
    """Return what people see of a run."""
    return RunOut(
        id=info.id,
        site_id=info.site_id,
        script_id=info.script_id,
        script_name=info.script_name,
        version=info.version,
        state=info.state,
        reason=info.reason,
        error=None if info.error is None else _error(info.error),
        params=None if info.params is None else dict(info.params),
        secrets_used=list(info.secrets_used),
        bytes_moved=info.bytes_moved,
        attempts=info.attempts,
        priority=info.priority,
        idempotent=info.idempotent,
        concurrency_key=info.concurrency_key,
        timeout_s=info.timeout_s,
        cancel_requested=info.cancel_requested,
        run_at_ms=info.run_at_ms,
        created_ms=info.created_ms,
        started_ms=info.started_ms,
        ended_ms=info.ended_ms,
        duration_ms=info.duration_ms,
        created_by=info.created_by,
    )


def _error(error: Mapping[str, Any]) -> RunError:
    return RunError(**{key: error.get(key) for key in RunError.model_fields})
