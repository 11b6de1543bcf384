"""Scripts and their versions."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from nightdrop.api.etags import IfMatch, etag, precondition
from nightdrop.api.paging import Page, PageQuery
from nightdrop.api.schema import In, Out
from nightdrop.api.services import CallerDep, Services, ServicesDep
from nightdrop.core.caller import Caller
from nightdrop.core.ids import is_id
from nightdrop.core.script_text import SCRIPT_PREFIX
from nightdrop.runs.model import RunState
from nightdrop.scripts.model import ScriptInfo, ScriptMissingError
from nightdrop.scripts.scrub import Moved

router = APIRouter(prefix="/sites/{site}/scripts", tags=["scripts"])


class ScriptOut(Out):
    """A script without its code."""

    id: str
    site_id: str
    name: str
    description: str
    version: int
    created_ms: int
    updated_ms: int
    idempotent: bool = Field(description="Running it twice does no harm: a trigger may try it again.")


class LastRun(Out):
    """The newest run of a script."""

    id: str
    state: RunState
    created_ms: int
    ended_ms: int | None


class ListedScript(ScriptOut):
    """A script in a list; `last_run` is null too for who may not see runs."""

    last_run: LastRun | None


class ScriptCodeOut(ScriptOut):
    """A script with the code of its newest version and the names of secrets in it."""

    code: str
    sha256: str
    pushed_ms: int
    pushed_by: str
    secrets: list[str]
    computed_names: bool = Field(description="The script computes names of secrets, so it may use any.")


class ScriptQuery(PageQuery):
    """Which scripts, in which order."""

    name: str | None = Field(None, max_length=500, description="Exactly this name.")
    q: str | None = Field(None, max_length=500, description="Text in name or description.")
    sort: Literal["name", "updated", "ran"] = "name"


class NewScript(In):
    """A script to store."""

    name: str
    code: str
    description: str | None = None


class MovedLiteral(In):
    """A text in quotes that is in the secret `secret` now: the one at `start` of the stored version `version`."""

    secret: str
    version: int = Field(ge=1, lt=2**31)
    start: int = Field(ge=0, lt=2**31, description="In units of UTF-16, from 0.")


class NewVersion(In):
    """A new version of a script."""

    code: str
    description: str | None = None
    moved: list[MovedLiteral] = Field(
        default_factory=list, description="They are taken out of every stored version of the script."
    )


class ScriptChange(In):
    """What to change about a script; what is left out stays. Its code is another matter."""

    name: str | None = None
    description: str | None = None
    idempotent: bool | None = None


@router.get("")
def list_scripts(
    site: str, query: Annotated[ScriptQuery, Query()], services: ServicesDep, caller: CallerDep
) -> Page[ListedScript]:
    """List, search and sort."""
    where = site_id(services, caller, site)
    page = services.scripts.list(
        caller,
        where,
        search=query.q,
        name=query.name,
        sort=query.sort,
        limit=query.limit,
        cursor=query.cursor,
    )
    runs = services.runs.newest_of(caller, where, [info.id for info in page.items])
    items = [
        ListedScript(
            **shown_script(info).model_dump(),
            last_run=LastRun.model_validate(runs[info.id]) if info.id in runs else None,
        )
        for info in page.items
    ]
    return Page(items=items, next=page.cursor)


@router.post("", status_code=201)
def create_script(site: str, body: NewScript, services: ServicesDep, caller: CallerDep) -> ScriptOut:
    """Store a script under a new name."""
    where = site_id(services, caller, site)
    return shown_script(
        services.scripts.push(caller, where, body.name, body.code, description=body.description, create=True)
    )


@router.get("/{script}")
def get_script(site: str, script: str, response: Response, services: ServicesDep, caller: CallerDep) -> ScriptCodeOut:
    """Show a script with its code, by its id."""
    found = services.scripts.get(caller, site_id(services, caller, site), script_id(script))
    response.headers["ETag"] = script_tag(found.info)
    return ScriptCodeOut(
        **shown_script(found.info).model_dump(),
        code=found.code,
        sha256=found.sha256,
        pushed_ms=found.pushed_ms,
        pushed_by=found.pushed_by,
        secrets=sorted(found.secrets.names),
        computed_names=found.secrets.computed,
    )


@router.put("/{script}")
def push_script(
    site: str,
    script: str,
    body: NewVersion,
    response: Response,
    services: ServicesDep,
    caller: CallerDep,
    if_match: IfMatch = None,
) -> ScriptOut:
    """Store a new version; unchanged code makes none."""
    stored = services.scripts.push(
        caller,
        site_id(services, caller, site),
        script_id(script),
        body.code,
        description=body.description,
        create=False,
        precondition=precondition(if_match, script_tag),
        moved=[Moved(one.secret, one.version, one.start) for one in body.moved],
    )
    response.headers["ETag"] = script_tag(stored)
    return shown_script(stored)


@router.patch("/{script}")
def change_script(
    site: str,
    script: str,
    body: ScriptChange,
    response: Response,
    services: ServicesDep,
    caller: CallerDep,
    if_match: IfMatch = None,
) -> ScriptOut:
    """Rename or describe a script, or say whether it may be tried again."""
    changed = services.scripts.change(
        caller,
        site_id(services, caller, site),
        script_id(script),
        **body.model_dump(),
        precondition=precondition(if_match, script_tag),
    )
    response.headers["ETag"] = script_tag(changed)
    return shown_script(changed)


@router.delete("/{script}", status_code=204)
def delete_script(site: str, script: str, services: ServicesDep, caller: CallerDep) -> None:
    """Delete a script and all its versions; its runs stay."""
    services.scripts.delete(caller, site_id(services, caller, site), script_id(script))


def site_id(services: Services, caller: Caller, site: str) -> str:
    """Return the id of a site that the caller may see."""
    return services.sites.get(caller, site).id


def script_id(script: str) -> str:
    """Return the id in an address.

    Raises:
        ScriptMissingError: it is none.
    """
    # The stores take names too; in an address only the id is safe, as a name may be "." or hold a slash.
    if not is_id(script, SCRIPT_PREFIX):
        raise ScriptMissingError
    return script


def script_tag(info: ScriptInfo) -> str:
    """Return the ETag of a script."""
    return etag(info.id, info.version, info.name, info.description, info.idempotent)


def shown_script(info: ScriptInfo) -> ScriptOut:
    """Return what people see of a script."""
    return ScriptOut.model_validate(info)
