"""Post-quantum recipients ``age1pq1...`` and identities ``AGE-SECRET-KEY-PQ-1...``.

c2sp.org/age, "The MLKEM768-X25519 (i.e. X-Wing) hybrid post-quantum recipient type". Opt-in: age before 1.3 does not
read files that are encrypted to them.
"""

import os
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke

from nightdrop.crypto import xwing
from nightdrop.crypto.suite import require_support
from nightdrop.otfe import bech32
from nightdrop.otfe.errors import HeaderError, KeyFormError
from nightdrop.otfe.header import Stanza, from_base64, stanza_size, to_base64
from nightdrop.otfe.recipients import WRAPPED_BYTES

RECIPIENT_PREFIX = "age1pq"
IDENTITY_PREFIX = "age-secret-key-pq-"
ENC_BYTES = 1120
_KIND = "mlkem768x25519"
_INFO = b"age-encryption.org/mlkem768x25519"


@cache
def _suite() -> hpke.Suite:
    return hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


class HybridRecipient:
    """A public key that files are encrypted to."""

    __slots__ = ("_key", "_public")

    post_quantum = True
    stanza_bytes = stanza_size(_KIND, 1 + (ENC_BYTES * 4 + 2) // 3, WRAPPED_BYTES)

    def __init__(self, public: bytes) -> None:
        """Take the 1216 bytes of a public key.

        Raises:
            KeyFormError: they are not a public key.
            CryptoUnsupportedError: the library lacks ML-KEM.
        """
        require_support()
        self._public = public
        try:
            self._key = xwing.load_public(public)
            _suite().encrypt(b"", self._key, _INFO)
        except (xwing.KeyInvalidError, ValueError):
            raise KeyFormError from None

    def __str__(self) -> str:
        return bech32.encode(RECIPIENT_PREFIX, self._public)

    def wrap(self, file_key: bytes | bytearray) -> Stanza:
        sealed = _suite().encrypt(file_key, self._key, _INFO)
        return Stanza(_KIND, (to_base64(sealed[:ENC_BYTES]),), sealed[ENC_BYTES:])


class HybridIdentity:
    """A private key that opens what is encrypted to its recipient."""

    __slots__ = ("_key", "_public")

    def __init__(self, seed: bytes) -> None:
        """Take the 32 bytes of a seed.

        Raises:
            KeyFormError: they are not 32.
            CryptoUnsupportedError: the library lacks ML-KEM.
        """
        require_support()
        try:
            self._key, self._public = xwing.expand(seed), xwing.public_bytes(seed)
        except xwing.KeyInvalidError:
            raise KeyFormError from None

    @property
    def recipient(self) -> HybridRecipient:
        return HybridRecipient(self._public)

    def unwrap(self, stanzas: list[Stanza]) -> bytes | None:
        found = None
        for stanza in stanzas:
            if stanza.kind == _KIND:
                opened = self._unwrap_one(stanza)
                found = found or opened
        return found

    def _unwrap_one(self, stanza: Stanza) -> bytes | None:
        if len(stanza.arguments) != 1 or len(stanza.body) != WRAPPED_BYTES:
            raise HeaderError
        enc = from_base64(stanza.arguments[0])
        if len(enc) != ENC_BYTES:
            raise HeaderError
        try:
            return _suite().decrypt(enc + stanza.body, self._key, _INFO)
        except InvalidTag:
            return None
        except ValueError:
            # A share that gives everybody the same secret.
            raise HeaderError from None


def generate() -> str:
    """Return a new identity as text. It is shown to whoever asked for it, and kept nowhere."""
    return bech32.encode(IDENTITY_PREFIX, os.urandom(xwing.SEED_BYTES)).upper()
