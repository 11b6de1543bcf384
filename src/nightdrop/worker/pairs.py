"""The pool of forked, confined, single-use gateway and runner pairs."""

import contextlib
import os
import signal
import socket
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from nightdrop.core.wire import Frame, channel_pair
from nightdrop.sandbox.limits import pid_of
from nightdrop.worker.children import Child

Role = Literal["gateway", "runner"]
ROLES: tuple[Role, ...] = ("runner", "gateway")


@dataclass(slots=True, eq=False)
class Pair:
    """A gateway and a runner for one run; complete once both zygotes have sent a pidfd.

    ``paths`` are the directories that its gateway can reach beside those of the sites.
    """

    number: int
    control: socket.socket
    paths: tuple[str, ...] = ()
    pidfds: dict[Role, int] = field(default_factory=dict)
    exits: dict[Role, int] = field(default_factory=dict)
    on_exit: Callable[[Role, int], None] | None = None

    @property
    def complete(self) -> bool:
        return len(self.pidfds) == len(ROLES)

    def kill(self, role: Role) -> None:
        """Send SIGKILL through the pidfd: it cannot hit another process that got the same number."""
        if (pidfd := self.pidfds.get(role)) is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)

    def dispose(self) -> None:
        """Kill both and close everything; what is still being made ends with its channels."""
        self.on_exit = None
        for role in ROLES:
            self.kill(role)
        self.control.close()
        while self.pidfds:
            os.close(self.pidfds.popitem()[1])

    def pid(self, role: Role) -> int:
        """Return a process's number as the worker sees it.

        Raises:
            ProcessLookupError: it is gone.
        """
        return pid_of(self.pidfds[role])


class PairPool:
    """Keeps ``size`` pairs ready. Those whose gateway reaches more are made when a run wants one."""

    def __init__(self, zygotes: Mapping[Role, Child], size: int, on_ready: Callable[[], None]) -> None:
        self._zygotes = zygotes
        self._size = size
        self._on_ready = on_ready
        self._ready: deque[Pair] = deque()
        self._made: dict[int, Pair] = {}
        self._known: dict[int, Pair] = {}
        self._last = 0

    @property
    def ready(self) -> int:
        return len(self._ready)

    def refill(self, waiting: Sequence[tuple[str, ...]] = ()) -> None:
        """Ask the zygotes for what is missing; each of ``waiting`` stands for a run and the directories it has."""
        # Asked for while a zygote is down, a pair would be waited for and never come; its start refills.
        if any(zygote.channel is None for zygote in self._zygotes.values()):
            return
        wanted = Counter(waiting)
        wanted[()] += self._size
        held = Counter(pair.paths for pair in [*self._ready, *self._made.values()])
        for paths, count in wanted.items():
            for _ in range(count - held[paths]):
                self._make(paths)
        for pair in [pair for pair in self._ready if pair.paths not in wanted]:
            # Its run was cancelled. The next one wants the directories as they are then.
            self._ready.remove(pair)
            self.forget(pair)

    def take(self, paths: tuple[str, ...] = ()) -> Pair | None:
        """Return a pair whose gateway can reach just these directories, ``None`` when there is none yet."""
        for pair in self._ready:
            if pair.paths == paths:
                self._ready.remove(pair)
                return pair
        return None

    def forget(self, pair: Pair) -> None:
        """End a pair."""
        self._known.pop(pair.number, None)
        self._made.pop(pair.number, None)
        pair.dispose()

    def message(self, role: Role, frame: Frame) -> None:
        """Take a message of a zygote."""
        message = frame.json()
        if "pair" in message:
            self._forked(role, int(message["pair"]), frame.fds)
        elif "exit" in message:
            self._exited(role, **message["exit"])

    def zygote_gone(self) -> None:
        """Drop what waits for a run: half of each pair is dead. Runs under way notice by their closed channels."""
        for pair in [*self._ready, *self._made.values()]:
            self.forget(pair)
        self._ready.clear()

    def close(self) -> None:
        for pair in list(self._known.values()):
            self.forget(pair)
        self._ready.clear()

    def _make(self, paths: tuple[str, ...]) -> None:
        self._last += 1
        control, gateway_control = channel_pair()
        gateway_pipe, runner_pipe = channel_pair()
        self._known[self._last] = self._made[self._last] = Pair(self._last, control, paths)
        request = {"pair": self._last}
        more = {"paths": paths} if paths else {}
        with gateway_control, gateway_pipe, runner_pipe:
            self._zygotes["gateway"].send({**request, **more}, [gateway_control.fileno(), gateway_pipe.fileno()])
            self._zygotes["runner"].send(request, [runner_pipe.fileno()])

    def _forked(self, role: Role, number: int, fds: list[int]) -> None:
        (pidfd,) = fds
        pair = self._made.get(number)
        if pair is None:
            # Dropped while it was being made: its channels are closed, so it ends on its own.
            os.close(pidfd)
            return
        pair.pidfds[role] = pidfd
        if pair.complete:
            del self._made[number]
            self._ready.append(pair)
            self._on_ready()

    def _exited(self, role: Role, pair: int, status: int) -> None:
        member = self._known.get(pair)
        if member is None:
            return
        member.exits[role] = status
        if member.on_exit is not None:
            member.on_exit(role, status)
        elif member in self._ready or pair in self._made:
            with contextlib.suppress(ValueError):
                self._ready.remove(member)
            self.forget(member)
            self.refill()
