"""Signatures of Amazon S3: AWS Signature Version 4 in the Authorization header.

Source: AWS, "Amazon S3 API Reference", "Authenticating Requests: Using the Authorization Header (AWS Signature
Version 4)".
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class S3Key:
    """An access key, and where it is used."""

    ident: str
    region: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def encoded(text: str, safe: str = "") -> str:
    """Percent-encode as the signature wants it: everything but letters, digits and ``-._~``."""
    return quote(text.encode("utf-8", "surrogateescape"), safe=safe + "-._~")


def query(pairs: Mapping[str, str]) -> str:
    """Return an encoded query, in the order in which it is signed."""
    return "&".join(f"{name}={value}" for name, value in sorted((encoded(k), encoded(v)) for k, v in pairs.items()))


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def sign(
    key: S3Key, method: str, path: str, query: str, headers: Mapping[str, str], payload: str, now: datetime
) -> dict[str, str]:
    """Return ``headers`` and those that authenticate the request.

    Args:
        key: who asks.
        method: the HTTP method.
        path: encoded once.
        query: encoded and sorted, as ``query()`` returns it.
        headers: with ``Host``; all of them are signed.
        payload: SHA-256 of the body in hex, or ``UNSIGNED``.
        now: the time of the request.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    if key.token:
        sent["x-amz-security-token"] = key.token
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in sent.items())
    names = ";".join(name for name, _ in lines)
    canonical = "\n".join([method, path, query, *(f"{name}:{value}" for name, value in lines), "", names, payload])
    scope = f"{stamp[:8]}/{key.region}/s3/aws4_request"
    to_sign = "\n".join([_ALGORITHM, stamp, scope, digest(canonical.encode())])
    secret = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        secret = _hmac(secret, part)
    signature = _hmac(secret, to_sign).hex()
    sent["Authorization"] = f"{_ALGORITHM} Credential={key.ident}/{scope},SignedHeaders={names},Signature={signature}"
    return sent


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
