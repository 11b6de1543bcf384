"""The outermost layer: who calls, how much may come in, which headers go out, and nothing of an exception."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nightdrop.api.door import Door
from nightdrop.api.metrics import METRICS
from nightdrop.api.problems import (
    BodyTooLargeError,
    BodyTooSlowError,
    SignInRequiredError,
    internal_problem,
    problem_response,
)
from nightdrop.core.caller import ANONYMOUS, Caller
from nightdrop.core.errors import NightdropError

log = structlog.get_logger()

API = "/api/v1"
# A legal 1 MiB script or value has up to 6 MiB as JSON: every character may come as \\uXXXX.
MAX_BODY = 8 * 1024 * 1024
# Read and thrown away before a refusal: a client that is still sending would not see the answer otherwise.
_MAX_DRAIN = 16 * 1024 * 1024
# Seconds: for a whole body, and for what is thrown away.
BODY_S = 60
DRAIN_S = 5
_CLOSE = {"Connection": "close"}

SECURITY_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
# In the scope of a request: the headers of this answer, in place of those above. Pages set it, never a route.
HEADERS_KEY = "nightdrop.headers"

Authenticate = Callable[[Scope], Awaitable[Caller]]
# What somebody may ask for who has not signed in; everything else below the prefix is refused before it is read.
OPEN = frozenset(
    {
        # It says nothing of this installation, and programs are made from it before they have a token.
        ("GET", f"{API}/openapi.json"),
        ("GET", f"{API}/session"),
        ("POST", f"{API}/session"),
        ("POST", f"{API}/session/passkey"),
        ("POST", f"{API}/session/passkey/options"),
        ("POST", f"{API}/setup"),
        ("POST", f"{API}/setup/invitation"),
    }
)


class Edge:
    """Wraps the application for one listener: ``authenticate`` says who calls through it, ``door`` who may come in."""

    def __init__(self, app: ASGIApp, authenticate: Authenticate, door: Door | None = None) -> None:
        self._app = app
        self._authenticate = authenticate
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        reply = _Reply(scope, send, self._door)
        began = perf_counter()
        try:
            await self._answer(scope, receive, reply)
        except Exception as error:  # noqa: BLE001 - nothing of it may reach the server's own log
            if not reply.status:
                await internal_problem(error)(scope, receive, reply)
        # The route's pattern, not the path: a path holds what the caller typed.
        route = getattr(scope.get("route"), "path", None)
        seconds = perf_counter() - began
        METRICS.answered(scope["method"], route, reply.status, seconds)
        took = round(seconds * 1000, 2)
        log.debug("request", method=scope["method"], route=route, status=reply.status, ms=took)

    async def _answer(self, scope: Scope, receive: Receive, reply: "_Reply") -> None:
        try:
            if self._door is not None:
                self._door.arrived(scope)
            caller = await self._authenticate(scope)
            if self._door is not None:
                self._door.recognised(caller)
            if caller is ANONYMOUS and scope["path"].startswith(API) and (scope["method"], scope["path"]) not in OPEN:
                raise SignInRequiredError
        except NightdropError as error:
            await _refuse(error, scope, receive, reply)
            return
        scope["nightdrop.caller"] = caller
        if not _has_body(scope):
            await self._app(scope, receive, reply)
            return
        try:
            async with asyncio.timeout(BODY_S):
                body = await _read(scope, receive)
        except TimeoutError:
            await problem_response(BodyTooSlowError(), headers=_CLOSE)(scope, receive, reply)
            return
        if body is None:
            await _refuse(BodyTooLargeError(), scope, receive, reply)
            return
        await self._app(scope, _replay(body, receive), reply)


class _Reply:
    """Sends, with our headers on every answer; notes the status."""

    def __init__(self, scope: Scope, send: Send, door: Door | None) -> None:
        self._scope = scope
        self._send = send
        self._door = door
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            ours = self._scope.get(HEADERS_KEY, SECURITY_HEADERS)
            names = {name for name, _ in ours}
            own = [header for header in message["headers"] if header[0].lower() not in names]
            more = self._door.headers(self._scope) if self._door is not None else []
            message = {**message, "headers": own + ours + more}
        await self._send(message)


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)


def _has_body(scope: Scope) -> bool:
    return _header(scope, b"transfer-encoding") is not None or _header(scope, b"content-length") not in {None, b"0"}


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """Return the body, ``None`` as soon as it is too large."""
    if int(_header(scope, b"content-length") or 0) > MAX_BODY:
        return None
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


async def _refuse(error: NightdropError, scope: Scope, receive: Receive, reply: "_Reply") -> None:
    drained, more = 0, _has_body(scope)
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while more and drained < _MAX_DRAIN:
                message = await receive()
                drained += len(message.get("body", b""))
                more = message.get("more_body", False)
    # What is left of the body, if anything, ends with the connection.
    headers = _CLOSE if more else None
    await problem_response(error, headers=headers)(scope, receive, reply)
