"""X25519 recipients ``age1...`` and identities ``AGE-SECRET-KEY-1...`` (c2sp.org/age, "The X25519 recipient type")."""

import os

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from nightdrop.otfe import bech32
from nightdrop.otfe.errors import HeaderError, KeyFormError
from nightdrop.otfe.header import Stanza, derive, from_base64, stanza_size, to_base64
from nightdrop.otfe.recipients import WRAPPED_BYTES, unwrap_key, wrap_key

RECIPIENT_PREFIX = "age"
IDENTITY_PREFIX = "age-secret-key-"
KEY_BYTES = 32
_KIND = "X25519"
_INFO = b"age-encryption.org/v1/X25519"


class X25519Recipient:
    """A public key that files are encrypted to."""

    __slots__ = ("_key", "_public")

    post_quantum = False
    stanza_bytes = stanza_size(_KIND, 1 + 43, WRAPPED_BYTES)

    def __init__(self, public: bytes) -> None:
        """Take the 32 bytes of a public key.

        Raises:
            KeyFormError: not a key, or one that gives everybody the same secret (RFC 7748, section 6.1).
        """
        if len(public) != KEY_BYTES:
            raise KeyFormError
        self._public = public
        self._key = X25519PublicKey.from_public_bytes(public)
        try:
            X25519PrivateKey.generate().exchange(self._key)
        except ValueError:
            raise KeyFormError from None

    def __str__(self) -> str:
        return bech32.encode(RECIPIENT_PREFIX, self._public)

    def wrap(self, file_key: bytes | bytearray) -> Stanza:
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        key = derive(ephemeral.exchange(self._key), share + self._public, _INFO)
        return Stanza(_KIND, (to_base64(share),), wrap_key(key, file_key))


class X25519Identity:
    """A private key that opens what is encrypted to its recipient."""

    __slots__ = ("_key", "_public")

    def __init__(self, seed: bytes) -> None:
        """Take the 32 bytes of a private key.

        Raises:
            KeyFormError: they are not 32.
        """
        if len(seed) != KEY_BYTES:
            raise KeyFormError
        self._key = X25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key().public_bytes_raw()

    @property
    def recipient(self) -> X25519Recipient:
        return X25519Recipient(self._public)

    def unwrap(self, stanzas: list[Stanza]) -> bytes | None:
        found = None
        for stanza in stanzas:
            if stanza.kind == _KIND:
                opened = self._unwrap_one(stanza)
                found = found or opened
        return found

    def _unwrap_one(self, stanza: Stanza) -> bytes | None:
        share = self._share(stanza)
        try:
            secret = self._key.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError:
            # All zeros: a share that anybody could have made without the recipient's key.
            raise HeaderError from None
        return unwrap_key(derive(secret, share + self._public, _INFO), stanza.body)

    @staticmethod
    def _share(stanza: Stanza) -> bytes:
        if len(stanza.arguments) != 1 or len(stanza.body) != WRAPPED_BYTES:
            raise HeaderError
        share = from_base64(stanza.arguments[0])
        if len(share) != KEY_BYTES:
            raise HeaderError
        return share


def generate() -> str:
    """Return a new identity as text. It is shown to whoever asked for it, and kept nowhere."""
    return bech32.encode(IDENTITY_PREFIX, os.urandom(KEY_BYTES)).upper()
