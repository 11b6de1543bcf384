"""From what a request brings, a session's cookie or a token, to its Caller."""

import json
from contextlib import suppress
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from nightdrop.access.admins import grants_of
from nightdrop.access.bearer import bearer_hash
from nightdrop.access.permissions import SUPER_PERMISSIONS, TOKEN_PERMISSIONS, Permission
from nightdrop.access.sessions import Limits, is_live, touch
from nightdrop.core.caller import ALL_SITES, Caller
from nightdrop.core.clock import Clock
from nightdrop.core.errors import NightdropError
from nightdrop.db.engine import Database
from nightdrop.db.tables import admin_sessions, admin_tokens, admins

TOKEN_PREFIX = "nd_"  # noqa: S105 - how every token begins
_TOUCH_MS = 60_000


class Credentials:
    """Finds out who asks. What an admin may do is read each time, so that taking it away works at once."""

    def __init__(self, db: Database, clock: Clock, limits: Limits) -> None:
        self._db = db
        self._clock = clock
        self._limits = limits

    def of_session(self, cookie: str) -> Caller | None:
        """Return the caller of a session, ``None`` when it ended or never was."""
        now = self._clock.now_ms()
        with self._db.read() as connection:
            row = self._session(connection, now, admin_sessions.c.hash == bearer_hash(cookie))
            caller = None if row is None else _caller_of_session(connection, row)
        if row is not None:
            touch(self._db, now, row.id, row.seen_ms)
        return caller

    def of_token(self, token: str) -> Caller | None:
        """Return the caller of a token, ``None`` when it expired, was revoked or never was."""
        if not token.startswith(TOKEN_PREFIX):
            return None
        now = self._clock.now_ms()
        with self._db.read() as connection:
            row = self._token(connection, now, admin_tokens.c.hash == bearer_hash(token))
            caller = None if row is None else _caller_of_token(connection, row)
        if row is not None:
            self._note_use(row, now)
        return caller

    def again(self, caller: Caller) -> Caller | None:
        """Return who a caller is now, ``None`` when its session or token has ended: for answers that take long.

        This is no use of it: what only stays open does not keep a session from ending.
        """
        if caller.kind not in {"session", "token"}:
            return caller
        now = self._clock.now_ms()
        with self._db.read() as connection:
            if caller.kind == "session":
                row = self._session(connection, now, admin_sessions.c.id == caller.credential_id)
                return None if row is None else _caller_of_session(connection, row)
            row = self._token(connection, now, admin_tokens.c.id == caller.credential_id)
            return None if row is None else _caller_of_token(connection, row)

    def _session(self, connection: Connection, now: int, which: ColumnElement[bool]) -> Any:
        wanted = select(
            admin_sessions.c.id, admin_sessions.c.seen_ms, admin_sessions.c.admin_id, admins.c.name, admins.c.super
        )
        live = is_live(now, self._limits)
        return connection.execute(
            wanted.join_from(admin_sessions, admins).where(which, live, ~admins.c.disabled)
        ).first()

    def _token(self, connection: Connection, now: int, which: ColumnElement[bool]) -> Any:
        wanted = select(admin_tokens, admins.c.name.label("owner")).join_from(admin_tokens, admins)
        live = admin_tokens.c.expires_ms.is_(None) | (admin_tokens.c.expires_ms > now)
        return connection.execute(wanted.where(which, live, ~admins.c.disabled)).first()

    def _note_use(self, row: Any, now: int) -> None:
        if now - row.used_ms < _TOUCH_MS:
            return
        # A time for people to look at: when it cannot be written, the request goes on.
        with suppress(NightdropError), self._db.write(durable=False) as connection:
            connection.execute(update(admin_tokens).where(admin_tokens.c.id == row.id).values(used_ms=now))


def _caller_of_session(connection: Connection, row: Any) -> Caller:
    return session_caller(connection, row.admin_id, row.name, is_super=row.super, session_id=row.id)


def _caller_of_token(connection: Connection, row: Any) -> Caller:
    grants = _token_grants(row, grants_of(connection, row.admin_id))
    return Caller("token", f"{row.owner}/{row.name}", grants, admin_id=row.admin_id, credential_id=row.id)


def session_caller(
    connection: Connection, admin_id: str, name: str, *, is_super: bool, session_id: str | None = None
) -> Caller:
    """Return the caller that an admin is in a session."""
    wide = {Permission.ACCOUNT_EDIT} | (SUPER_PERMISSIONS if is_super else frozenset())
    grants = {**grants_of(connection, admin_id), ALL_SITES: frozenset(str(permission) for permission in wide)}
    return Caller("session", name, grants, admin_id=admin_id, credential_id=session_id)


def _token_grants(row: Any, of_owner: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return what a token may do now: never more than its owner, whatever was written into it."""
    given = frozenset(json.loads(row.permissions)) & set(map(str, TOKEN_PERMISSIONS))
    return {site: given & of_owner.get(site, frozenset()) for site in json.loads(row.sites)}
