"""Triggers as people see them: each method takes a Caller, and checks, records and acts in one transaction."""

import builtins
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from nightdrop.access.guard import check, guarded
from nightdrop.access.paging import Page
from nightdrop.access.permissions import Permission
from nightdrop.audit.events import Event
from nightdrop.core.caller import Caller
from nightdrop.core.clock import Clock
from nightdrop.core.cursor import decode_cursor, encode_cursor
from nightdrop.core.ids import is_id, new_id
from nightdrop.core.script_text import SCRIPT_PREFIX
from nightdrop.db.engine import Database
from nightdrop.db.notify import notify
from nightdrop.runs.bell import Bell
from nightdrop.scripts.model import ScriptMissingError
from nightdrop.triggers.cron import next_time, upcoming
from nightdrop.triggers.firing import Firing, fire, record_firing
from nightdrop.triggers.folders import forget
from nightdrop.triggers.model import (
    MAX_NAME,
    MAX_PER_SCRIPT,
    TRIGGER_PREFIX,
    HookMissingError,
    RetriesRefusedError,
    Trigger,
    TriggerLimitError,
    TriggerLoopError,
    TriggerMissingError,
    TriggerNameError,
)
from nightdrop.triggers.rows import SELECT, stored, trigger_info
from nightdrop.triggers.settings import (
    AfterSettings,
    FolderSettings,
    NotifySettings,
    ScheduleSettings,
    TriggerSettings,
    WebhookSettings,
    changed_trigger,
)

_MAX_PAGE = 500
_ROLE = "triggers"
_FIND = text(f"{SELECT} WHERE t.site_id = :site AND t.id = :id")
_BY_TOKEN = text(f"{SELECT} WHERE t.token_hash = :token AND t.enabled")
_ENABLED = text(f"{SELECT} WHERE t.id = :id AND t.enabled")
_SCRIPT = "SELECT id, name, idempotent FROM scripts WHERE site_id = :site AND "
_SCRIPT_BY_ID = text(_SCRIPT + "id = :script")
_SCRIPT_BY_NAME = text(_SCRIPT + "name = :script")
_COUNT = text("SELECT count(*) FROM triggers WHERE script_id = :script")
_ADD = text(
    "INSERT INTO triggers (id, site_id, script_id, kind, name, settings, enabled, created_ms, updated_ms, updated_by,"
    " next_ms, token_hash, after_script_id) VALUES (:id, :site, :script, :kind, :name, :settings, :enabled, :now, :now,"
    " :by, :next, :token, :after)"
)
_CHANGE = text(
    "UPDATE triggers SET name = :name, settings = :settings, enabled = :enabled, updated_ms = :now, updated_by = :by,"
    " next_ms = :next, after_script_id = :after, problem = NULL WHERE id = :id"
)
_RENEW_TOKEN = text("UPDATE triggers SET token_hash = :token, updated_ms = :now, updated_by = :by WHERE id = :id")
_DELETE = text("DELETE FROM triggers WHERE id = :id")
_FOLLOWERS = text("SELECT script_id FROM triggers WHERE kind = 'after' AND after_script_id = :script AND id <> :not_id")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What follows from settings: the script they are about, when they are due, what they come after."""

    script: Row[Any]
    next_ms: int | None
    after: str | None


def token_hash(token: str) -> bytes:
    """Return what is kept of a webhook's token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


