"""Who calls: one way in for every credential that comes over TCP."""

from anyio.to_thread import run_sync
from starlette.types import Scope

from nightdrop.access.credentials import Credentials
from nightdrop.api.edge import Authenticate
from nightdrop.api.problems import BothCredentialsError, CsrfError
from nightdrop.core.caller import ANONYMOUS, Caller

COOKIE = "nd_session"
# A browser takes a cookie of this name only over TLS, for this host alone and for every path (RFC 6265bis 4.1.3.2).
HOST_COOKIE = f"__Host-{COOKIE}"
_HOOKS = "/hooks/"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def always(caller: Caller) -> Authenticate:
    """Return what takes every request of a listener for one of ``caller``."""

    async def authenticate(_scope: Scope) -> Caller:
        return caller

    return authenticate


class Authenticator:
    """Takes a session's cookie or a bearer token; a credential that is not valid counts as none."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def __call__(self, scope: Scope) -> Caller:
        """Return who calls, ``ANONYMOUS`` without a valid credential.

        Raises:
            BothCredentialsError, CsrfError.
        """
        if scope["path"].startswith(_HOOKS):
            # The address itself says who may use it. A credential adds nothing, so another site's page can misuse none.
            return ANONYMOUS
        cookie, authorization = session_cookie(scope), _values(scope, b"authorization")
        if len(authorization) + (cookie is not None) > 1:
            raise BothCredentialsError
        _check_origin(scope, with_cookie=cookie is not None)
        if cookie is not None:
            return await run_sync(self._credentials.of_session, cookie) or ANONYMOUS
        if authorization:
            scheme, _, token = authorization[0].partition(" ")
            if scheme.lower() == "bearer":
                return await run_sync(self._credentials.of_token, token.strip()) or ANONYMOUS
        return ANONYMOUS


def cookie_name(scope: Scope) -> str:
    """Return how the session's cookie is called on this connection."""
    return HOST_COOKIE if scope["scheme"] == "https" else COOKIE


def session_cookie(scope: Scope) -> str | None:
    """Return the session's cookie, ``""`` when there are several: another site of the domain may have set one."""
    name = cookie_name(scope)
    found = [
        value.strip()
        for header in _values(scope, b"cookie")
        for key, equals, value in (part.partition("=") for part in header.split(";"))
        if equals and key.strip() == name
    ]
    return None if not found else found[0] if len(found) == 1 else ""


def _check_origin(scope: Scope, *, with_cookie: bool) -> None:
    """Refuse what another site's page sends: always with a cookie, and signing in even without one."""
    if scope["method"] in _SAFE:
        return
    fetch_site, origin = _values(scope, b"sec-fetch-site"), _values(scope, b"origin")
    if fetch_site:
        same = fetch_site == ["same-origin"]
    elif origin:
        same = _values(scope, b"host") == [origin[0].partition("://")[2]] and len(origin) == 1
    else:
        # No browser leaves both away; without a cookie it is a program.
        same = not with_cookie
    if not same:
        raise CsrfError


def _values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
