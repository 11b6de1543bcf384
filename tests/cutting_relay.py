"""A way to a server that breaks off: connections go through a relay that cuts them after so many bytes."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

_PIECE = 65_536


class Cuts:
    """Makes connections for a client; each of the next ones is cut after the bytes that stand first in ``after``.

    Bytes of both directions count. What comes when the list is empty is not cut.
    """

    def __init__(self, dial: Callable[..., socket.socket]) -> None:
        self.after: list[int] = []
        self.cut = 0
        self._dial = dial
        self._threads: list[threading.Thread] = []

    def __call__(self, host: str, port: int, timeout_s: float, **how: Any) -> socket.socket:
        far = self._dial(host, port, timeout_s, **how)
        if not self.after:
            return far
        ours, theirs = socket.socketpair()
        left = _Left(self.after.pop(0))
        for source, target in ((theirs, far), (far, theirs)):
            thread = threading.Thread(target=self._pump, args=(source, target, left))
            thread.start()
            self._threads.append(thread)
        return ours

    def join(self) -> None:
        """Wait for the end of every connection, which the client has closed."""
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    def _pump(self, source: socket.socket, target: socket.socket, left: "_Left") -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_PIECE):
                target.sendall(data[: left.take(len(data))])
                if left.none:
                    self.cut += 1
                    break
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        if left.is_last():
            # With a reset: a server that is still sending must not wait for a window that never opens.
            far = source if source.family != socket.AF_UNIX else target
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            source.close()
            target.close()


class _Left:
    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._pumps = 2
        self.none = False

    def is_last(self) -> bool:
        with self._lock:
            self._pumps -= 1
            return self._pumps == 0

    def take(self, wanted: int) -> int:
        with self._lock:
            taken = min(wanted, self._count)
            self._count -= taken
            self.none = self._count == 0
            return taken