class TriggerStore:
    """The triggers of all sites; with a ``bell``, the worker is woken when one changes."""

    def __init__(self, db: Database, clock: Clock, bell: Bell | None = None) -> None:
        self._db = db
        self._clock = clock
        self._bell = bell

    def create(
        self,
        caller: Caller,
        site: str,
        script: str,
        settings: TriggerSettings,
        *,
        name: str = "",
        enabled: bool = True,
    ) -> tuple[Trigger, str | None]:
        """Make a trigger of a script (its name or id); returns it, and of a webhook the token of its address.

        Nobody can see the token again.

        Raises:
            ScriptMissingError, TriggerNameError, TriggerLimitError, TriggerLoopError, RetriesRefusedError, CronError,
            CronNeverError, ZoneUnknownError, DeniedError.
        """
        _check_name(name)
        trigger_id, token = new_id(TRIGGER_PREFIX), None
        if isinstance(settings, WebhookSettings):
            token = secrets.token_urlsafe(32)
        detail = {"script": script, "kind": settings.kind, "name": name}
        with self._guarded(caller, Event.TRIGGER_CREATED, site, trigger_id, detail) as conn:
            plan = self._plan(conn, site, script, settings, trigger_id)
            if conn.execute(_COUNT, {"script": plan.script.id}).scalar_one() >= MAX_PER_SCRIPT:
                raise TriggerLimitError
            values = {
                **self._changed(caller, plan, settings, name=name, enabled=enabled),
                "id": trigger_id,
                "site": site,
                "script": plan.script.id,
                "kind": settings.kind,
                "token": None if token is None else token_hash(token),
            }
            conn.execute(_ADD, values)
            made = self._required(conn, site, trigger_id)
        self._ring()
        return made, token

    def get(self, caller: Caller, site: str, trigger: str) -> Trigger:
        """Return one trigger, by its id.

        Raises:
            TriggerMissingError, DeniedError.
        """
        check(self._db, caller, Permission.SCRIPTS_VIEW, site)
        with self._db.read() as conn:
            return self._required(conn, site, trigger)

    def list(
        self, caller: Caller, site: str, *, script: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[Trigger]:
        """Return a page of a site's triggers, or of one script's (its id), oldest first.

        Raises:
            CursorError, DeniedError.
        """
        check(self._db, caller, Permission.SCRIPTS_VIEW, site)
        limit = max(1, min(limit, _MAX_PAGE))
        conditions, values = ["t.site_id = :site"], {"site": site, "limit": limit + 1}
        if script is not None:
            conditions.append("t.script_id = :script")
            values["script"] = script if is_id(script, SCRIPT_PREFIX) else ""
        if cursor is not None:
            conditions.append("t.id > :after")
            values["after"] = decode_cursor(cursor, "triggers", TRIGGER_PREFIX, str)[1]
        query = f"{SELECT} WHERE {' AND '.join(conditions)} ORDER BY t.id LIMIT :limit"
        with self._db.read() as conn:
            rows = conn.execute(text(query), values).all()
        items = tuple(trigger_info(row) for row in rows[:limit])
        more = len(rows) > limit
        return Page(items, encode_cursor("triggers", "", items[-1].id) if more else None)

    def upcoming(self, caller: Caller, site: str, cron: str, zone: str, count: int) -> builtins.list[int]:
        """Return the next ``count`` times of a cron expression, in milliseconds since the epoch.

        Raises:
            CronError, CronNeverError, ZoneUnknownError, DeniedError.
        """
        check(self._db, caller, Permission.SCRIPTS_VIEW, site)
        return upcoming(cron, zone, self._clock.now_ms(), count)

    def change(
        self,
        caller: Caller,
        site: str,
        trigger: str,
        *,
        changes: dict[str, Any] | None = None,
        name: str | None = None,
        enabled: bool | None = None,
        precondition: Callable[[Trigger], None] | None = None,
    ) -> Trigger:
        """Change settings, name, or whether it is on; what is not given stays. A webhook's address stays too.

        Raises:
            TriggerMissingError, TriggerSettingsError and what ``create`` raises.
        """
        _check_name(name or "")
        detail = {"settings": sorted(changes or {}), "enabled": enabled}
        with self._guarded(caller, Event.TRIGGER_CHANGED, site, trigger, detail) as conn:
            before = self._required(conn, site, trigger)
            if precondition is not None:
                precondition(before)
            settings = changed_trigger(before.settings, changes or {})
            plan = self._plan(conn, site, before.script_id, settings, before.id)
            values = self._changed(
                caller,
                plan,
                settings,
                name=before.name if name is None else name,
                enabled=before.enabled if enabled is None else enabled,
            )
            conn.execute(_CHANGE, {**values, "id": before.id})
            if isinstance(settings, FolderSettings) and settings.place != getattr(before.settings, "place", None):
                forget(conn, [before.id])
            after = self._required(conn, site, trigger)
        self._ring()
        return after

    def renew_token(self, caller: Caller, site: str, trigger: str) -> str:
        """Give a webhook a new address and return its token; the old one is refused from now on.

        Raises:
            TriggerMissingError: there is none, or it is no webhook. DeniedError.
        """
        token = secrets.token_urlsafe(32)
        with self._guarded(caller, Event.TRIGGER_CHANGED, site, trigger, {"settings": ["token"]}) as conn:
            if not isinstance(self._required(conn, site, trigger).settings, WebhookSettings):
                raise TriggerMissingError("This trigger is no webhook.")
            values = {"id": trigger, "token": token_hash(token), "now": self._clock.now_ms(), "by": caller.name}
            conn.execute(_RENEW_TOKEN, values)
        return token

    def of_hook(self, token: str) -> Trigger:
        """Return the webhook that has this token; asked for by anybody.

        Raises:
            HookMissingError: there is none, or it is off.
        """
        with self._db.read() as conn:
            row = conn.execute(_BY_TOKEN, {"token": token_hash(token)}).first()
        if row is None:
            raise HookMissingError
        return trigger_info(row)

    def call_hook(self, trigger: Trigger, request: Mapping[str, Any]) -> str:
        """Queue a run for a request to a webhook; return the run's id.

        Raises:
            HookMissingError: it was deleted or switched off meanwhile. ParamsTooLargeError.
        """
        with self._db.write() as conn:
            row = conn.execute(_ENABLED, {"id": trigger.id}).first()
            if row is None:
                raise HookMissingError
            current = trigger_info(row)
            run_id, detail = fire(conn, current, Firing({"Request": request}), self._clock.now_ms())
            record_firing(conn, current, run_id, detail)
        if self._bell is not None:
            self._bell.ring("worker")
        return run_id

    def delete(self, caller: Caller, site: str, trigger: str) -> None:
        """Delete a trigger; its runs stay.

        Raises:
            TriggerMissingError, DeniedError.
        """
        with self._guarded(caller, Event.TRIGGER_DELETED, site, trigger, {}) as conn:
            self._required(conn, site, trigger)
            conn.execute(_DELETE, {"id": trigger})
        self._ring()

    @contextmanager
    def _guarded(
        self, caller: Caller, event: Event, site: str, trigger: str, detail: dict[str, Any]
    ) -> Iterator[Connection]:
        with guarded(self._db, caller, Permission.SCRIPTS_EDIT, event, site, trigger, detail) as conn:
            yield conn
            notify(conn, _ROLE)

    def _changed(
        self, caller: Caller, plan: _Plan, settings: TriggerSettings, *, name: str, enabled: bool
    ) -> dict[str, Any]:
        return {
            "name": name,
            "settings": stored(settings),
            "enabled": enabled,
            "now": self._clock.now_ms(),
            "by": caller.name,
            "next": plan.next_ms,
            "after": plan.after,
        }

    def _plan(self, conn: Connection, site: str, script: str, settings: TriggerSettings, trigger: str) -> _Plan:
        row = _script(conn, site, script)
        if settings.retries and not row.idempotent:
            raise RetriesRefusedError(field="retries")
        next_ms = after = None
        if isinstance(settings, ScheduleSettings):
            next_ms = next_time(settings.cron, settings.zone, self._clock.now_ms())
        elif isinstance(settings, FolderSettings):
            settings.check()
        elif isinstance(settings, NotifySettings):
            settings.check()
            # What its runs end with is looked for by this column.
            after = row.id
        elif isinstance(settings, AfterSettings):
            after = _script(conn, site, settings.script).id
            _refuse_loop(conn, row.id, after, trigger)
        return _Plan(row, next_ms, after)

    def _required(self, conn: Connection, site: str, trigger: str) -> Trigger:
        row = conn.execute(_FIND, {"site": site, "id": trigger if is_id(trigger, TRIGGER_PREFIX) else ""}).first()
        if row is None:
            raise TriggerMissingError
        return trigger_info(row)

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.ring(_ROLE)


def _script(conn: Connection, site: str, script: str) -> Row[Any]:
    query = _SCRIPT_BY_ID if is_id(script, SCRIPT_PREFIX) else _SCRIPT_BY_NAME
    row = conn.execute(query, {"site": site, "script": script}).first() if script.isprintable() else None
    if row is None:
        raise ScriptMissingError(field="script")
    return row


def _refuse_loop(conn: Connection, script: str, after: str, trigger: str) -> None:
    """Refuse a trigger that makes ``script`` come after ``after`` when ``after`` comes after ``script`` already."""
    seen, left = set(), [script]
    while left:
        current = left.pop()
        if current == after:
            raise TriggerLoopError(field="script")
        if current not in seen:
            seen.add(current)
            left += conn.execute(_FOLLOWERS, {"script": current, "not_id": trigger}).scalars().all()


def _check_name(name: str) -> None:
    if len(name) > MAX_NAME or not name.isprintable() or name != name.strip():
        raise TriggerNameError(field="name")
