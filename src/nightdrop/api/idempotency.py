"""Idempotency-Key: a POST that is repeated, because its answer was lost, is done once and answered again.

Neither key nor request is stored. What is stored of the request is keyed with the key itself, which only the client
has: a plain hash would let whoever reads the database guess at a value that came as text.
"""

import hashlib
import hmac
import json
from typing import Any

import structlog
from anyio.to_thread import run_sync
from sqlalchemy import delete, insert, select, update
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nightdrop.api.problems import (
    IdempotencyBusyError,
    IdempotencyKeyError,
    IdempotencyMismatchError,
    problem_response,
)
from nightdrop.core.caller import ANONYMOUS, Caller
from nightdrop.core.clock import Clock
from nightdrop.core.errors import NightdropError
from nightdrop.db.engine import Database
from nightdrop.db.tables import idempotency_keys

log = structlog.get_logger()

_T = idempotency_keys.c
_KEPT_MS = 24 * 3600 * 1000
# After it, a first request that never ended was lost with its process.
_LOST_MS = 120_000
_MAX_BODY = 256 * 1024
# What is shown once is not kept: a repeated answer has null there.
_SHOWN_ONCE = frozenset({"token", "setup_link", "recovery_codes", "secret", "uri", "path", "options"})


class Idempotent:
    """Wraps the application, behind what tells who calls."""

    def __init__(self, app: ASGIApp, db: Database, clock: Clock) -> None:
        self._app = app
        self._db = db
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        try:
            if not (16 <= len(key) <= 200 and all(0x21 <= char <= 0x7E for char in key)):
                raise IdempotencyKeyError
            body, more = await _body(receive)
            if more:
                raise IdempotencyKeyError
            caller: Caller = scope["nightdrop.caller"]
            stored_id, request = _stored_id(caller, key), _fingerprint(scope, key, body)
            known = await run_sync(self._begin, stored_id, request)
        except NightdropError as error:
            await problem_response(error)(scope, receive, send)
            return
        if known is not None:
            await known(scope, receive, send)
            return
        reply = _Recorder(send)
        try:
            await self._app(scope, _once(body, receive), reply)
        finally:
            await run_sync(self._end, stored_id, reply)

    def _begin(self, stored_id: bytes, request: bytes) -> Response | None:
        """Return the answer that was given before, ``None`` after noting that this request is the first."""
        now = self._clock.now_ms()
        row = {"id": stored_id, "request": request, "created_ms": now}
        with self._db.write() as connection:
            connection.execute(delete(idempotency_keys).where(_T.created_ms < now - _KEPT_MS))
            found = connection.execute(select(idempotency_keys).where(_T.id == stored_id).with_for_update()).first()
            if found is None:
                connection.execute(insert(idempotency_keys), row)
                return None
            if not hmac.compare_digest(bytes(found.request), request):
                raise IdempotencyMismatchError
            if found.status is not None:
                headers = {"Idempotency-Replayed": "true"}
                return Response(found.body or None, found.status, headers, "application/json" if found.body else None)
            if now - found.created_ms < _LOST_MS:
                raise IdempotencyBusyError
            connection.execute(update(idempotency_keys).where(_T.id == stored_id).values(created_ms=now))
            return None

    def _end(self, stored_id: bytes, reply: "_Recorder") -> None:
        mine = _T.id == stored_id
        try:
            with self._db.write() as connection:
                if not 200 <= reply.status < 300:
                    # Nothing was done: the same request may succeed later.
                    connection.execute(delete(idempotency_keys).where(mine))
                    return
                values = {"status": reply.status, "body": _without_secrets(reply.body)}
                connection.execute(update(idempotency_keys).where(mine).values(**values))
        except NightdropError as error:
            log.warning("idempotency_not_stored", code=error.code)


class _Recorder:
    """Sends, and keeps status and body."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif len(self.body) <= _MAX_BODY:
            self.body += message.get("body", b"")
        await self._send(message)


def _key(scope: Scope) -> bytes | None:
    if scope["method"] != "POST" or scope["nightdrop.caller"] is ANONYMOUS:
        return None
    # A route of its own: the key of a run stands in the row of the run, for as long as that is kept.
    if scope["path"].startswith("/api/v1/sites/") and scope["path"].endswith("/runs"):
        return None
    return next((value for name, value in scope["headers"] if name == b"idempotency-key"), None)


def _stored_id(caller: Caller, key: bytes) -> bytes:
    # The account, not the session: a request may be repeated after signing in again.
    principal = caller.admin_id if caller.kind == "session" else caller.credential_id
    return hashlib.sha256(json.dumps([caller.kind, principal or caller.name]).encode() + b"\0" + key).digest()


def _fingerprint(scope: Scope, key: bytes, body: bytes) -> bytes:
    head = json.dumps([scope["path"], scope["query_string"].decode("latin-1")]).encode()
    return hmac.digest(key, head + b"\0" + body, "sha256")


async def _body(receive: Receive) -> tuple[bytes, bool]:
    # The edge has read it already and gives it in one piece.
    message = await receive()
    return message.get("body", b""), bool(message.get("more_body", False))


def _once(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _without_secrets(body: bytes) -> str:
    try:
        data = json.loads(body)
    except ValueError:
        return ""
    return json.dumps(_cleared(data))


def _cleared(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: None if key in _SHOWN_ONCE else _cleared(value) for key, value in data.items()}
    return [_cleared(item) for item in data] if isinstance(data, list) else data
