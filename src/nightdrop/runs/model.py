"""What a run is, and what the worker and the web see of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from nightdrop.access.settings import SiteSettings
from nightdrop.core.errors import ConflictError, InvalidError, NotFoundError, TooLargeError

MAX_PARAMS = 256 * 1024
MAX_TIMEOUT_S = 7 * 24 * 3600
MAX_ATTEMPTS = 3
MAX_KEY = 200
LEVELS = frozenset({"info", "warn", "error"})


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"  # -> running, cancelled, failed (its script is gone)
    RUNNING = "running"  # -> every state below; -> queued when its worker is lost and the run is idempotent
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # the script threw, or a part of nightdrop failed it
    TIMED_OUT = "timed_out"
    KILLED = "killed"  # over its memory or CPU limit
    CANCELLED = "cancelled"
    LOST = "lost"  # its worker is gone: nobody knows how far it came

    @property
    def ended(self) -> bool:
        return self not in (RunState.QUEUED, RunState.RUNNING)


class RunMissingError(NotFoundError):
    """There is no such run."""

    code = "run_not_found"
    hint = "See: nightdrop run ls"


class RunScriptMissingError(NotFoundError):
    """There is no such script in this site."""

    code = "script_not_found"
    hint = "See: nightdrop script ls"


class ParamsInvalidError(InvalidError):
    """The parameters are not a JSON object."""

    code = "params_invalid"
    hint = "Give an object whose keys are text and whose values are JSON."


class ParamsTooLargeError(TooLargeError):
    """The parameters are larger than 256 KiB."""

    code = "params_too_large"
    hint = "Put the data into a file of the site and pass its name."


class RunRequestError(InvalidError):
    """The run cannot be queued like this."""

    code = "run_invalid"


class IdempotencyConflictError(ConflictError):
    """This idempotency key was used for another run."""

    code = "idempotency_conflict"
    hint = "Use a new key for a new request."


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run as people see it; ``params`` is ``None`` in lists. Times in milliseconds since the epoch."""

    id: str
    site_id: str
    script_id: str | None
    script_name: str | None
    version: int | None
    state: RunState
    reason: str | None
    error: Mapping[str, Any] | None
    secrets_used: tuple[str, ...]
    worker_id: str | None
    attempts: int
    priority: int
    idempotent: bool
    concurrency_key: str | None
    run_at_ms: int
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    created_by: str
    timeout_s: float | None
    cancel_requested: bool
    bytes_moved: int = 0
    params: Mapping[str, Any] | None = None

    @property
    def duration_ms(self) -> int | None:
        if self.started_ms is None or self.ended_ms is None:
            return None
        return max(0, self.ended_ms - self.started_ms)


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run in a worker's hands, with all that it needs to start it."""

    id: str
    site_id: str
    settings: SiteSettings
    script_id: str | None
    script_name: str | None
    version: int | None
    code: str
    params: Mapping[str, Any]
    timeout_s: float | None
    fence: int
    attempts: int


# One line of a run's log as a worker hands it in: milliseconds since the epoch, level (info, warn, error), text.
LogLine = tuple[int, str, str]


class StoredLine(NamedTuple):
    """One line of a run's log; ``seq`` counts from 1 in each run."""

    seq: int
    at_ms: int
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """How a run ended, as its worker reports it; ``error`` holds kind, message, line, column, stack."""

    run_id: str
    fence: int
    state: RunState
    reason: str | None = None
    error: Mapping[str, Any] | None = None
    secrets_used: Sequence[str] = ()
    logs: Sequence[LogLine] = ()
    bytes_moved: int = 0


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of runs, newest first; ``cursor`` asks for the next one, ``None`` at the end."""

    items: tuple[RunInfo, ...]
    cursor: str | None


def encode_params(params: Mapping[str, Any]) -> str:
    """Return the stored form of a run's parameters: canonical JSON.

    Raises:
        ParamsInvalidError, ParamsTooLargeError.
    """
    if not all(isinstance(key, str) for key in params):
        raise ParamsInvalidError(field="params")
    try:
        text = json.dumps(dict(params), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError):
        raise ParamsInvalidError(field="params") from None
    if size > MAX_PARAMS:
        raise ParamsTooLargeError(field="params")
    return text
