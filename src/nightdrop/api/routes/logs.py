"""A run's log: in pages, and as a stream that ends with the run."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query
from pydantic import Field
from starlette.responses import StreamingResponse

from nightdrop.api.paging import Page
from nightdrop.api.routes.runs import shown
from nightdrop.api.schema import In, Out
from nightdrop.api.services import CallerDep, Services, ServicesDep
from nightdrop.core.caller import Caller
from nightdrop.runs.model import RunInfo, StoredLine

router = APIRouter(prefix="/runs/{run}/logs", tags=["runs"])

_BATCH = 1000
_KEEP_ALIVE_S = 15.0
_Seq = Annotated[int, Field(ge=0, lt=2**63)]


class LineOut(Out):
    """One line of a log; `seq` counts from 1 in each run."""

    seq: int
    at_ms: int
    level: str
    text: str


class LogQuery(In):
    """Which lines."""

    after: _Seq = Field(0, description="Only lines after this `seq`.")
    limit: int = Field(1000, ge=1, le=10_000)


class StreamQuery(In):
    """Where to begin."""

    after: _Seq = Field(0, description="Only lines after this `seq`.")


@router.get("")
def list_lines(
    run: str, query: Annotated[LogQuery, Query()], services: ServicesDep, caller: CallerDep
) -> Page[LineOut]:
    """Return lines of the log."""
    lines = services.runs.logs(caller, run, query.after, query.limit)
    return Page(items=[LineOut.model_validate(line) for line in lines])


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream_lines(
    run: str,
    query: Annotated[StreamQuery, Query()],
    services: ServicesDep,
    caller: CallerDep,
    last_event_id: Annotated[str | None, Header(max_length=20, description="Sent by browsers that reconnect.")] = None,
) -> StreamingResponse:
    """Stream the log as server-sent events until the run ends.

    Events: `log` (a line; its id is the `seq`), `state` (`{"state": ...}`), and last `end` (the run).
    """
    info = await run_sync(services.runs.get, caller, run)
    resumed = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else 0
    events = _events(services, caller, info, max(query.after, resumed))
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _events(services: Services, caller: Caller, info: RunInfo, after: int) -> AsyncIterator[str]:
    state = None
    with services.watch.watching(info.id) as watcher:
        while not services.watch.closing:
            # What ends a session or takes a permission away also ends what it is reading.
            if (now := await run_sync(services.access.credentials.again, caller)) is None:
                return
            caller = now
            # In this order: once the state is read as ended, every line is there.
            info = await run_sync(services.runs.get, caller, info.id)
            if info.state is not state:
                state = info.state
                yield _event("state", {"state": state})
            lines = await run_sync(services.runs.logs, caller, info.id, after, _BATCH)
            if lines:
                after = lines[-1].seq
                yield "".join(map(_line, lines))
            if len(lines) == _BATCH:
                continue
            if info.state.ended:
                yield f"event: end\ndata: {shown(info).model_dump_json()}\n\n"
                return
            if not await watcher.change(_KEEP_ALIVE_S):
                yield ": still here\n\n"


def _line(line: StoredLine) -> str:
    return _event("log", line._asdict(), line.seq)


def _event(event: str, data: dict[str, Any], number: int | None = None) -> str:
    # JSON in ASCII has no line break that could end the event early.
    identity = "" if number is None else f"id: {number}\n"
    return f"{identity}event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
