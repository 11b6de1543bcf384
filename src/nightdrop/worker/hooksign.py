"""Signatures of webhook requests: HMAC-SHA-256 of the body, as GitHub and many others send them.

The header holds it in hexadecimal, with or without ``sha256=`` before it, or in base64.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

_PREFIX = "sha256="


def signing_secret(params: Mapping[str, Any]) -> str | None:
    """Return the name of the secret that signs a run's request, ``None`` when it needs no signature."""
    request = params.get("Request")
    wanted = request.get("Signature") if isinstance(request, dict) else None
    return str(wanted["Secret"]) if isinstance(wanted, dict) and wanted.get("Secret") else None


def is_signed(params: Mapping[str, Any], key: str) -> bool:
    """Tell whether the request in a run's parameters is signed with ``key``."""
    request = params["Request"]
    given = request["Headers"].get(str(request["Signature"]["Header"]).lower(), "")
    expected = hmac.digest(key.encode(), _body(request), hashlib.sha256)
    return bool(key) and hmac.compare_digest(_decoded(given), expected)


def _body(request: Mapping[str, Any]) -> bytes:
    if request["Body"] is None:
        return base64.b64decode(request["BodyBase64"])
    return str(request["Body"]).encode()


def _decoded(given: str) -> bytes:
    """Return the bytes of a signature, ``b""`` when it has neither form."""
    text = given.strip().removeprefix(_PREFIX)
    try:
        return bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""
