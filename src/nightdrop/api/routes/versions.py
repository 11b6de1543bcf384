"""Versions of scripts, and copies of scripts."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from nightdrop.api.etags import IfMatch, precondition
from nightdrop.api.paging import Page, PageQuery
from nightdrop.api.routes.scripts import ScriptOut, script_id, script_tag, shown_script, site_id
from nightdrop.api.schema import In, Out
from nightdrop.api.services import CallerDep, ServicesDep

router = APIRouter(prefix="/sites/{site}/scripts/{script}", tags=["scripts"])

Number = Annotated[int, Path(ge=1, lt=2**31)]


class VersionOut(Out):
    """A version without its code; `size` in characters."""

    number: int
    sha256: str
    size: int
    pushed_ms: int
    pushed_by: str


class VersionCodeOut(VersionOut):
    """A version with its code."""

    code: str


class CloneName(In):
    """What the copy is called; without a name, as the script with ` copy` behind it."""

    name: str | None = None


@router.get("/versions")
def list_versions(
    site: str, script: str, query: Annotated[PageQuery, Query()], services: ServicesDep, caller: CallerDep
) -> Page[VersionOut]:
    """List the versions of a script, the newest first."""
    items, following = services.versions.list(
        caller, site_id(services, caller, site), script_id(script), limit=query.limit, cursor=query.cursor
    )
    return Page(items=[VersionOut.model_validate(item) for item in items], next=following)


@router.get("/versions/{number}")
def get_version(site: str, script: str, number: Number, services: ServicesDep, caller: CallerDep) -> VersionCodeOut:
    """Show a version with its code."""
    found = services.scripts.get(caller, site_id(services, caller, site), script_id(script), number)
    return VersionCodeOut(
        number=found.number,
        sha256=found.sha256,
        size=len(found.code),
        pushed_ms=found.pushed_ms,
        pushed_by=found.pushed_by,
        code=found.code,
    )


@router.post("/versions/{number}/restore")
def restore_version(
    site: str,
    script: str,
    number: Number,
    response: Response,
    services: ServicesDep,
    caller: CallerDep,
    if_match: IfMatch = None,
) -> ScriptOut:
    """Store the code of an earlier version as a new one."""
    restored = services.versions.restore(
        caller, site_id(services, caller, site), script_id(script), number, precondition(if_match, script_tag)
    )
    response.headers["ETag"] = script_tag(restored)
    return shown_script(restored)


@router.post("/clone", status_code=201)
def clone_script(site: str, script: str, body: CloneName, services: ServicesDep, caller: CallerDep) -> ScriptOut:
    """Make a new script of the newest code of this one; versions and triggers stay behind."""
    made = services.versions.clone(caller, site_id(services, caller, site), script_id(script), body.name)
    return shown_script(made)
