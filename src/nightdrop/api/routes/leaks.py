"""Secrets that stand in the code of scripts."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from nightdrop.api.paging import Page, PageQuery
from nightdrop.api.routes.scripts import site_id
from nightdrop.api.schema import In, Out
from nightdrop.api.services import CallerDep, ServicesDep
from nightdrop.core.script_text import MAX_CODE
from nightdrop.core.utf16 import utf16_of
from nightdrop.scripts.leaks import Leak
from nightdrop.scripts.usage import secret_usage

router = APIRouter(prefix="/sites/{site}", tags=["scripts"])

_SCRIPTS_A_PAGE = 50


class LeakOut(Out):
    """A password, token or key in the code; places are in units of UTF-16, from 0, quotes included."""

    start: int
    end: int
    line: int
    title: str
    suggestion: str = Field(description="A name for it in the secret store.")
    movable: bool = Field(description="It is a literal of its own, which a call of GetSecret can replace.")


class CheckedCode(In):
    """Code that is not stored."""

    code: str = Field(max_length=MAX_CODE)


class CheckOut(Out):
    """What was found."""

    leaks: list[LeakOut]
    missing: list[str] | None = Field(
        description="Names of secrets in the code that are not stored; null for who may not see secrets."
    )


class ScriptLeaks(Out):
    """A script in whose newest version something was found."""

    script_id: str
    name: str
    version: int
    leaks: list[LeakOut]


@router.post("/scripts/check")
def check_code(site: str, body: CheckedCode, services: ServicesDep, caller: CallerDep) -> CheckOut:
    """Look for passwords, tokens and keys in code; nothing is stored."""
    where = site_id(services, caller, site)
    leaks = services.scripts.leaks_in(caller, where, body.code)
    missing = services.secrets.missing(caller, where, secret_usage(body.code).names)
    return CheckOut(leaks=_shown(body.code, leaks), missing=None if missing is None else sorted(missing))


@router.get("/leaks")
def list_leaks(
    site: str, query: Annotated[PageQuery, Query()], services: ServicesDep, caller: CallerDep
) -> Page[ScriptLeaks]:
    """Look through all scripts of a site, a page of scripts at a time; those with nothing found are left out."""
    where = site_id(services, caller, site)
    limit = min(query.limit, _SCRIPTS_A_PAGE)
    page = services.scripts.list(caller, where, limit=limit, cursor=query.cursor)
    items = []
    for info in page.items:
        found = services.scripts.get(caller, where, info.id)
        if leaks := services.scripts.leaks_in(caller, where, found.code):
            shown = _shown(found.code, leaks)
            items.append(ScriptLeaks(script_id=info.id, name=info.name, version=found.number, leaks=shown))
    return Page(items=items, next=page.cursor)


def _shown(code: str, leaks: Sequence[Leak]) -> list[LeakOut]:
    return [_leak(code, leak) for leak in leaks]


def _leak(code: str, leak: Leak) -> LeakOut:
    return LeakOut(
        start=utf16_of(code, leak.start),
        end=utf16_of(code, leak.end),
        line=leak.line,
        title=leak.title,
        suggestion=leak.suggestion,
        movable=leak.movable,
    )
