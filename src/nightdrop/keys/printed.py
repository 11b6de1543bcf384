"""A 32-byte seed as text that a person can type: label, version, then 14 groups of 4 characters.

The groups are Crockford base32 of the seed and a 24-bit checksum over label and seed. Reading is tolerant of
case, spaces, dashes and line breaks, and takes O for 0, I and L for 1.
"""

import hashlib

from nightdrop.core.redacted import RedactedBytes
from nightdrop.crypto.info import join_fields
from nightdrop.crypto.memory import wipe
from nightdrop.crypto.seeds import SEED_BYTES, KeyInvalidError

_CONTEXT = b"nightdrop/printed-seed/v1"
_ALPHABET = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DIGITS = {letter: number for number, letter in enumerate(_ALPHABET)}
_CHECKSUM_BYTES = 3
_CHARACTERS = (SEED_BYTES + _CHECKSUM_BYTES) * 8 // 5
_GROUP = 4
_LOOKALIKES = bytes.maketrans(b"OIL", b"011")
_SEPARATORS = b" -\t\r\n"
_MAX_INPUT = 1024


class PrintedSeedError(ValueError):
    """Text is not a printed seed; ``problem`` is ``label``, ``length``, ``character`` or ``checksum``."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def format_seed(label: str, seed: bytes | bytearray) -> RedactedBytes:
    """Return the text for ``seed``: ``label`` such as ``NIGHTDROP-RECOVERY-1``, then the groups.

    Raises:
        KeyInvalidError: the seed is not 32 bytes.
    """
    if len(seed) != SEED_BYTES:
        raise KeyInvalidError
    number = int.from_bytes(bytes(seed) + _checksum(label, seed))
    text = bytearray(label.encode("ascii"))
    for index in range(_CHARACTERS):
        if index % _GROUP == 0:
            text += b"-"
        text.append(_ALPHABET[(number >> (5 * (_CHARACTERS - 1 - index))) & 31])
    try:
        return RedactedBytes(text)
    finally:
        wipe(text)


def parse_seed(label: str, text: bytes | bytearray) -> RedactedBytes:
    """Return the seed from its text.

    Raises:
        PrintedSeedError: the text is not what ``format_seed`` gave for this label.
    """
    prefix = _normal(label.encode("ascii"))
    given = _normal(text[:_MAX_INPUT])
    try:
        if not given.startswith(prefix):
            raise PrintedSeedError("label")
        if len(given) != len(prefix) + _CHARACTERS:
            raise PrintedSeedError("length")
        return _checked(label, _number(given[len(prefix) :]))
    finally:
        wipe(given)


def _normal(text: bytes | bytearray) -> bytearray:
    return bytearray(text).upper().translate(_LOOKALIKES, _SEPARATORS)


def _number(characters: bytearray) -> bytearray:
    number = 0
    for character in characters:
        if character not in _DIGITS:
            raise PrintedSeedError("character")
        number = number << 5 | _DIGITS[character]
    return bytearray(number.to_bytes(SEED_BYTES + _CHECKSUM_BYTES))


def _checked(label: str, data: bytearray) -> RedactedBytes:
    try:
        if _checksum(label, data[:SEED_BYTES]) != data[SEED_BYTES:]:
            raise PrintedSeedError("checksum")
        return RedactedBytes(data[:SEED_BYTES])
    finally:
        wipe(data)


def _checksum(label: str, seed: bytes | bytearray) -> bytes:
    return hashlib.sha256(join_fields(_CONTEXT, label.encode("ascii"), bytes(seed))).digest()[:_CHECKSUM_BYTES]
