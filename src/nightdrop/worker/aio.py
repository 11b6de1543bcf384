"""Channels in the worker's event loop."""

import array
import asyncio
import contextlib
import json
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from nightdrop.core.wire import ChannelClosedError, Frame, FrameDecoder, FrameTooLargeError, pack_header, receive

log = structlog.get_logger()

_MAX_QUEUED = 64 * 1024 * 1024


class AsyncChannel:
    """A message channel whose frames arrive by callback.

    ``on_frame`` gets each frame and owns its descriptors; ``on_close`` is called once, when the other end
    is gone or sent something that is not a frame.
    """

    def __init__(
        self, sock: socket.socket, on_frame: Callable[[Frame], None], on_close: Callable[[], None] | None = None
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._on_frame = on_frame
        self._on_close = on_close
        self._decoder = FrameDecoder()
        self._queue: deque[tuple[memoryview, list[int]]] = deque()
        self._queued = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._readable)
        self.closed = False

    def send_json(self, message: Any, fds: Sequence[int] = ()) -> None:
        """Send one frame; descriptors are duplicated, the caller keeps its own."""
        if self.closed:
            return
        payload = json.dumps(message, separators=(",", ":")).encode()
        data = memoryview(pack_header(len(payload), len(fds)) + payload)
        self._queue.append((data, [os.dup(fd) for fd in fds]))
        self._queued += len(data)
        if self._queued > _MAX_QUEUED:
            self._lost()
        elif len(self._queue) == 1:
            self._writable()

    def close(self) -> None:
        """Close without calling ``on_close``."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        for _, fds in self._queue:
            _close_all(fds)
        self._queue.clear()
        self._decoder.close()
        self._sock.close()

    def _readable(self) -> None:
        try:
            receive(self._sock, self._decoder)
            for frame in self._decoder.frames():
                self._on_frame(frame)
                if self.closed:
                    return
        except BlockingIOError:
            return
        except (ChannelClosedError, FrameTooLargeError, ValueError, KeyError, TypeError):
            self._lost()
        except Exception as error:  # noqa: BLE001 - frames behind this one would wait for ever: better no channel
            log.error("channel_failed", exception=type(error).__name__)
            self._lost()

    def _writable(self) -> None:
        try:
            while self._queue:
                self._send_head()
        except BlockingIOError:
            self._loop.add_writer(self._sock, self._writable)
        except OSError:
            self._lost()
        else:
            self._loop.remove_writer(self._sock)

    def _send_head(self) -> None:
        data, fds = self._queue[0]
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = self._sock.sendmsg([data], ancillary, socket.MSG_NOSIGNAL)
        _close_all(fds)
        self._queued -= sent
        if sent == len(data):
            self._queue.popleft()
        else:
            self._queue[0] = (data[sent:], [])

    def _lost(self) -> None:
        if self.closed:
            return
        self.close()
        if self._on_close is not None:
            self._on_close()


class Requests:
    """Request and answer over an AsyncChannel: requests carry an ``id``, answers repeat it."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._next = 1

    def start(self, channel: AsyncChannel, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send without waiting for the answer."""
        channel.send_json({"id": 0, **message}, fds)

    async def ask(self, channel: AsyncChannel, message: dict[str, Any], timeout: float = 10.0) -> dict[str, Any]:  # noqa: ASYNC109 - the bound belongs to the protocol
        """Send and wait for the answer.

        Raises:
            ChannelClosedError: the other end went away or did not answer within ``timeout`` seconds.
        """
        number, self._next = self._next, self._next + 1
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        channel.send_json({"id": number, **message})
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            raise ChannelClosedError from None
        finally:
            self._waiting.pop(number, None)

    def answer(self, message: dict[str, Any]) -> None:
        """Hand an answer to whoever waits for it."""
        future = self._waiting.get(message.get("id", 0))
        if future is not None and not future.done():
            future.set_result(message)

    def fail_all(self) -> None:
        """Tell everybody who waits that no answer will come."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ChannelClosedError())


def _close_all(fds: list[int]) -> None:
    while fds:
        with contextlib.suppress(OSError):
            os.close(fds.pop())
