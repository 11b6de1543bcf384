"""Seeds of X-Wing and identity keys: made here, and sealed to the keys that may have them.

A sealed seed is the header, then the HPKE ``enc`` (1120 bytes) and the sealed 32 bytes with their tag.
"""

import os

from nightdrop.crypto.header import HEADER_BYTES, pack_header
from nightdrop.crypto.info import Purpose, seed_info
from nightdrop.crypto.suite import ENC_BYTES, SUITE, TAG_BYTES, hpke_encrypt, require_support
from nightdrop.crypto.xwing import PUBLIC_KEY_BYTES, SEED_BYTES, KeyInvalidError, public_bytes

__all__ = [
    "IDENTITY_EPOCH",
    "IDENTITY_SUBJECT",
    "PUBLIC_KEY_BYTES",
    "SEALED_SEED_BYTES",
    "SEED_BYTES",
    "KeyInvalidError",
    "Purpose",
    "generate_seed",
    "public_key_from_seed",
    "seal_seed",
]

SEALED_SEED_BYTES = HEADER_BYTES + ENC_BYTES + SEED_BYTES + TAG_BYTES
# An installation has one identity; these stand where a site key has its site and epoch.
IDENTITY_SUBJECT = ""
IDENTITY_EPOCH = 1


def generate_seed() -> bytearray:
    """Return 32 fresh random bytes; the caller wipes them."""
    return bytearray(os.urandom(SEED_BYTES))


def public_key_from_seed(seed: bytes | bytearray) -> bytes:
    """Return the 1216-byte X-Wing public key of a 32-byte ``seed``.

    Raises:
        KeyInvalidError: the seed has another length.
        CryptoUnsupportedError: the library lacks the algorithms.
    """
    require_support()
    return public_bytes(seed)


def seal_seed(
    recipient_public_key: bytes, seed: bytes | bytearray, *, purpose: Purpose, subject: str, epoch: int
) -> bytes:
    """Return ``seed`` sealed to a recipient.

    ``purpose`` is ``site`` or ``identity``, ``subject`` the site id (for the identity: ``IDENTITY_SUBJECT``);
    both, the epoch and the recipient are bound, so a row that is moved does not open.

    Raises:
        KeyInvalidError: the seed or the public key is not one.
        CryptoUnsupportedError: the library lacks the algorithms.
    """
    require_support()
    if len(seed) != SEED_BYTES:
        raise KeyInvalidError
    info = seed_info(SUITE, purpose, subject, epoch, recipient_public_key)
    return pack_header(epoch) + hpke_encrypt(seed, recipient_public_key, info)
