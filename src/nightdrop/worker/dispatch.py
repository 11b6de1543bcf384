"""The dispatcher: claims runs, starts them, and writes how they go and end.

Everything that touches the database happens in one step at a time, in one thread: ends, log lines, marks
and the next claim share as few transactions as possible, because each costs a sync to disk.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from nightdrop.core.errors import NightdropError
from nightdrop.runs.answers import Answer
from nightdrop.runs.model import ClaimedRun, FinishedRun, RunState
from nightdrop.runs.queue import RunQueue
from nightdrop.worker.live_run import LiveRun, LogLine, Verdict
from nightdrop.worker.pairs import Pair, PairPool

log = structlog.get_logger()

LEASE_MS = 30_000
_RENEW_S = 10.0
_POLL_S = 1.0
_LOG_DELAY_S = 0.02
# How long a claimed run may wait for a pair.
_PAIR_WAIT_S = 30.0
# How many pairs a run may get whose processes die before it has begun: something else is wrong then.
_PAIRS = 3
_NOT_STARTED = "its processes could not be started"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A claimed run for which there is no pair yet, since when (event loop time), and how many died under it."""

    run: ClaimedRun
    since: float
    tried: int = 0


@dataclass(slots=True)
class _Step:
    """What one visit to the database has to do."""

    finished: list[FinishedRun] = field(default_factory=list)
    logs: dict[tuple[str, int], list[LogLine]] = field(default_factory=dict)
    answers: dict[tuple[str, int], Answer] = field(default_factory=dict)
    live: list[tuple[str, int]] = field(default_factory=list)
    renew: bool = False
    rung: bool = False
    capacity: int = 0


@dataclass(slots=True)
class _StepResult:
    claimed: list[ClaimedRun] = field(default_factory=list)
    cancel: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)


