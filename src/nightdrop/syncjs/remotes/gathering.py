"""Gives asyncssh a connected socket, and sends what it writes in one turn of the loop with one system call.

asyncssh writes every packet by itself, and an empty one before each: with many small requests under way, the system
calls and tiny segments would cost more than everything else.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

_FLUSH_BYTES = 256 * 1024


class Gathering:
    """What asyncssh calls a tunnel: something that makes its connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def create_connection(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.BaseTransport, asyncio.Protocol]:
        del host, port
        inner = factory()
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: _Protocol(inner), sock=self._sock)
        return transport, inner


class _Protocol(asyncio.Protocol):
    def __init__(self, inner: asyncio.Protocol) -> None:
        self._inner = inner
        self.data_received = inner.data_received  # type: ignore[method-assign] # one call less for each piece
        self.eof_received = inner.eof_received  # type: ignore[method-assign]
        self.pause_writing = inner.pause_writing  # type: ignore[method-assign]
        self.resume_writing = inner.resume_writing  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(_Transport(cast("asyncio.Transport", transport)))

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)


class _Transport(asyncio.Transport):
    def __init__(self, inner: asyncio.Transport) -> None:
        super().__init__()
        self._inner = inner
        self._loop = asyncio.get_running_loop()
        self._gathered: list[bytes | bytearray | memoryview] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._gathered:
            self._loop.call_soon(self._flush)
        self._gathered.append(data)
        self._size += len(data)
        if self._size >= _FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._gathered:
            data = b"".join(self._gathered)
            self._gathered.clear()
            self._size = 0
            self._inner.write(data)

    def close(self) -> None:
        self._flush()
        self._inner.close()

    def abort(self) -> None:
        self._gathered.clear()
        self._inner.abort()

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()
