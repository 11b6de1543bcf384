"""Who asks Azure Blob Storage: an account's key or a shared access signature.

Source: Microsoft, "Authorize with Shared Key", "Blob, Queue, and File Services (Shared Key)".
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from nightdrop.syncjs.remotes.port import RemoteError

VERSION = "2021-12-02"
_STANDARD = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


@dataclass(frozen=True, slots=True)
class AzureKey:
    """An account and its key, or else a signature that stands in the query of every request."""

    account: str
    key: bytes = field(default=b"", repr=False)
    sas: str = field(default="", repr=False)


def read_key(account: str, key: str, sas: str) -> AzureKey:
    """Return what the fields of a client hold.

    Raises:
        RemoteError: a field is missing or wrong.
    """
    if not re.fullmatch(r"[a-z0-9-]{3,63}", account):
        raise RemoteError(
            "connect", "AccountName is not the name of an account" if account else "AccountName is not set"
        )
    sas = sas.strip().removeprefix("?")
    if sas:
        if not re.fullmatch(r"[A-Za-z0-9%._~:/?@!$&'()*+,;=-]+", sas):
            raise RemoteError("connect", "SASToken is not a shared access signature")
        return AzureKey(account, sas=sas)
    if not key:
        raise RemoteError("connect", "neither AccountKey nor SASToken is set")
    try:
        return AzureKey(account, base64.b64decode(key.strip(), validate=True))
    except (binascii.Error, ValueError):
        raise RemoteError("connect", "AccountKey is not base64") from None


def encoded(text: str, safe: str = "") -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe=safe + "-._~")


def sign(
    who: AzureKey, method: str, path: str, pairs: Mapping[str, str], headers: Mapping[str, str], now: datetime
) -> tuple[str, dict[str, str]]:
    """Return the target of a request, and ``headers`` with those that authenticate it.

    Args:
        who: who asks.
        method: the HTTP method.
        path: encoded.
        pairs: the query, not encoded.
        headers: all but those of the connection; with ``Content-Length`` when there is a body.
        now: the time of the request.
    """
    query = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in pairs.items())
    sent = {**headers, "x-ms-date": format_datetime(now.astimezone(UTC), usegmt=True), "x-ms-version": VERSION}
    if who.sas:
        return f"{path}?{query}&{who.sas}" if query else f"{path}?{who.sas}", sent
    by_name = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    standard = [by_name.get(name, "") for name in _STANDARD]
    own = [f"{name}:{value}" for name, value in sorted(by_name.items()) if name.startswith("x-ms-")]
    asked = [f"{name.lower()}:{value}" for name, value in sorted(pairs.items())]
    to_sign = "\n".join([method, *standard, *own, f"/{who.account}{path}", *asked])
    signature = hmac.new(who.key, to_sign.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
    sent["Authorization"] = f"SharedKey {who.account}:{base64.b64encode(signature).decode()}"
    return f"{path}?{query}" if query else path, sent