class Dispatcher:
    """Moves runs from the queue through pairs to their end."""

    def __init__(
        self,
        queue: RunQueue,
        pool: PairPool,
        *,
        worker_id: str,
        concurrency: int,
        start_run: Callable[[LiveRun], None],
        end_run: Callable[[LiveRun], None],
        open_courier: Callable[[LiveRun], None],
        notify: Callable[[], None],
        may_start: Callable[[], bool] = lambda: True,
        paths: Callable[[ClaimedRun], tuple[str, ...]] = lambda _run: (),
        refusal: str | None = None,
    ) -> None:
        self._queue = queue
        self._pool = pool
        self._worker_id = worker_id
        self._concurrency = concurrency
        self._start_run = start_run
        self._end_run = end_run
        self._open_courier = open_courier
        self._notify = notify
        self._may_start = may_start
        self._paths = paths
        self._refusal = refusal
        self._live: dict[str, LiveRun] = {}
        self._waiting: deque[_Waiting] = deque()
        self._finished: list[FinishedRun] = []
        self._logs: dict[tuple[str, int], list[LogLine]] = defaultdict(list)
        self._answers: dict[tuple[str, int], Answer] = {}
        self._urgent = asyncio.Event()
        self._stopping = False
        self._rung = True
        self._renewed = 0.0
        # While set, nothing is claimed: another host can do what this one cannot.
        self.held = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._loop = asyncio.get_running_loop()

    @property
    def live(self) -> int:
        return len(self._live)

    def rung(self) -> None:
        """Look at the queue now: somebody has queued or cancelled a run."""
        self._rung = True
        self._urgent.set()

    def pairs_ready(self) -> None:
        """Start runs that were claimed before a pair, or what else a run needs, was there."""
        left: deque[_Waiting] = deque()
        wanted = []
        while self._waiting and self._may_start():
            waiting = self._waiting.popleft()
            paths = self._paths(waiting.run)
            if (pair := self._pool.take(paths)) is None:
                left.append(waiting)
                wanted.append(paths)
            else:
                self._begin(waiting, pair)
        left.extend(self._waiting)
        self._waiting = left
        self._pool.refill(wanted)

    def _begin(self, waiting: _Waiting, pair: Pair) -> None:
        claimed = waiting.run
        # Whatever goes wrong here, a claimed run must come to an end: nobody else would ever end it.
        try:
            run = LiveRun(
                claimed,
                pair,
                tries=waiting.tried + 1,
                on_log=self._logged,
                on_courier=self._open_courier,
                on_answer=self._answered,
                on_end=self._ended,
            )
        except OSError as error:
            log.error("run_not_started", run=claimed.id, exception=type(error).__name__)
            self._pool.forget(pair)
            self._give_up(claimed, _NOT_STARTED)
            return
        self._live[claimed.id] = run
        try:
            self._start_run(run)
        except Exception as error:  # noqa: BLE001 - see above
            log.error("run_not_started", run=claimed.id, exception=type(error).__name__)
            run.kill(RunState.FAILED, _NOT_STARTED)

    def _give_up(self, claimed: ClaimedRun, reason: str, state: RunState = RunState.FAILED) -> None:
        self._finished.append(_never_started(claimed, state, reason))
        self._urgent.set()

    def secret_used(self, run_id: str, name: str) -> None:
        """Note that the keeper gave a value to a run."""
        if (run := self._live.get(run_id)) is not None:
            run.secrets.add(name)

    async def run(self) -> None:
        """Dispatch until ``stop`` was called and every run has ended."""
        while not (self._stopping and not self._live and not self._waiting and not self._finished):
            await self._pause()
            step = self._collect()
            try:
                result = await self._loop.run_in_executor(self._thread, self._visit, step)
            except NightdropError as error:
                log.error("database_step_failed", code=error.code)
                self._take_back(step)
                await asyncio.sleep(_POLL_S)
                continue
            self._apply(result)
            if step.finished or step.logs or step.answers or result.claimed:
                self._notify()
        self._thread.shutdown()

    def stop(self, reason: str, grace: float) -> None:
        """Claim nothing more; end what still runs after ``grace`` seconds."""
        self._stopping = True
        for run in [run for run in self._live.values() if run.listens]:
            run.end(RunState.CANCELLED, reason)
        self._loop.call_later(grace, self._kill_all, reason)
        self._urgent.set()

    def _kill_all(self, reason: str) -> None:
        for run in list(self._live.values()):
            run.kill(RunState.CANCELLED, reason)
        while self._waiting:
            self._give_up(self._waiting.popleft().run, reason, RunState.CANCELLED)

    def _take_back(self, step: _Step) -> None:
        self._finished = step.finished + self._finished
        for run, lines in step.logs.items():
            self._logs[run][:0] = lines
        self._answers = {**step.answers, **self._answers}
        self._rung |= step.rung
        # No lease may run out because the database was away when it was to be renewed.
        self._renewed = 0.0

    async def _pause(self) -> None:
        delay = _LOG_DELAY_S if self._logs else _POLL_S
        try:
            await asyncio.wait_for(self._urgent.wait(), delay)
        except TimeoutError:
            if delay == _POLL_S:
                self._rung = True
        finally:
            self._urgent.clear()

    def _collect(self) -> _Step:
        now = self._loop.time()
        while self._waiting and now - self._waiting[0].since > _PAIR_WAIT_S:
            self._give_up(self._waiting.popleft().run, _NOT_STARTED)
        held = [*(run.run for run in self._live.values()), *(waiting.run for waiting in self._waiting)]
        # What has ended counts too, until the database knows: it must not be taken for lost before.
        live = [(run.id, run.fence) for run in held] + [(end.run_id, end.fence) for end in self._finished]
        step = _Step(finished=self._finished, logs=dict(self._logs), answers=self._answers, live=live)
        self._finished = []
        self._answers = {}
        self._logs = defaultdict(list)
        if now - self._renewed > _RENEW_S:
            step.renew, self._renewed = True, now
        step.rung, self._rung = self._rung, False
        if not self._stopping and not self.held:
            step.capacity = self._concurrency - len(self._live) - len(self._waiting)
        return step

    def _visit(self, step: _Step) -> _StepResult:
        result = _StepResult()
        if step.renew:
            result.stale = self._queue.renew(self._worker_id, step.live, LEASE_MS)
        if step.live and step.rung:
            result.cancel = self._queue.cancel_requests([run_id for run_id, _ in step.live])
        if step.answers:
            # Before the ends: an answer is taken of a run that is under way.
            self._queue.answers.put(step.answers)
        # Without a ring there is nothing new to claim, but rings can be lost.
        capacity = step.capacity if step.rung or step.finished else 0
        if step.logs or step.finished or capacity > 0:
            turn = self._queue.turn(self._worker_id, capacity, LEASE_MS, logs=step.logs, ends=step.finished)
            result.claimed = turn.claimed
        if step.renew:
            self._queue.lose_expired()
        return result

    def _apply(self, result: _StepResult) -> None:
        for run_id in result.cancel:
            self._end_early(run_id, RunState.CANCELLED, "cancelled")
        for run_id in result.stale:
            self._end_early(run_id, RunState.LOST, "another worker took it over")
        if self._refusal is not None:
            for claimed in result.claimed:
                self._give_up(claimed, self._refusal)
            return
        now = self._loop.time()
        self._waiting.extend(_Waiting(claimed, now) for claimed in result.claimed)
        self.pairs_ready()
        if result.claimed:
            # There may be more: a full claim is followed by another as soon as there is room.
            self._rung = True
            if len(self._live) + len(self._waiting) < self._concurrency:
                self._urgent.set()

    def _end_early(self, run_id: str, state: RunState, reason: str) -> None:
        if (live := self._live.get(run_id)) is not None:
            # Of a run that another worker has nothing must happen here any more.
            (live.kill if state is RunState.LOST else live.end)(state, reason)
            return
        for waiting in [waiting for waiting in self._waiting if waiting.run.id == run_id]:
            self._waiting.remove(waiting)
            self._give_up(waiting.run, reason, state)

    def _logged(self, run: LiveRun, lines: list[LogLine]) -> None:
        if not self._logs:
            # End the long pause; the short one that follows gathers what comes next.
            self._loop.call_later(_LOG_DELAY_S, self._urgent.set)
        self._logs[run.run.id, run.run.fence].extend(lines)

    def _answered(self, run: LiveRun, answer: Answer) -> None:
        self._answers.setdefault((run.run.id, run.run.fence), answer)
        self._urgent.set()

    def _ended(self, run: LiveRun, verdict: Verdict) -> None:
        self._live.pop(run.run.id, None)
        if verdict.unbegun and run.tries < _PAIRS and not self._stopping:
            # Nothing of it has happened, so it is not run twice.
            log.warning("run_given_to_another_pair", run=run.run.id, reason=verdict.reason)
            self._waiting.appendleft(_Waiting(run.run, self._loop.time(), run.tries))
        else:
            self._finish(run, verdict)
        self._end_run(run)
        self._pool.forget(run.pair)
        self.pairs_ready()
        self._urgent.set()

    def _finish(self, run: LiveRun, verdict: Verdict) -> None:
        self._finished.append(
            FinishedRun(
                run_id=run.run.id,
                fence=run.run.fence,
                state=verdict.state,
                reason=verdict.reason,
                error=verdict.error,
                secrets_used=tuple(sorted(run.secrets)),
                logs=tuple(self._logs.pop((run.run.id, run.run.fence), ())),
                bytes_moved=run.bytes_moved,
            )
        )


def _never_started(run: ClaimedRun, state: RunState, reason: str) -> FinishedRun:
    return FinishedRun(
        run_id=run.id,
        fence=run.fence,
        state=state,
        reason=reason,
        error=None,
        secrets_used=(),
        logs=(),
    )
