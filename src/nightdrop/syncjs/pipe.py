"""The pipe between a gateway and its runner: frames without descriptors.

Plain ``recv`` has no room for descriptors, so the kernel drops any that an exploited runner sends along.
"""

import socket

from nightdrop.core.wire import MAX_FRAME, ChannelClosedError, FrameDecoder, pack_header

_CHUNK = 64 * 1024


class Pipe:
    """One end of the pipe; blocking."""

    def __init__(self, sock: socket.socket, max_frame: int = MAX_FRAME) -> None:
        self._sock = sock
        self._decoder = FrameDecoder(max_frame)

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, *parts: bytes) -> None:
        """Send one frame made of ``parts``.

        Raises:
            ChannelClosedError: the other end is gone.
        """
        payload = b"".join(parts)
        try:
            self._sock.sendall(pack_header(len(payload)) + payload, socket.MSG_NOSIGNAL)
        except (BrokenPipeError, ConnectionResetError):
            raise ChannelClosedError from None

    def buffered(self) -> bytearray | None:
        """Return a whole frame that was received already, if there is one."""
        frame = self._decoder.next()
        return None if frame is None else frame.payload

    def fill(self) -> None:
        """Read once.

        Raises:
            ChannelClosedError: the other end is gone.
        """
        try:
            data = self._sock.recv(max(_CHUNK, min(self._decoder.missing(), 1024 * 1024)))
        except ConnectionResetError:
            raise ChannelClosedError from None
        if not data:
            raise ChannelClosedError
        self._decoder.feed(data)

    def recv(self) -> bytearray:
        """Wait for one frame."""
        while (payload := self.buffered()) is None:
            self.fill()
        return payload

    def close(self) -> None:
        self._sock.close()
