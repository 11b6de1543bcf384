"""Fingerprints of SSH host keys, in the forms that ssh-keygen and older tools print."""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

from nightdrop.syncjs.remotes.port import RemoteError

_MD5 = re.compile(r"(?:MD5:)?((?:[0-9a-f]{2}:){15}[0-9a-f]{2}|[0-9a-f]{32})", re.IGNORECASE)
_HEX = re.compile(r"(?:[0-9a-f]{2}:)*[0-9a-f]{2}", re.IGNORECASE)
_BYTES = {"md5": 16, "sha1": 20, "sha256": 32}


@dataclass(frozen=True, slots=True)
class HostKeys:
    """The fingerprints that a host key may have; all that are given must fit."""

    digests: tuple[tuple[str, bytes], ...]

    def matches(self, blob: bytes) -> bool:
        """Tell whether a public key in SSH wire form (RFC 4253, 6.6) is the expected one."""
        same = [hmac.compare_digest(hashlib.new(name, blob).digest(), digest) for name, digest in self.digests]
        return bool(same) and all(same)


def parse(md5: str, sha1: str, sha256: str) -> HostKeys:
    """Read the three fields ``HostKeyMD5``, ``HostKeySHA1`` and ``HostKeySHA256``.

    Raises:
        RemoteError: all are empty, or one is no fingerprint.
    """
    given = {"md5": md5.strip(), "sha1": sha1.strip(), "sha256": sha256.strip()}
    digests = tuple((name, _digest(name, text)) for name, text in given.items() if text)
    if not digests:
        raise RemoteError("connect", "no host key is set: set HostKeySHA256 to the server's fingerprint")
    return HostKeys(digests)


def _digest(name: str, text: str) -> bytes:
    raw = _md5(text) if name == "md5" else _labelled(name, text)
    if len(raw) != _BYTES[name]:
        raise RemoteError("connect", f"HostKey{name.upper()} is not a {name.upper()} fingerprint")
    return raw


def _md5(text: str) -> bytes:
    match = _MD5.fullmatch(text)
    return bytes.fromhex(match[1].replace(":", "")) if match else b""


def _labelled(name: str, text: str) -> bytes:
    label, colon, rest = text.partition(":")
    body = rest if colon and label.lower() == name else text
    if _HEX.fullmatch(body) and len(body.replace(":", "")) == 2 * _BYTES[name]:
        return bytes.fromhex(body.replace(":", ""))
    try:
        return base64.b64decode(body.rstrip("=") + "=" * (-len(body.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
