"""Who is signed in: look, set up, sign in, sign out."""

from functools import partial

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from pydantic import Field

from nightdrop.access.passkey_port import passkeys_available
from nightdrop.access.passwords import MAX_CHARACTERS, MIN_CHARACTERS
from nightdrop.access.permissions import Permission, allowed, site_permissions
from nightdrop.access.sessions import NewSession, Origin
from nightdrop.access.sign_in import Attempt
from nightdrop.api.authenticate import HOST_COOKIE, cookie_name, session_cookie
from nightdrop.api.schema import In, Out
from nightdrop.api.services import AnyoneDep, Services, ServicesDep
from nightdrop.core.caller import Caller

router = APIRouter(tags=["session"])

Password = Field(max_length=4 * MAX_CHARACTERS, repr=False, json_schema_extra={"writeOnly": True, "format": "password"})
_Code = Field(None, max_length=100, repr=False)


class SessionAdmin(Out):
    """The account that is signed in."""

    id: str
    name: str
    super: bool = Field(description="May make sites and admins; sees of a site what was granted, as everybody else.")


class SessionSite(Out):
    """A site that the caller may know of, and what the caller may do in it."""

    id: str
    name: str
    permissions: list[Permission]


class PasswordRules(Out):
    """What a new password must be like; common ones are refused as well."""

    min: int = MIN_CHARACTERS
    max: int = MAX_CHARACTERS


class SessionOut(Out):
    """Who calls; `admin` is null when nobody is signed in, and for the host's owner."""

    kind: str = Field(description="The credential: `none`, `host`, `session` or `token`.")
    admin: SessionAdmin | None
    setup_needed: bool = Field(description="There is no admin yet: the one-time set-up link makes the first.")
    sites: list[SessionSite]
    passkeys: bool = Field(description="Whether this server can take passkeys.")
    password: PasswordRules


class SignInIn(In):
    """A name and a password; with an authenticator app also one of the codes."""

    name: str = Field(max_length=256, repr=False)
    password: str = Password
    totp: str | None = _Code
    recovery_code: str | None = _Code


class InvitationIn(In):
    """The token of a set-up link."""

    token: str = Field(max_length=100, repr=False)


class InvitationOut(Out):
    """Whom a set-up link lets in; `name` is null when it makes the first admin."""

    name: str | None
    expires_ms: int


class SetupIn(InvitationIn):
    """The token of a set-up link, the account's name, and the password to choose."""

    name: str = Field(max_length=256)
    password: str = Password


@router.get("/session")
def get_session(services: ServicesDep, caller: AnyoneDep) -> SessionOut:
    """Say who calls and what the caller may do. Answers everybody."""
    return _shown(services, caller)


@router.post("/session", status_code=201)
async def sign_in(body: SignInIn, request: Request, response: Response, services: ServicesDep) -> SessionOut:
    """Sign in. The answer sets the session's cookie; a session that the browser had before ends."""
    attempt = Attempt(body.name, body.password, body.totp, body.recovery_code)
    work = partial(services.access.sign_in.with_password, attempt, origin(request), session_cookie(request.scope))
    return await signed_in(services, request, response, await services.access.hashing(work))


@router.delete("/session", status_code=204)
def sign_out(request: Request, response: Response, services: ServicesDep, caller: AnyoneDep) -> None:
    """Sign out."""
    if caller.kind == "session":
        services.access.sessions.sign_out(caller)
    response.delete_cookie(cookie_name(request.scope), secure=_is_secure(request), httponly=True, samesite="strict")


@router.post("/setup", status_code=201)
async def set_up(body: SetupIn, request: Request, response: Response, services: ServicesDep) -> SessionOut:
    """Choose a password with a set-up link, and be signed in."""
    old = session_cookie(request.scope)
    work = partial(services.access.sign_in.set_up, body.token, body.name, body.password, origin(request), old)
    return await signed_in(services, request, response, await services.access.hashing(work))


@router.post("/setup/invitation")
def get_invitation(body: InvitationIn, services: ServicesDep) -> InvitationOut:
    """Say whom a set-up link lets in, without using it up."""
    found = services.access.sign_in.invitation(body.token)
    return InvitationOut(name=found.name, expires_ms=found.expires_ms)


async def signed_in(services: Services, request: Request, response: Response, session: NewSession) -> SessionOut:
    """Set the cookie of a session that was just started, and return what it may do."""
    response.set_cookie(
        cookie_name(request.scope),
        session.cookie,
        max_age=services.config.session_max_minutes * 60,
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="strict",
    )
    return await run_sync(_shown, services, session.caller)


def origin(request: Request) -> Origin:
    """Return where a request comes from."""
    client = request.client
    return Origin(client.host if client is not None else None, request.headers.get("user-agent", ""))


def _is_secure(request: Request) -> bool:
    return cookie_name(request.scope) == HOST_COOKIE


def _shown(services: Services, caller: Caller) -> SessionOut:
    sites = [
        SessionSite(id=site.id, name=site.name, permissions=list(site_permissions(caller, site.id)))
        for site in services.sites.list(caller)
    ]
    return SessionOut(
        kind=caller.kind,
        admin=_admin(caller),
        setup_needed=services.access.admins.setup_needed(),
        sites=sites,
        passkeys=passkeys_available(),
        password=PasswordRules(),
    )


def _admin(caller: Caller) -> SessionAdmin | None:
    if caller.kind != "session" or caller.admin_id is None:
        return None
    return SessionAdmin(id=caller.admin_id, name=caller.name, super=allowed(caller, Permission.ADMINS_EDIT))
