"""How a gateway waits: for its runner, for a courier, for time to pass, and always for the worker's word."""

import math
import select
import time
from collections import deque

from nightdrop.core.wire import Channel, ChannelClosedError
from nightdrop.syncjs.pipe import Pipe
from nightdrop.syncjs.runlog import RunLog


class WorkerGoneError(Exception):
    """The worker is gone, and with it everybody who would read a result."""


class Waiting:
    """The gateway's ear; after the start of the run the worker sends a courier at most, and that the run is to end.

    ``halted`` is true once it is to end.
    """

    def __init__(self, control: Channel, pipe: Pipe, log: RunLog) -> None:
        self.halted = False
        self._control, self._log = control, log
        self._couriers: deque[int] = deque()
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._poll.register(pipe, select.POLLIN)

    def for_runner(self, timeout_ms: float | None) -> bool:
        """Return whether the runner has sent something; False after ``timeout_ms``, or when the worker spoke.

        Raises:
            WorkerGoneError
        """
        return self._heard(self._poll.poll(timeout_ms))

    def for_channel(self, channel: Channel) -> None:
        """Return when a channel can be read, however long it takes; a dead runner is the worker's business.

        Raises:
            WorkerGoneError
        """
        self._log.flush()
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(channel, select.POLLIN)
        while not self._heard(poll.poll(self._log.due_ms())):
            self._log.flush()

    def pause(self, seconds: float) -> bool:
        """Let time pass, less when the run is to end; True when the runner died meanwhile, as it waits for an answer.

        Raises:
            WorkerGoneError
        """
        self._log.flush()
        # Rounded up: what is due in less than a millisecond would be asked for again and again.
        return self.for_runner(None if seconds == math.inf else math.ceil(seconds * 1000))

    def courier(self) -> int:
        """Return the descriptor of the channel to the run's courier, which was asked for.

        Raises:
            WorkerGoneError
        """
        while not self._couriers:
            self._take()
        return self._couriers.popleft()

    def _heard(self, ready: list[tuple[int, int]]) -> bool:
        spoke = any(fd == self._control.fileno() for fd, _ in ready)
        if spoke:
            self._take()
        return len(ready) > spoke

    def _take(self) -> None:
        try:
            frames = self._control.recv_ready()
        except ChannelClosedError:
            raise WorkerGoneError from None
        for frame in frames:
            self._couriers.extend(frame.fds)
            self.halted = self.halted or frame.json()["op"] == "halt"


class Deadline:
    """A number of milliseconds from now."""

    def __init__(self, ms: float) -> None:
        self._at = time.monotonic() + ms / 1000

    @property
    def left_s(self) -> float:
        """Seconds until it is reached, 0 from then on."""
        return max(0.0, self._at - time.monotonic())
