"""One run under way: its processes, its limits, and the one verdict that it ends with."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nightdrop.core.wire import Frame
from nightdrop.runs.answers import Answer, MediaType
from nightdrop.runs.model import ClaimedRun, RunState
from nightdrop.sandbox import limits
from nightdrop.worker.aio import AsyncChannel
from nightdrop.worker.pairs import ROLES, Pair, Role

# How long a script that asks for the halt signal may take to end itself.
HALT_GRACE_S = 10.0
# How long a dying pair may take to hand over its last log lines and its exit status.
_GRACE_S = 0.3
# The wait status of a runner whose pipe was closed, exit(1): not its own failure.
_GATEWAY_GONE = 1 << 8

LogLine = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended, in plain words; ``unbegun`` when its processes died before the script could do anything."""

    state: RunState
    reason: str | None = None
    error: dict[str, Any] | None = None
    unbegun: bool = False


class LiveRun:
    """Drives one pair through one run and calls ``on_end`` exactly once; ``tries`` counts the pairs it was given."""

    def __init__(
        self,
        run: ClaimedRun,
        pair: Pair,
        *,
        tries: int,
        on_courier: Callable[["LiveRun"], None],
        on_answer: Callable[["LiveRun", Answer], None],
        on_log: Callable[["LiveRun", list[LogLine]], None],
        on_end: Callable[["LiveRun", Verdict], None],
    ) -> None:
        self.run = run
        self.pair = pair
        self.tries = tries
        self.secrets: set[str] = set()
        self.bytes_moved = 0
        self._on_log = on_log
        self._on_end = on_end
        self._on_courier = on_courier
        self._on_answer = on_answer
        self._verdict: Verdict | None = None
        self._begun = False
        self.listens = False
        self._halting = False
        self._over = False
        self._loop = asyncio.get_running_loop()
        self._timers: list[asyncio.TimerHandle] = []
        self._channel = AsyncChannel(pair.control.dup(), self._frame, self._gateway_closed)
        pair.on_exit = self._member_exited

    def start(self, fds: Sequence[int], files: str, paths: Sequence[Sequence[str | None]] = ()) -> None:
        """Set the limits from outside, then hand the run and its two channels to the gateway.

        Args:
            fds: the channels to keeper and broker.
            files: the site's own directory.
            paths: the site's other directories, each with why it may not be used, or ``None``.
        """
        settings = self.run.settings
        wall = min(self.run.timeout_s or settings.wall, settings.wall)
        try:
            limits.limit_process(self.pair.pid("runner"), memory=settings.memory, cpu=settings.cpu)
        except ProcessLookupError:
            self._conclude_soon()
            return
        self._timers.append(self._loop.call_later(wall, self._out_of_time, wall))
        self._channel.send_json({"op": "start", "run": self._description(files, paths, wall)}, fds)

    def give_courier(self, channel: int) -> None:
        """Hand the gateway its end of the channel to the run's courier."""
        self._channel.send_json({"op": "courier"}, [channel])

    def end(self, state: RunState, reason: str) -> None:
        """End the run from outside; a script that asks for the halt signal gets it, and time to end itself."""
        if not self.listens:
            self.kill(state, reason)
        elif self._verdict is None:
            self._verdict = Verdict(state, reason)
            self._halting = True
            self._channel.send_json({"op": "halt"})
            self._timers.append(self._loop.call_later(HALT_GRACE_S, self.kill, state, reason))

    def kill(self, state: RunState, reason: str) -> None:
        """End the run from outside. The runner dies at once; the gateway may still hand over its last lines."""
        if self._verdict is None or self._halting:
            self._halting = False
            self._verdict = self._verdict or Verdict(state, reason)
            self.pair.kill("runner")
            self._conclude_soon()

    def _description(self, files: str, paths: Sequence[Sequence[str | None]], wall: float) -> dict[str, Any]:
        run, settings = self.run, self.run.settings
        return {
            "id": run.id,
            "site": run.site_id,
            "script": run.script_name,
            "version": run.version,
            "code": run.code,
            "params": run.params,
            "limits": {
                "memory": settings.memory,
                "cpu": settings.cpu,
                "wall": wall,
                "log": settings.log,
                "body": settings.body,
            },
            "files": files,
            "paths": paths,
            "mail_secret": settings.smtp_password_secret,
        }

    def _frame(self, frame: Frame) -> None:
        message = frame.json()
        for fd in frame.fds:
            os.close(fd)
        if message["t"] == "begun":
            self._begun = True
        elif message["t"] == "listens":
            self.listens = True
        elif message["t"] == "log":
            self._on_log(self, [(int(at), str(level), str(text)) for at, level, text in message["lines"]])
        elif message["t"] == "courier":
            self._on_courier(self)
        elif message["t"] == "answer":
            media_type: MediaType = "application/json" if message["json"] else "text/plain"
            self._on_answer(self, Answer(int(message["status"]), media_type, str(message["body"])))
        elif message["t"] == "end":
            # The keeper says so too, but what it says may come after this.
            self.secrets.update(str(name) for name in message["secrets"])
            self.bytes_moved = min(max(0, int(message["moved"])), 2**62)
            self._ended(message)

    def _ended(self, message: dict[str, Any]) -> None:
        if self._verdict is None:
            verdict = self._judge(message)
            if verdict is None:
                # The gateway only saw its pipe close; why is in the runner's exit status.
                self._conclude_soon()
                return
            self._verdict = verdict
        self._conclude()

    def _judge(self, message: dict[str, Any]) -> Verdict | None:
        if message["state"] == "succeeded":
            return Verdict(RunState.SUCCEEDED)
        error = message.get("error") or {}
        match error.get("kind"):
            case "memory":
                megabytes = self.run.settings.memory // (1024 * 1024)
                return Verdict(RunState.KILLED, f"used more than its {megabytes} MiB of memory", error)
            case "keeper" | "broker" | "courier" as part:
                return Verdict(RunState.FAILED, f"the {part} stopped while the run needed it", error)
            case "internal":
                return None
            case _:
                return Verdict(RunState.FAILED, "the script failed", error)

    def _gateway_closed(self) -> None:
        self._conclude_soon()

    def _member_exited(self, role: Role, _status: int) -> None:
        if role == "gateway" or self._verdict is None:
            self._conclude_soon()

    def _conclude_soon(self) -> None:
        if not self._over:
            self._timers.append(self._loop.call_later(_GRACE_S, self._conclude))

    def _conclude(self) -> None:
        if self._over:
            return
        self._over = True
        for timer in self._timers:
            timer.cancel()
        verdict = self._verdict or self._from_exits()
        self._channel.close()
        self._on_end(self, verdict)

    def _from_exits(self) -> Verdict:
        ended = [(role, self.pair.exits.get(role, 0)) for role in ROLES]
        # A signal first: the one of the two that was killed made the other end with a status of its own.
        for role, status in sorted(ended, key=lambda one: not os.WIFSIGNALED(one[1])):
            if status not in (0, _GATEWAY_GONE):
                return replace(self._from_status(role, status), unbegun=not self._begun)
        reason = "its processes stopped: a zygote was restarted"
        return Verdict(RunState.FAILED, reason, unbegun=not self._begun)

    def _from_status(self, role: Role, status: int) -> Verdict:
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGXCPU:
            return Verdict(RunState.KILLED, f"used more than its {self.run.settings.cpu} s of processor time")
        if code == -signal.SIGSYS:
            return Verdict(RunState.KILLED, f"the {role} tried a system call that it may not make")
        if code < 0:
            return Verdict(RunState.FAILED, f"the {role} was stopped by signal {-code}")
        return Verdict(RunState.FAILED, f"the {role} stopped with status {code}")

    def _out_of_time(self, wall: float) -> None:
        self.end(RunState.TIMED_OUT, f"took longer than {wall:g} s")
