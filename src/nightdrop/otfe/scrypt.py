"""Passphrases (c2sp.org/age, "The scrypt recipient type")."""

import os
import re

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from nightdrop.core.redacted import RedactedBytes
from nightdrop.otfe.errors import HeaderError, ScryptMemoryError, WorkFactorError
from nightdrop.otfe.header import Stanza, from_base64, stanza_size, to_base64
from nightdrop.otfe.recipients import WRAPPED_BYTES, unwrap_key, wrap_key

KIND = "scrypt"
SALT_BYTES = 16
# The base-two logarithm of the rounds; memory is 2 ** factor KiB. 18 is what age writes: 256 MiB, about a second.
WORK_FACTOR = 18
# A file says what reading it costs: this much at most, 1 GiB.
MAX_WORK_FACTOR = 20
_LABEL = b"age-encryption.org/v1/scrypt"
_FACTOR = re.compile(r"[1-9][0-9]*", re.ASCII)


class Passphrase:
    """A passphrase: recipient and identity in one. A file that it encrypts has no other recipient."""

    __slots__ = ("_factor", "_most", "_text")

    post_quantum = True

    def __init__(
        self, text: RedactedBytes, *, work_factor: int = WORK_FACTOR, max_work_factor: int = MAX_WORK_FACTOR
    ) -> None:
        """Take a passphrase in UTF-8.

        Args:
            text: the passphrase; it is kept, not copied.
            work_factor: for encrypting, the base-two logarithm of the rounds.
            max_work_factor: the most that a file may ask for when it is decrypted.
        """
        self._text = text
        self._factor = work_factor
        self._most = max_work_factor

    @property
    def stanza_bytes(self) -> int:
        return stanza_size(KIND, 1 + 22 + 1 + len(str(self._factor)), WRAPPED_BYTES)

    def wrap(self, file_key: bytes | bytearray) -> Stanza:
        """Return the stanza.

        Raises:
            ScryptMemoryError: there is not enough memory.
        """
        salt = os.urandom(SALT_BYTES)
        body = wrap_key(self._derive(salt, self._factor), file_key)
        return Stanza(KIND, (to_base64(salt), str(self._factor)), body)

    def unwrap(self, stanzas: list[Stanza]) -> bytes | None:
        found = [stanza for stanza in stanzas if stanza.kind == KIND]
        if not found:
            return None
        salt, factor = read_scrypt(found[0])
        if factor > self._most:
            raise WorkFactorError
        return unwrap_key(self._derive(salt, factor), found[0].body)

    def _derive(self, salt: bytes, factor: int) -> bytes:
        try:
            return Scrypt(_LABEL + salt, 32, 2**factor, 8, 1).derive(self._text.reveal())
        except MemoryError:
            raise ScryptMemoryError from None


def read_scrypt(stanza: Stanza) -> tuple[bytes, int]:
    """Return the salt and the work factor of a stanza.

    Raises:
        HeaderError: the stanza is not well formed.
    """
    if len(stanza.arguments) != 2 or len(stanza.body) != WRAPPED_BYTES:
        raise HeaderError
    salt, factor = from_base64(stanza.arguments[0]), stanza.arguments[1]
    # Two digits are far more than anybody can compute; a long number would take long to read.
    if len(salt) != SALT_BYTES or not _FACTOR.fullmatch(factor):
        raise HeaderError
    return salt, int(factor) if len(factor) <= 2 else 100


def check_alone(stanzas: list[Stanza]) -> None:
    """Refuse a passphrase beside other recipients: whoever knows it expects that nobody else wrote or reads the file.

    Raises:
        HeaderError: there are others.
    """
    if len(stanzas) > 1 and any(stanza.kind == KIND for stanza in stanzas):
        raise HeaderError
