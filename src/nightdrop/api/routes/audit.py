"""The audit log of what people did. What runs did with secrets is in the keeper's own log."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import ColumnElement, select

from nightdrop.access.guard import check
from nightdrop.access.permissions import Permission, allowed
from nightdrop.api.paging import Page, PageQuery
from nightdrop.api.schema import Out
from nightdrop.api.services import CallerDep, Services, ServicesDep
from nightdrop.core.caller import Caller
from nightdrop.core.errors import InvalidError
from nightdrop.db.tables import audit

router = APIRouter(tags=["audit"])


class AuditCursorError(InvalidError):
    """The cursor does not belong to this list."""

    code = "cursor"
    hint = "Start again without a cursor."


class Actor(Out):
    """Who did it: the kind of credential, and its name."""

    kind: str
    name: str


class EntryOut(Out):
    """An entry of the audit log; `seq` counts from 1 without a gap."""

    seq: int
    at_ms: int
    event: str
    actor: Actor
    site: str | None
    target: str | None = Field(description="A name or an id.")
    outcome: str
    detail: dict[str, Any]


class AuditQuery(PageQuery):
    """Which entries."""

    site: str | None = Field(None, description="Only of this site, by name or id.")


@router.get("/audit")
def list_audit(query: Annotated[AuditQuery, Query()], services: ServicesDep, caller: CallerDep) -> Page[EntryOut]:
    """List audit entries, the newest first."""
    site_id = services.sites.get(caller, query.site).id if query.site is not None else None
    wanted = select(audit.c.seq, audit.c.body).order_by(audit.c.seq.desc()).limit(query.limit + 1)
    if site_id is not None:
        check(services.db, caller, Permission.AUDIT_VIEW, site_id)
        wanted = wanted.where(audit.c.site_id == site_id)
    elif caller.kind != "host":
        wanted = wanted.where(_visible(services, caller))
    if query.cursor is not None:
        wanted = wanted.where(audit.c.seq < _seq(query.cursor))
    with services.db.read() as connection:
        rows = connection.execute(wanted).all()
    items = [EntryOut(seq=row.seq, **json.loads(bytes(row.body))) for row in rows[: query.limit]]
    return Page(items=items, next=str(items[-1].seq) if len(rows) > query.limit else None)


def _visible(services: Services, caller: Caller) -> ColumnElement[bool]:
    """Return what of the whole log a caller may see: the caller's sites, and what is of no site to super admins."""
    mine = [site.id for site in services.sites.list(caller) if allowed(caller, Permission.AUDIT_VIEW, site.id)]
    of_all = allowed(caller, Permission.ADMINS_EDIT)
    if not mine and not of_all:
        check(services.db, caller, Permission.AUDIT_VIEW)
    of_mine = audit.c.site_id.in_(mine)
    return of_mine | audit.c.site_id.is_(None) if of_all else of_mine


def _seq(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise AuditCursorError(field="cursor")
    return int(cursor)
