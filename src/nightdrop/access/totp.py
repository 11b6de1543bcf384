"""Time-based one-time passwords (RFC 6238), and the codes for who has lost the device."""

import base64
import hashlib
import os
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP

_DIGITS = 6
_STEP_S = 30
# One step to each side: clocks differ, and typing takes a while (RFC 6238 section 5.2).
_DRIFT_STEPS = 1
_KEY = 20
_CODES = 10
_CODE = 10


def new_totp_key() -> bytes:
    """Return a fresh key, as long as SHA-1's output (RFC 4226 section 4)."""
    return os.urandom(_KEY)


def shown_key(key: bytes) -> str:
    """Return a key as people type it: base32."""
    return base64.b32encode(key).decode().rstrip("=")


def totp_uri(key: bytes, account: str) -> str:
    """Return what the QR code holds (the Key URI format that authenticator apps share)."""
    return f"otpauth://totp/nightdrop:{quote(account, safe='')}?secret={shown_key(key)}&issuer=nightdrop"


def matching_step(key: bytes, typed: str, now_ms: int) -> int | None:
    """Return the time step whose code was typed, ``None`` when it is none of those around now.

    White space in the code does not matter. The caller must refuse a step that is not later than the last one used.
    """
    code = "".join(typed.split())
    if len(code) != _DIGITS or not code.isascii() or not code.isdigit():
        return None
    totp = TOTP(key, _DIGITS, SHA1(), _STEP_S)  # noqa: S303 - what every authenticator app speaks
    now = now_ms // 1000 // _STEP_S
    for step in range(max(now - _DRIFT_STEPS, 0), now + _DRIFT_STEPS + 1):
        try:
            totp.verify(code.encode(), step * _STEP_S)
        except InvalidToken:
            continue
        return step
    return None


def new_recovery_codes() -> list[str]:
    """Return ten codes of 80 bits, in groups of four."""
    return [_grouped(base64.b32encode(os.urandom(_CODE)).decode().lower()) for _ in range(_CODES)]


def recovery_hash(typed: str) -> bytes:
    """Return what is stored of a code; case, spaces and hyphens in it do not matter."""
    code = "".join(typed.split()).replace("-", "").lower()
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()


def _grouped(code: str) -> str:
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))
