"""Sockets from the broker as the streams that httpcore2 speaks HTTP over, in the adapters' own loop."""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2

from nightdrop.syncjs.remotes.port import Dial, DialError, RemoteError, clean

# One timeout for each of these, so that a slow line has the time it needs and one that stands still has not.
_SLICE_BYTES = 64 * 1024
_BUFFER_BYTES = 256 * 1024


class DialledBackend(httpcore2.AsyncNetworkBackend):
    """Connects through ``dial`` and nothing else."""

    def __init__(self, dial: Dial, connect_s: float) -> None:
        self._dial = dial
        self._connect_s = connect_s

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the limits say it
        local_address: str | None = None,  # noqa: ARG002 - the broker chooses
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - the broker sets them
    ) -> httpcore2.AsyncNetworkStream:
        try:
            sock = self._dial(host, port, self._connect_s)
        except DialError as exc:
            raise RemoteError("connect", clean(exc), lost=True) from None
        sock.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=sock, limit=_BUFFER_BYTES)
        return DialledStream(reader, writer, self._connect_s)


class DialledStream(httpcore2.AsyncNetworkStream):
    """One connection, with or without TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connect_s: float) -> None:
        self._reader, self._writer = reader, writer
        self._connect_s = connect_s

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - not our interface
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)
        except TimeoutError:
            raise httpcore2.ReadTimeout("read") from None
        except OSError:
            raise httpcore2.ReadError("read") from None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - not our interface
        view = memoryview(buffer)
        try:
            for at in range(0, len(view), _SLICE_BYTES):
                self._writer.write(view[at : at + _SLICE_BYTES])
                async with asyncio.timeout(timeout):
                    await self._writer.drain()
        except TimeoutError:
            raise httpcore2.WriteTimeout("write") from None
        except OSError:
            raise httpcore2.WriteError("write") from None

    async def aclose(self) -> None:
        # Answers say how long they are: nothing is lost without the farewells of TLS, and a server may not give them.
        self._writer.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the limits say it
    ) -> httpcore2.AsyncNetworkStream:
        name = (server_hostname or "").removesuffix(".")
        try:
            async with asyncio.timeout(self._connect_s):
                await self._writer.start_tls(ssl_context, server_hostname=name)
        except TimeoutError:
            self._writer.transport.abort()
            raise RemoteError("connect", "the server did not answer in time", lost=True) from None
        except ssl.SSLCertVerificationError as exc:
            raise RemoteError("connect", f"the certificate is not accepted: {clean(exc.verify_message)}") from None
        except (OSError, ValueError):
            raise RemoteError("connect", "the TLS handshake failed") from None
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            # The pool asks whether an idle connection is of no use any more.
            return self._reader.at_eof() or self._reader.exception() is not None
        return None
