"""uvicorn, set up so that it writes no log of its own and asks who connects."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Any, cast

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from nightdrop.api.peer import may_administer, peer_uid
from nightdrop.api.problems import MEDIA_TYPE, BadRequestError, problem_response

log = structlog.get_logger()

_KEEP_ALIVE_S = 60
_STOP_S = 3


class HttpProtocol(H11Protocol):
    """HTTP/1.1 whose own refusals are problem details too."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - may quote the request
        problem = bytes(problem_response(BadRequestError()).body)
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: {MEDIA_TYPE}\r\nCache-Control: no-store\r\n"
        length = f"Content-Length: {len(problem)}\r\nConnection: close\r\n\r\n"
        self.transport.write((head + length).encode() + problem)
        self.transport.close()


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


def make_listener(app: ASGIApp, protocol: type[HttpProtocol]) -> Listener:
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
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
    )
    return Listener(config)


def silence_server_logs() -> None:
    """Keep uvicorn's and asyncio's own records away from standard error: they quote exceptions."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
