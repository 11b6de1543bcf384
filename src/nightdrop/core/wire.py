"""Frames on local stream sockets: a length, a count of passed descriptors, then the payload.

Header: u32 payload length, u8 number of descriptors, big endian. Descriptors travel with the first byte
of their frame (SCM_RIGHTS, unix(7)); the kernel may glue the bytes of several frames together but keeps
the order of descriptors, so the count in the header says which frame they belong to.
"""

import array
import json
import os
import socket
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

MAX_FRAME = 80 * 1024 * 1024
_HEADER = struct.Struct("!IB")
_MAX_FDS = 8
_ANCILLARY = socket.CMSG_SPACE(_MAX_FDS * array.array("i").itemsize)
_CHUNK = 256 * 1024


class ChannelClosedError(ConnectionError):
    """The other end of a channel is gone."""


class FrameTooLargeError(ValueError):
    """A frame is larger than a channel carries."""


class Frame(NamedTuple):
    """One message: its bytes and the descriptors that came with it (the receiver owns them)."""

    payload: bytearray
    fds: list[int]

    def json(self) -> Any:
        return json.loads(self.payload)


class FrameDecoder:
    """Turns received bytes and descriptors back into frames."""

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._buffer = bytearray()
        self._fds: deque[int] = deque()
        self._max = max_frame

    def feed(self, data: bytes | bytearray | memoryview, fds: Sequence[int] = ()) -> None:
        self._buffer += data
        self._fds.extend(fds)

    def next(self) -> Frame | None:
        """Return the next whole frame, or ``None`` when more bytes are needed."""
        if len(self._buffer) < _HEADER.size:
            return None
        length, count = _HEADER.unpack_from(self._buffer)
        if length > self._max or count > len(self._fds):
            raise FrameTooLargeError("frame header out of bounds")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        payload = self._buffer[_HEADER.size : end]
        self._buffer[:end] = b""
        return Frame(payload, [self._fds.popleft() for _ in range(count)])

    def missing(self) -> int:
        """Return how many bytes the frame under way still needs, at least 1."""
        if len(self._buffer) < _HEADER.size:
            return _HEADER.size - len(self._buffer)
        length, _ = _HEADER.unpack_from(self._buffer)
        return max(1, _HEADER.size + int(length) - len(self._buffer))

    def frames(self) -> Iterator[Frame]:
        while (frame := self.next()) is not None:
            yield frame

    def close(self) -> None:
        """Close descriptors that no frame claimed."""
        while self._fds:
            os.close(self._fds.popleft())


def pack_header(length: int, fds: int = 0) -> bytes:
    """Return the header for a payload of ``length`` bytes with ``fds`` descriptors."""
    if length > MAX_FRAME:
        raise FrameTooLargeError("frame too large")
    return _HEADER.pack(length, fds)


def receive(sock: socket.socket, decoder: FrameDecoder) -> None:
    """Read once from ``sock`` into ``decoder``.

    Raises:
        ChannelClosedError: the peer closed, or died.
        BlockingIOError: nothing to read on a non-blocking socket.
    """
    buffer = bytearray(min(_CHUNK, max(4096, decoder.missing())))
    try:
        count, ancillary, _flags, _addr = sock.recvmsg_into([buffer], _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    except (ConnectionResetError, BrokenPipeError):
        raise ChannelClosedError from None
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    if count == 0:
        for fd in fds:
            os.close(fd)
        raise ChannelClosedError
    decoder.feed(memoryview(buffer)[:count], fds.tolist())


def send_frame(sock: socket.socket, payload: bytes | bytearray | memoryview, fds: Sequence[int] = ()) -> None:
    """Send one frame on a blocking socket; the payload is not copied.

    Raises:
        ChannelClosedError: the peer closed, or died.
    """
    header = pack_header(len(payload), len(fds))
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        sent = sock.sendmsg([header, payload], ancillary, socket.MSG_NOSIGNAL)
        if sent < len(header):
            sock.sendall(header[sent:])
            sent = len(header)
        if sent < len(header) + len(payload):
            sock.sendall(memoryview(payload)[sent - len(header) :])
    except (BrokenPipeError, ConnectionResetError):
        raise ChannelClosedError from None


class Channel:
    """A blocking, ordered message channel between two of our processes."""

    def __init__(self, sock: socket.socket, max_frame: int = MAX_FRAME) -> None:
        self.sock = sock
        self._decoder = FrameDecoder(max_frame)

    @classmethod
    def from_fd(cls, fd: int, max_frame: int = MAX_FRAME) -> "Channel":
        """Take over an inherited descriptor."""
        # Named, so that nobody has to ask the kernel what it is.
        return cls(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fd), max_frame)

    def fileno(self) -> int:
        return self.sock.fileno()

    def send(self, payload: bytes | bytearray | memoryview, fds: Sequence[int] = ()) -> None:
        send_frame(self.sock, payload, fds)

    def recv(self) -> Frame:
        """Wait for one frame; raises ChannelClosedError at the end."""
        while (frame := self._decoder.next()) is None:
            receive(self.sock, self._decoder)
        return frame

    def recv_ready(self) -> list[Frame]:
        """Read once and return every frame that is whole: whoever waits for a readable socket must take them all."""
        receive(self.sock, self._decoder)
        return list(self._decoder.frames())

    def send_json(self, message: Any, fds: Sequence[int] = ()) -> None:
        self.send(json.dumps(message, separators=(",", ":")).encode(), fds)

    def recv_json(self) -> Any:
        return self.recv().json()

    def close(self) -> None:
        self._decoder.close()
        self.sock.close()


def channel_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected stream sockets, closed on exec."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
