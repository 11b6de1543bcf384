"""uvicorn, set up so that it writes no log of its own and asks who connects."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, cast

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from nightdrop.api.edge import SECURITY_HEADERS
from nightdrop.api.peer import may_administer, peer_uid
from nightdrop.api.problems import BadRequestError, TooManyConnectionsError, problem_response
from nightdrop.core.errors import NightdropError

log = structlog.get_logger()

_KEEP_ALIVE_S = 60
# Seconds for the head of a request, and for a client that takes nothing of its answer.
_HEAD_S = 20
_SEND_S = 60
# Bytes of a request line with all headers.
_MAX_HEAD = 32 * 1024
_STOP_S = 3


class HttpProtocol(H11Protocol):
    """HTTP/1.1 whose own refusals are problem details too."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - may quote the request
        self._answer_and_close(BadRequestError())

    def _answer_and_close(self, error: NightdropError) -> None:
        """Answer by hand where there is no request yet that the application could answer."""
        answer = problem_response(error)
        head = f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}\r\n".encode()
        fields = [*answer.raw_headers, *SECURITY_HEADERS, (b"connection", b"close")]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
        self.transport.write(head + lines + b"\r\n" + bytes(answer.body))
        self.transport.close()


class TcpProtocol(HttpProtocol):
    """HTTP for everybody: so many connections at a time, and the head of a request must come soon."""

    most = 1000

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._too_slow: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        if len(self.connections) > self.most:
            self._answer_and_close(TooManyConnectionsError())
            return
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        # uvicorn stops its own timer at the first byte: one byte now and then would keep a connection for ever.
        if self._is_idle() and self._too_slow is None:
            self._expect_head()
        super().data_received(data)
        if not self._is_idle():
            _stop(self._too_slow)
            self._too_slow = None

    def pause_writing(self) -> None:
        # Called when the client takes nothing and the buffer is full.
        super().pause_writing()
        self._stuck = self.loop.call_later(_SEND_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        _stop(self._stuck)

    def connection_lost(self, exc: Exception | None) -> None:
        _stop(self._too_slow)
        _stop(self._stuck)
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _expect_head(self) -> None:
        self._too_slow = self.loop.call_later(_HEAD_S, self.transport.abort)


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


class AdminProtocol(HttpProtocol):
    """HTTP for the admin socket: who is not the owner or root is cut off before a byte is read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        uid = peer_uid(transport.get_extra_info("socket"))
        if not may_administer(uid):
            log.warning("admin_socket_refused", uid=uid)
            transport.abort()
        super().connection_made(transport)


class Listener(uvicorn.Server):
    """A server whose signals somebody else handles."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Two servers share the process: each would take the signals from the other.
        yield


def make_listener(app: ASGIApp, protocol: type[HttpProtocol], tls: ssl.SSLContext | None = None) -> Listener:
    """Return a server for ``app``; give it its socket in ``serve``."""
    config = uvicorn.Config(
        cast("Any", app),
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_MAX_HEAD,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
    )
    config.load()
    config.ssl = tls
    return Listener(config)


def silence_server_logs() -> None:
    """Keep uvicorn's and asyncio's own records away from standard error: they quote exceptions."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
