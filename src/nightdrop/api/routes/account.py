"""One's own account: only with a session, never with a token."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from nightdrop.access.tokens import MAX_NAME, TokenInfo
from nightdrop.api.paging import Page, PageQuery
from nightdrop.api.routes.session import Password
from nightdrop.api.schema import In, Out
from nightdrop.api.services import CallerDep, ServicesDep

router = APIRouter(prefix="/account", tags=["account"])


class PasskeyOut(Out):
    """A passkey."""

    id: str
    name: str
    created_ms: int
    used_ms: int | None


class AccountOut(Out):
    """One's own account."""

    id: str
    name: str
    super: bool
    created_ms: int
    password_ms: int = Field(description="When the password was chosen.")
    totp: bool = Field(description="Whether signing in needs a code of an authenticator app.")
    recovery_codes_left: int
    passkeys: list[PasskeyOut]


class PasswordChange(In):
    """The current password and the new one."""

    current: str = Password
    new: str = Password


class TotpOut(Out):
    """The key for an authenticator app, as text and as what the QR code holds. Shown once."""

    secret: str = Field(repr=False)
    uri: str = Field(repr=False)


class TotpCode(In):
    """The code that the app shows."""

    code: str = Field(max_length=100, repr=False)


class RecoveryCodesOut(Out):
    """Codes for who has lost the device; each works once. Shown once."""

    recovery_codes: list[str] = Field(repr=False)


class PasswordIn(In):
    """The password, to be sure who asks."""

    password: str = Password


class OwnSession(Out):
    """A session of one's own; `current` is the one that asks. The id is not the cookie."""

    id: str
    created_ms: int
    seen_ms: int = Field(description="Last use, to the minute.")
    expires_ms: int = Field(description="When it ends if it is not used again.")
    address: str
    agent: str = Field(description="What the browser calls itself.")
    current: bool


class TokenOut(Out):
    """An API token without its text."""

    id: str
    name: str
    prefix: str = Field(description="How it begins.")
    sites: list[str]
    permissions: list[str]
    created_ms: int
    expires_ms: int | None
    last_used_ms: int | None = Field(description="To the minute.")


class NewTokenOut(TokenOut):
    """A token that was just made. Its text is shown once."""

    token: str = Field(repr=False)


class NewToken(In):
    """A token to make."""

    name: str = Field(max_length=MAX_NAME)
    sites: list[str] = Field(description="Ids of sites.", max_length=1000)
    permissions: list[str] = Field(max_length=100)
    expires_ms: int | None = Field(None, ge=0, lt=2**53, description="When it stops working; null is never.")


@router.get("")
def get_account(services: ServicesDep, caller: CallerDep) -> AccountOut:
    """Show one's own account."""
    found = services.access.account.get(caller)
    passkeys = [
        PasskeyOut(id=key.id, name=key.name, created_ms=key.created_ms, used_ms=key.used_ms or None)
        for key in found.passkeys
    ]
    return AccountOut(
        id=found.id,
        name=found.name,
        super=found.is_super,
        created_ms=found.created_ms,
        password_ms=found.password_ms,
        totp=found.totp,
        recovery_codes_left=found.recovery_codes_left,
        passkeys=passkeys,
    )


@router.put("/password", status_code=204)
async def change_password(body: PasswordChange, services: ServicesDep, caller: CallerDep) -> None:
    """Change the password; every other session ends."""
    await services.access.hashing(partial(services.access.account.change_password, caller, body.current, body.new))


@router.post("/totp", status_code=201)
def begin_totp(services: ServicesDep, caller: CallerDep) -> TotpOut:
    """Make a key for an authenticator app; it counts once a code is confirmed."""
    made = services.access.account.begin_totp(caller)
    return TotpOut(secret=made.secret, uri=made.uri)


@router.post("/totp/confirm")
def confirm_totp(body: TotpCode, services: ServicesDep, caller: CallerDep) -> RecoveryCodesOut:
    """Put the key in force, and return the recovery codes."""
    return RecoveryCodesOut(recovery_codes=services.access.account.confirm_totp(caller, body.code))


@router.delete("/totp", status_code=204)
async def end_totp(body: PasswordIn, services: ServicesDep, caller: CallerDep) -> None:
    """Stop asking for codes."""
    await services.access.hashing(partial(services.access.account.end_totp, caller, body.password))


@router.get("/sessions")
def list_own_sessions(
    query: Annotated[PageQuery, Query()], services: ServicesDep, caller: CallerDep
) -> Page[OwnSession]:
    """List one's own sessions, the last started first."""
    page = services.access.sessions.list(caller, limit=query.limit, cursor=query.cursor)
    return Page(items=[OwnSession.model_validate(info) for info in page.items], next=page.cursor)


@router.delete("/sessions/{session}", status_code=204)
def end_own_session(session: str, services: ServicesDep, caller: CallerDep) -> None:
    """End one of one's own sessions."""
    services.access.sessions.end(caller, session)


@router.get("/tokens")
def list_tokens(query: Annotated[PageQuery, Query()], services: ServicesDep, caller: CallerDep) -> Page[TokenOut]:
    """List one's own tokens, by name."""
    page = services.access.tokens.list(caller, limit=query.limit, cursor=query.cursor)
    return Page(items=[TokenOut(**_token(info)) for info in page.items], next=page.cursor)


@router.post("/tokens", status_code=201)
def create_token(body: NewToken, services: ServicesDep, caller: CallerDep) -> NewTokenOut:
    """Make a token, and show its text this once."""
    made = services.access.tokens.create(caller, body.name, body.sites, body.permissions, body.expires_ms)
    return NewTokenOut(**_token(made.info), token=made.token)


@router.delete("/tokens/{token}", status_code=204)
def revoke_token(token: str, services: ServicesDep, caller: CallerDep) -> None:
    """Revoke one of one's own tokens, at once."""
    services.access.tokens.revoke(caller, token)


def _token(info: TokenInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "name": info.name,
        "prefix": info.prefix,
        "sites": list(info.sites),
        "permissions": list(info.permissions),
        "created_ms": info.created_ms,
        "expires_ms": info.expires_ms,
        "last_used_ms": info.used_ms or None,
    }
