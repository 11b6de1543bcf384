"""The pool of forked, confined, single-use gateway and runner pairs."""

import contextlib
import os
import signal
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from nightdrop.core.wire import Frame
from nightdrop.sandbox.limits import pid_of
from nightdrop.worker.children import Child


@dataclass(slots=True)
class Pair:
    """A gateway and a runner that wait for their only run."""

    number: int
    control: socket.socket
    gateway_pidfd: int
    runner_pidfd: int
    exits: dict[str, int] = field(default_factory=dict)
    on_exit: Callable[[str, int], None] | None = None

    def kill(self, role: str) -> None:
        """Send SIGKILL through the pidfd: it cannot hit another process that got the same number."""
        pidfd = self.gateway_pidfd if role == "gateway" else self.runner_pidfd
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)

    def dispose(self) -> None:
        """Kill both and close everything."""
        for role in ("runner", "gateway"):
            self.kill(role)
        self.on_exit = None
        self.control.close()
        os.close(self.gateway_pidfd)
        os.close(self.runner_pidfd)

    def runner_pid(self) -> int:
        """Return the runner's number as the worker sees it, 0 when it is gone."""
        return pid_of(self.runner_pidfd)

    def gateway_pid(self) -> int:
        """Return the gateway's number as the worker sees it, 0 when it is gone."""
        return pid_of(self.gateway_pidfd)


class PairPool:
    """Keeps ``size`` pairs ready."""

    def __init__(self, zygote: Child, size: int, on_ready: Callable[[], None]) -> None:
        self._zygote = zygote
        self._size = size
        self._on_ready = on_ready
        self._ready: deque[Pair] = deque()
        self._known: dict[int, Pair] = {}
        self._asked = 0

    @property
    def ready(self) -> int:
        return len(self._ready)

    def refill(self, waiting: int = 0) -> None:
        """Ask the zygote for what is missing; ``waiting`` runs want one at once."""
        # Asked for while the zygote is down, a pair would be waited for and never come; its start refills.
        while self._zygote.channel is not None and len(self._ready) + self._asked < self._size + waiting:
            self._asked += 1
            self._zygote.send({"op": "spawn"})

    def take(self) -> Pair | None:
        return self._ready.popleft() if self._ready else None

    def forget(self, pair: Pair) -> None:
        """End a pair after its run."""
        self._known.pop(pair.number, None)
        pair.dispose()

    def message(self, frame: Frame) -> None:
        """Take a message of the zygote."""
        message = frame.json()
        if "pair" in message:
            control, gateway, runner = frame.fds
            pair = Pair(message["pair"], socket.socket(fileno=control), gateway, runner)
            self._known[pair.number] = pair
            self._ready.append(pair)
            self._asked = max(0, self._asked - 1)
            self._on_ready()
        elif "exit" in message:
            self._exited(**message["exit"])

    def zygote_gone(self) -> None:
        """Drop what the dead zygote had made; runs under way notice by their closed channels."""
        while self._ready:
            pair = self._ready.popleft()
            self._known.pop(pair.number, None)
            pair.dispose()
        self._known.clear()
        self._asked = 0

    def close(self) -> None:
        for pair in list(self._known.values()):
            self.forget(pair)
        self._ready.clear()

    def _exited(self, pair: int, role: str, status: int) -> None:
        member = self._known.get(pair)
        if member is None:
            return
        member.exits[role] = status
        if member.on_exit is not None:
            member.on_exit(role, status)
        elif member in self._ready:
            self._ready.remove(member)
            self.forget(member)
            self.refill()
