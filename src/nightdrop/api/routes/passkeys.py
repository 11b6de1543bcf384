"""Passkeys (WebAuthn). Without the extra on the server, each route says so."""

from functools import partial
from ipaddress import ip_address
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from pydantic import Field

from nightdrop.access.passkey_port import RelyingParty
from nightdrop.access.passkeys import MAX_NAME
from nightdrop.api.authenticate import session_cookie
from nightdrop.api.routes.account import PasswordIn
from nightdrop.api.routes.session import SessionOut, origin, signed_in
from nightdrop.api.schema import In, Out
from nightdrop.api.services import CallerDep, ServicesDep
from nightdrop.core.errors import InvalidError

router = APIRouter(tags=["passkeys"])

_ANSWER = "What the browser's `PublicKeyCredential.toJSON()` gives."


class PasskeyHostError(InvalidError):
    """Passkeys need a host name: browsers make none for an address such as 127.0.0.1."""

    code = "passkey_host"
    hint = "Open nightdrop by its name; on this host as http://localhost."


class OptionsOut(Out):
    """What `navigator.credentials.create()` or `.get()` takes as `publicKey`, in its JSON form."""

    options: dict[str, Any]


class NewPasskey(In):
    """A passkey that an authenticator made."""

    name: str = Field(max_length=4 * MAX_NAME, description="What to call it.")
    credential: dict[str, Any] = Field(description=_ANSWER, repr=False)


class PasskeyMade(Out):
    """The passkey that was added."""

    id: str


class PasskeySignIn(In):
    """The answer of an authenticator."""

    credential: dict[str, Any] = Field(description=_ANSWER, repr=False)


@router.post("/account/passkeys/options")
async def begin_passkey(body: PasswordIn, request: Request, services: ServicesDep, caller: CallerDep) -> OptionsOut:
    """Begin to add a passkey; takes the password, as a passkey is enough to sign in."""
    begin = partial(services.access.passkeys.begin_adding, caller, body.password, _relying_party(request))
    return OptionsOut(options=await services.access.hashing(begin))


@router.post("/account/passkeys", status_code=201)
def add_passkey(body: NewPasskey, request: Request, services: ServicesDep, caller: CallerDep) -> PasskeyMade:
    """Add a passkey."""
    added = services.access.passkeys.add(caller, body.name, body.credential, _relying_party(request))
    return PasskeyMade(id=added)


@router.delete("/account/passkeys/{passkey}", status_code=204)
def remove_passkey(passkey: str, services: ServicesDep, caller: CallerDep) -> None:
    """Remove one of one's own passkeys."""
    services.access.passkeys.remove(caller, passkey)


@router.post("/session/passkey/options")
def begin_passkey_sign_in(request: Request, services: ServicesDep) -> OptionsOut:
    """Begin to sign in with a passkey."""
    return OptionsOut(options=services.access.passkeys.begin_sign_in(_relying_party(request), origin(request)))


@router.post("/session/passkey", status_code=201)
async def sign_in_with_passkey(
    body: PasskeySignIn, request: Request, response: Response, services: ServicesDep
) -> SessionOut:
    """Sign in with a passkey."""
    old = session_cookie(request.scope)
    work = partial(services.access.passkeys.sign_in, body.credential, _relying_party(request), origin(request), old)
    return await signed_in(services, request, response, await run_sync(work))


def _relying_party(request: Request) -> RelyingParty:
    """Return what the authenticator's answer must be for: the host that the browser shows."""
    host = request.headers.get("host", "")
    name = request.url.hostname or ""
    try:
        ip_address(name)
    except ValueError:
        # The edge has compared the two: what a browser sends from a page of ours. A proxy may have ended TLS.
        page = request.headers.get("origin", "")
        same = page.partition("://")[2] == host
        return RelyingParty(name, page if same and page else f"{request.url.scheme}://{host}")
    raise PasskeyHostError
