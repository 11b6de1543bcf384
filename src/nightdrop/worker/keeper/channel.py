"""One end of a channel in the keeper's loop: never blocks, and wipes what it has sent."""

import socket
from collections import deque

from nightdrop.core.wire import ChannelClosedError, pack_header
from nightdrop.crypto.memory import wipe


class Outlet:
    """Sends frames on a non-blocking socket; what the kernel does not take at once waits here.

    A peer that does not read must not stop the keeper for all other runs, so no send ever waits.
    """

    __slots__ = ("_sock", "_waiting", "waiting_bytes")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._waiting: deque[tuple[bytes | bytearray, int]] = deque()
        self.waiting_bytes = 0

    def send(self, head: bytes, value: bytearray | None = None) -> None:
        """Send one frame made of ``head`` and ``value``; ``value`` is wiped once it is sent.

        Raises:
            ChannelClosedError: the peer is gone; ``value`` is wiped.
        """
        header = pack_header(len(head) + (len(value) if value else 0)) + head
        parts: list[bytes | bytearray] = [header, value] if value else [header]
        sent = 0
        if not self._waiting:
            try:
                sent = self._sock.sendmsg(parts, (), socket.MSG_NOSIGNAL)
            except BlockingIOError:
                pass
            except OSError:
                if value:
                    wipe(value)
                raise ChannelClosedError from None
        for part in parts:
            self._keep(part, min(sent, len(part)))
            sent -= min(sent, len(part))

    def flush(self) -> None:
        """Send what waits, as far as the kernel takes it.

        Raises:
            ChannelClosedError: the peer is gone.
        """
        while self._waiting:
            part, start = self._waiting.popleft()
            self.waiting_bytes -= len(part) - start
            try:
                start += self._sock.send(memoryview(part)[start:], socket.MSG_NOSIGNAL)
            except BlockingIOError:
                self._push_back(part, start)
                return
            except OSError:
                self._push_back(part, start)
                raise ChannelClosedError from None
            if start < len(part):
                self._push_back(part, start)
                return
            _done(part)

    def discard(self) -> None:
        """Forget what waits; values are wiped."""
        while self._waiting:
            _done(self._waiting.popleft()[0])
        self.waiting_bytes = 0

    def _keep(self, part: bytes | bytearray, start: int) -> None:
        if start == len(part):
            _done(part)
        else:
            self._waiting.append((part, start))
            self.waiting_bytes += len(part) - start

    def _push_back(self, part: bytes | bytearray, start: int) -> None:
        self._waiting.appendleft((part, start))
        self.waiting_bytes += len(part) - start


def _done(part: bytes | bytearray) -> None:
    # Values come as bytearray; everything else is bytes.
    if isinstance(part, bytearray):
        wipe(part)
