"""Virtual sites and their settings."""

from time import monotonic
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Response
from pydantic import Field

from nightdrop.access.permissions import Permission, allowed
from nightdrop.access.settings import shown_settings
from nightdrop.access.sites import Site
from nightdrop.api.etags import IfMatch, etag, precondition
from nightdrop.api.paging import Page, PageQuery
from nightdrop.api.schema import In, Out
from nightdrop.api.services import CallerDep, Services, ServicesDep
from nightdrop.core.caller import Caller

router = APIRouter(tags=["sites"])

_KEY_WAIT_S = 5.0
_KEY_LOOK_S = 0.5


class Settings(Out):
    """Limits of each run of the site, what its runs may connect to, their directories, the server for their mail."""

    memory: int = Field(description="Bytes of memory.")
    cpu: int = Field(description="Seconds of processor time.")
    wall: int = Field(description="Seconds from start to end.")
    log: int = Field(description="Bytes of log.")
    body: int = Field(description="Bytes of a response body, and of what is read or written of a file at once.")
    egress_allow: list[str] = Field(description="Addresses, networks and hosts that are allowed although special.")
    egress_deny: list[str] = Field(description="Addresses, networks and hosts that are not allowed.")
    paths: list[str] = Field(description="Directories of the host beside the site's own; `:ro` is read only.")
    smtp_host: str = Field(description="The server that sends mail of scripts; without it they cannot send any.")
    smtp_port: int = Field(description="Its port; 0 for the usual one of `smtp_tls`: 587, 465 or 25.")
    smtp_tls: str = Field(description="How the connection is encrypted. With `none` it is not, the password included.")
    smtp_user: str = Field(description="The user to sign in as; without one nobody signs in.")
    smtp_password_secret: str = Field(description="The name of the secret that holds the password.")
    smtp_from: str = Field(description="The sender of mail for which the script names none.")
    run_days: int = Field(description="Days for which runs and their logs are kept after their end.")
    run_count: int = Field(description="How many runs are kept; beyond it the oldest go first.")


class SiteOut(Out):
    """A site; `ready` once the keeper has made its key, so that secrets can be stored."""

    id: str
    name: str
    created_ms: int
    ready: bool
    settings: Settings | None = Field(description="Null without the permission `settings:view`.")


class NewSite(In):
    """A site to make."""

    name: str


class SiteChange(In):
    """Settings to change; the others stay, null goes back to the default."""

    settings: dict[str, Any] = Field(description="Sizes may be text such as `128MiB`, times such as `5m`.")


@router.get("/sites")
def list_sites(query: Annotated[PageQuery, Query()], services: ServicesDep, caller: CallerDep) -> Page[SiteOut]:
    """List the sites that the caller may see, by name."""
    page = services.sites.page(caller, limit=query.limit, cursor=query.cursor)
    return Page(items=[_shown(caller, site) for site in page.items], next=page.cursor)


@router.post("/sites", status_code=201)
async def create_site(body: NewSite, services: ServicesDep, caller: CallerDep) -> SiteOut:
    """Make a site and wait up to 5 seconds for its key."""
    site = await run_sync(services.sites.create, caller, body.name)
    services.bell.ring("house")
    return _shown(caller, await _wait_for_key(services, caller, site))


@router.get("/sites/{site}")
def get_site(site: str, response: Response, services: ServicesDep, caller: CallerDep) -> SiteOut:
    """Show a site, by name or id."""
    return _tagged(response, caller, services.sites.get(caller, site))


@router.patch("/sites/{site}")
def change_site(
    site: str,
    body: SiteChange,
    response: Response,
    services: ServicesDep,
    caller: CallerDep,
    if_match: IfMatch = None,
) -> SiteOut:
    """Change settings of a site."""
    found = services.sites.get(caller, site)
    changed = services.sites.set(caller, found.id, body.settings, precondition(if_match, _tag))
    return _tagged(response, caller, changed)


async def _wait_for_key(services: Services, caller: Caller, site: Site) -> Site:
    deadline = monotonic() + _KEY_WAIT_S
    while not site.ready and not services.watch.closing and (left := deadline - monotonic()) > 0:
        await services.watch.ring(min(left, _KEY_LOOK_S))
        site = await run_sync(services.sites.get, caller, site.id)
    return site


def _tag(site: Site) -> str:
    return etag(site.id, shown_settings(site.settings))


def _tagged(response: Response, caller: Caller, site: Site) -> SiteOut:
    # A tag of settings would tell who may not see them whether a guess is right.
    if allowed(caller, Permission.SETTINGS_VIEW, site.id):
        response.headers["ETag"] = _tag(site)
    return _shown(caller, site)


def _shown(caller: Caller, site: Site) -> SiteOut:
    may_look = allowed(caller, Permission.SETTINGS_VIEW, site.id)
    return SiteOut(
        id=site.id,
        name=site.name,
        created_ms=site.created_ms,
        ready=site.ready,
        settings=Settings(**shown_settings(site.settings)) if may_look else None,
    )
