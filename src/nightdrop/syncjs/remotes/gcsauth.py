"""Tokens for Google Cloud: a service account signs a claim, and gets a token for an hour.

Source: RFC 7523 (JWT as an authorization grant), RFC 7515 (JWS); Google, "Using OAuth 2.0 for Server to Server
Applications".
"""

import asyncio
import base64
import json
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from nightdrop.syncjs.remotes.port import Dial, Limits, RemoteError
from nightdrop.syncjs.remotes.web import Answer, Origin, Outgoing, Web, parse_origin

SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME_S = 3600
# A token is used no longer than this before its end.
_MARGIN_S = 120
_SENTENCES = {
    "invalid_grant": "the service account or its key is not accepted, or this machine's clock is wrong",
    "invalid_client": "the service account is not known",
    "invalid_scope": "the service account may not use this service",
    "unauthorized_client": "the service account may not use this service",
}


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """What a service account's JSON file says."""

    email: str
    key_id: str
    token_uri: str
    origin: Origin
    key: RSAPrivateKey = field(repr=False)


def read_account(text: str) -> ServiceAccount:
    """Return the account in the content of a credentials file.

    Raises:
        RemoteError: it is not one.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise RemoteError("connect", "the credentials are not JSON") from None
    if not isinstance(found, dict) or found.get("type") != "service_account":
        raise RemoteError("connect", "the credentials are not those of a service account")
    email, pem, uri = (found.get(name, "") for name in ("client_email", "private_key", "token_uri"))
    if not all(isinstance(value, str) for value in (email, pem, uri)) or not email or not pem:
        raise RemoteError("connect", "client_email or private_key is missing in the credentials")
    origin = parse_origin(uri or _TOKEN_URI, "token_uri in the credentials")
    if not origin.secure:
        raise RemoteError("connect", "token_uri in the credentials is not an https address")
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        raise RemoteError("connect", "private_key in the credentials is not a private key") from None
    if not isinstance(key, RSAPrivateKey):
        raise RemoteError("connect", "private_key in the credentials is not an RSA key")
    return ServiceAccount(email, str(found.get("private_key_id", "")), uri or _TOKEN_URI, origin, key)


def claim(account: ServiceAccount, now: int) -> str:
    """Return the signed claim for a token, ``now`` in seconds since 1970."""
    header = {"alg": "RS256", "typ": "JWT", "kid": account.key_id}
    claims = {
        "iss": account.email,
        "scope": SCOPE,
        "aud": account.token_uri,
        "iat": now,
        "exp": now + _LIFETIME_S,
    }
    signed = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    signature = account.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_base64(signature)}"


class Tokens:
    """Gives the token of a service account, a new one when its time is nearly over."""

    def __init__(
        self, account: ServiceAccount, dial: Dial, limits: Limits, context: Callable[[], ssl.SSLContext]
    ) -> None:
        self._account = account
        self._web = Web(account.origin, dial, limits, context)
        self._lock = asyncio.Lock()
        self._token = ""
        self._ends = 0.0

    async def close(self) -> None:
        await self._web.close()

    async def get(self) -> str:
        async with self._lock:
            if time.monotonic() > self._ends:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        asked = time.monotonic()
        body = urlencode({"grant_type": _GRANT, "assertion": claim(self._account, int(time.time()))}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        path = self._account.origin.path or "/"
        answer = await self._web.send("sign in", lambda: Outgoing("POST", path, headers, body))
        found = _object(answer)
        if not answer.ok:
            raise RemoteError("sign in", _SENTENCES.get(str(found.get("error")), _status(answer)))
        token, seconds = found.get("access_token"), found.get("expires_in", _LIFETIME_S)
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token) or not isinstance(seconds, int | float):
            raise RemoteError("sign in", "the server's answer holds no token")
        self._token, self._ends = token, asked + min(seconds, _LIFETIME_S) - _MARGIN_S


def _object(answer: Answer) -> dict[str, object]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _status(answer: Answer) -> str:
    return f"the server answered {answer.status}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
