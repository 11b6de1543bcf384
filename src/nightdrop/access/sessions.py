"""Sessions of people: opaque, hashed, with an end when idle and an end in any case; listed and ended by their owner."""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from nightdrop.access.bearer import bearer_hash, new_bearer
from nightdrop.access.guard import check, guarded
from nightdrop.access.paging import Order, Page, select_page
from nightdrop.access.permissions import Permission
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import Caller
from nightdrop.core.clock import Clock
from nightdrop.core.errors import NightdropError, NotFoundError
from nightdrop.core.ids import is_id, new_id
from nightdrop.db.engine import Database
from nightdrop.db.tables import admin_sessions

PREFIX = "ses"
_S = admin_sessions.c
# Not by the last use: one that is used while somebody turns pages would be on none of them.
_NEWEST = Order("sessions", _S.created_ms, _S.id, PREFIX, newest_first=True)
# How stale the time of the last use may be: a read does not wait for a write each time.
_TOUCH_MS = 60_000
_MAX_AGENT = 200


class SessionMissingError(NotFoundError):
    """You have no such session."""

    code = "session_not_found"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lasts: unused, and at most."""

    idle_ms: int
    max_ms: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: its address and what the browser calls itself."""

    address: str | None = None
    agent: str = ""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just started; ``cookie`` is shown once and kept nowhere."""

    caller: Caller
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as its owner sees it."""

    id: str
    created_ms: int
    seen_ms: int
    expires_ms: int
    address: str
    agent: str
    current: bool


def start_session(connection: Connection, now_ms: int, caller: Caller, origin: Origin, old: str | None) -> NewSession:
    """Start a session for ``caller``, which it becomes part of; the one with cookie ``old`` ends.

    Never one that a browser brought along: who planted it there would be signed in too.
    """
    if old is not None:
        connection.execute(delete(admin_sessions).where(_S.hash == bearer_hash(old)))
    session_id, cookie = new_id(PREFIX), new_bearer()
    row = {
        "id": session_id,
        "hash": bearer_hash(cookie),
        "admin_id": caller.admin_id,
        "created_ms": now_ms,
        "seen_ms": now_ms,
        "address": origin.address or "",
        "agent": "".join(c for c in origin.agent if c.isprintable())[:_MAX_AGENT],
    }
    connection.execute(insert(admin_sessions), row)
    return NewSession(
        Caller(caller.kind, caller.name, caller.grants, admin_id=caller.admin_id, credential_id=session_id), cookie
    )


def is_live(now_ms: int, limits: Limits) -> Any:
    """Return the condition for sessions that have not ended."""
    return (_S.seen_ms > now_ms - limits.idle_ms) & (_S.created_ms > now_ms - limits.max_ms)


def end_sessions(connection: Connection, admin_id: str, *, but: str | None = None) -> None:
    """End all sessions of an admin, except the one with id ``but``."""
    mine = delete(admin_sessions).where(_S.admin_id == admin_id)
    connection.execute(mine if but is None else mine.where(_S.id != but))


def touch(db: Database, now_ms: int, session_id: str, seen_ms: int) -> None:
    """Note that a session was used; nothing fails when that cannot be written."""
    if now_ms - seen_ms < _TOUCH_MS:
        return
    with suppress(NightdropError), db.write(durable=False) as connection:
        connection.execute(
            update(admin_sessions).where(_S.id == session_id, _S.seen_ms < now_ms).values(seen_ms=now_ms)
        )


class SessionStore:
    """The sessions of whoever asks."""

    def __init__(self, db: Database, clock: Clock, limits: Limits) -> None:
        self._db = db
        self._clock = clock
        self._limits = limits

    def list(self, caller: Caller, *, limit: int = 100, cursor: str | None = None) -> Page[SessionInfo]:
        """Return a page of one's own sessions, the last started first.

        Raises:
            CursorError, DeniedError.
        """
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        live = is_live(self._clock.now_ms(), self._limits)
        mine = select(admin_sessions).where(_S.admin_id == caller.admin_id, live)
        shown = partial(self._shown, caller)
        with self._db.read() as connection:
            return select_page(connection, mine, _NEWEST, shown, limit=limit, cursor=cursor)

    def end(self, caller: Caller, session_id: str) -> None:
        """End one of one's own sessions.

        Raises:
            SessionMissingError, DeniedError.
        """
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        if not is_id(session_id, PREFIX):
            raise SessionMissingError
        with guarded(self._db, caller, Permission.ACCOUNT_EDIT, Event.SESSION_ENDED, None, session_id) as connection:
            mine = (_S.id == session_id) & (_S.admin_id == caller.admin_id)
            if connection.execute(delete(admin_sessions).where(mine)).rowcount != 1:
                raise SessionMissingError

    def sign_out(self, caller: Caller) -> None:
        """End the session that asks; it may have ended already."""
        with self._db.write() as connection:
            connection.execute(delete(admin_sessions).where(_S.id == caller.credential_id))
            record(connection, Event.SESSION_ENDED, caller, None, caller.credential_id)

    def _shown(self, caller: Caller, row: Any) -> SessionInfo:
        expires = min(row.seen_ms + self._limits.idle_ms, row.created_ms + self._limits.max_ms)
        return SessionInfo(
            row.id, row.created_ms, row.seen_ms, expires, row.address, row.agent, row.id == caller.credential_id
        )
