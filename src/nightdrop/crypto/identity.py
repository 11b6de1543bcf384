"""The keeper's identity: an Ed25519 key (RFC 8032) that vouches for site keys, and fingerprints to compare."""

import base64
import hashlib
from typing import NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from nightdrop.core.errors import DeniedError
from nightdrop.crypto.info import BindingInvalidError, join_fields, pack_epoch
from nightdrop.crypto.xwing import SEED_BYTES, KeyInvalidError

# The label is what keeps a signature made here from meaning anything elsewhere.
SITE_KEY_LABEL = b"nightdrop/site-key/v1"
SIGNATURE_BYTES = 64
IDENTITY_PUBLIC_BYTES = 32


class SiteKeyForgedError(DeniedError):
    """The site's public key is not signed by the keeper that is known here."""

    code = "site_key_forged"
    hint = "Do not send the value. Compare the keeper's fingerprint with the one printed when it was installed."


class Identity:
    """The identity's private key, for many signatures."""

    __slots__ = ("_key", "public")

    def __init__(self, private: bytes | bytearray) -> None:
        """Take a 32-byte seed, which the caller wipes.

        Raises:
            KeyInvalidError: it has another length.
        """
        self._key = _load(private)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature; ``message`` must begin with a label that no other use has."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return "<Identity>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key cannot be pickled")


def identity_public(private: bytes | bytearray) -> bytes:
    """Return the 32-byte public key of a 32-byte identity seed.

    Raises:
        KeyInvalidError: the seed has another length.
    """
    return _load(private).public_key().public_bytes_raw()


def sign_site_key(private: bytes | bytearray, site_id: str, epoch: int, suite: str, public_key: bytes) -> bytes:
    """Return the 64-byte signature of the identity seed ``private`` over a site's public key.

    Raises:
        KeyInvalidError: the seed has another length.
        BindingInvalidError: the epoch is out of range.
    """
    return _load(private).sign(_message(site_id, epoch, suite, public_key))


def verify_site_key(
    identity_public: bytes, signature: bytes, site_id: str, epoch: int, suite: str, public_key: bytes
) -> None:
    """Check a site key's signature.

    Raises:
        SiteKeyForgedError: it is not by this identity over exactly this key, site, epoch and suite.
    """
    try:
        message = _message(site_id, epoch, suite, public_key)
        Ed25519PublicKey.from_public_bytes(identity_public).verify(signature, message)
    except (InvalidSignature, BindingInvalidError, ValueError):
        raise SiteKeyForgedError from None


def fingerprint(public_bytes: bytes) -> str:
    """Return ``SHA256:`` and the digest of a public key in base64 without padding, as OpenSSH prints it."""
    digest = hashlib.sha256(public_bytes).digest()
    return "SHA256:" + base64.b64encode(digest).rstrip(b"=").decode("ascii")


def _load(private: bytes | bytearray) -> Ed25519PrivateKey:
    if len(private) != SEED_BYTES:
        raise KeyInvalidError
    return Ed25519PrivateKey.from_private_bytes(private)


def _message(site_id: str, epoch: int, suite: str, public_key: bytes) -> bytes:
    return join_fields(SITE_KEY_LABEL, suite.encode(), site_id.encode(), pack_epoch(epoch), public_key)
