"""What the kinds of recipients and identities have in common, and the wrapping that two of them share."""

from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nightdrop.otfe.header import FILE_KEY_BYTES, Stanza

WRAPPED_BYTES = FILE_KEY_BYTES + 16
# Each key wraps one file key.
_NONCE = bytes(12)


class Recipient(Protocol):
    """Somebody to encrypt to."""

    @property
    def post_quantum(self) -> bool:
        """Whether a quantum computer does not open what is encrypted to it."""

    @property
    def stanza_bytes(self) -> int:
        """The size of its stanza."""

    def wrap(self, file_key: bytes | bytearray) -> Stanza:
        """Return the stanza that gives it the file key."""


class Identity(Protocol):
    """What opens a file."""

    def unwrap(self, stanzas: list[Stanza]) -> bytes | None:
        """Return the file key, or None when no stanza is for this identity.

        Raises:
            HeaderError: a stanza of its kind is not well formed.
            WorkFactorError, ScryptMemoryError: a passphrase costs more than is allowed, or than there is.
        """


def wrap_key(key: bytes, file_key: bytes | bytearray) -> bytes:
    """Return the file key under a key that is used once."""
    return ChaCha20Poly1305(key).encrypt(_NONCE, file_key, None)


def unwrap_key(key: bytes, body: bytes) -> bytes | None:
    """Return the file key, or None when it is under another key."""
    try:
        return ChaCha20Poly1305(key).decrypt(_NONCE, body, None)
    except InvalidTag:
        return None
