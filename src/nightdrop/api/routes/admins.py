"""Admins: who has an account and what each may do. For super admins and the host's owner."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from nightdrop.access.admins import Admin
from nightdrop.access.setup_links import SetupLink
from nightdrop.api.etags import IfMatch, etag, precondition
from nightdrop.api.paging import Page, PageQuery
from nightdrop.api.schema import In, Out
from nightdrop.api.services import CallerDep, Services, ServicesDep

router = APIRouter(tags=["admins"])

_Grants = dict[str, list[str]]
_GRANTS = "Permissions by site id. Who has `scripts:edit` can read every secret whose policy lets scripts read it."


class AdminOut(Out):
    """An account."""

    id: str
    name: str
    super: bool = Field(description="May make sites and admins.")
    disabled: bool
    created_ms: int
    set_up: bool = Field(description="The owner has chosen a password or added a passkey.")
    totp: bool
    grants: _Grants = Field(description=_GRANTS)


class SetupLinkOut(Out):
    """A one-time link with which an account's owner chooses the password. Shown once."""

    path: str = Field(repr=False, description="To be put after this server's address.")
    token: str = Field(repr=False)
    expires_ms: int


class InvitedOut(AdminOut):
    """An account, and the link for its owner."""

    setup_link: SetupLinkOut


class NewAdmin(In):
    """An account to make."""

    name: str = Field(max_length=256)
    super: bool = False
    grants: _Grants = Field(default_factory=dict, description=_GRANTS)


class AdminChange(In):
    """What to change; what is not given stays. `grants` replaces all there are."""

    super: bool | None = None
    disabled: bool | None = None
    grants: _Grants | None = Field(None, description=_GRANTS)


@router.get("/admins")
def list_admins(query: Annotated[PageQuery, Query()], services: ServicesDep, caller: CallerDep) -> Page[AdminOut]:
    """List the admins, by name."""
    page = services.access.admins.list(caller, limit=query.limit, cursor=query.cursor)
    return Page(items=[_shown(admin) for admin in page.items], next=page.cursor)


@router.post("/admins", status_code=201)
def create_admin(body: NewAdmin, services: ServicesDep, caller: CallerDep) -> InvitedOut:
    """Make an account; its owner chooses the password with the link."""
    made, link = services.access.admins.create(caller, body.name, is_super=body.super, grants=body.grants)
    return _invited(made, link)


@router.get("/admins/{admin}")
def get_admin(admin: str, response: Response, services: ServicesDep, caller: CallerDep) -> AdminOut:
    """Show an admin, by id or name."""
    found = services.access.admins.get(caller, admin)
    response.headers["ETag"] = _tag(found)
    return _shown(found)


@router.patch("/admins/{admin}")
def change_admin(
    admin: str,
    body: AdminChange,
    response: Response,
    services: ServicesDep,
    caller: CallerDep,
    if_match: IfMatch = None,
) -> AdminOut:
    """Change what an admin may do."""
    changed = services.access.admins.change(
        caller,
        _id(services, caller, admin),
        is_super=body.super,
        disabled=body.disabled,
        grants=body.grants,
        precondition=precondition(if_match, _tag),
    )
    response.headers["ETag"] = _tag(changed)
    return _shown(changed)


@router.delete("/admins/{admin}", status_code=204)
def delete_admin(admin: str, services: ServicesDep, caller: CallerDep) -> None:
    """Remove an account with its sessions and tokens."""
    services.access.admins.delete(caller, _id(services, caller, admin))


@router.post("/admins/{admin}/reset")
def reset_admin(admin: str, services: ServicesDep, caller: CallerDep) -> InvitedOut:
    """Take password, second factor, passkeys and sessions away, and return a link for a new password."""
    return _invited(*services.access.admins.reset(caller, _id(services, caller, admin)))


@router.post("/setup/link", status_code=201)
def create_setup_link(services: ServicesDep, caller: CallerDep) -> SetupLinkOut:
    """Make a new link for the first admin, while there is none."""
    return _link(services.access.admins.first_setup_link(caller))


def _id(services: Services, caller: CallerDep, admin: str) -> str:
    return services.access.admins.get(caller, admin).id


def _invited(admin: Admin, link: SetupLink) -> InvitedOut:
    return InvitedOut(**_shown(admin).model_dump(), setup_link=_link(link))


def _link(link: SetupLink) -> SetupLinkOut:
    # After the hash: a browser sends it to nobody, and no log has it.
    return SetupLinkOut(path=f"/setup#{link.token}", token=link.token, expires_ms=link.expires_ms)


def _tag(admin: Admin) -> str:
    given = {site: sorted(permissions) for site, permissions in admin.grants.items() if permissions}
    return etag(admin.id, admin.is_super, admin.disabled, given)


def _shown(admin: Admin) -> AdminOut:
    return AdminOut(
        id=admin.id,
        name=admin.name,
        super=admin.is_super,
        disabled=admin.disabled,
        created_ms=admin.created_ms,
        set_up=admin.set_up,
        totp=admin.totp,
        grants={site: sorted(given) for site, given in admin.grants.items()},
    )
