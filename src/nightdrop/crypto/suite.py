"""The one set of algorithms, its name and its numbers.

HPKE (RFC 9180) with the hybrid KEM X-Wing (draft-connolly-cfrg-xwing-kem; 0x647A in the IANA HPKE registry),
HKDF-SHA256 (0x0001) and AES-256-GCM (0x0002).
"""

import struct
from functools import cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke

from nightdrop.core.errors import UnavailableError
from nightdrop.crypto import xwing

SUITE = "MLKEM768-X25519/HKDF-SHA256/AES-256-GCM"
SUITE_ID = SUITE
SUITE_NUMBERS = struct.pack("!HHH", 0x647A, 0x0001, 0x0002)

ENC_BYTES = 1120
TAG_BYTES = 16


class CryptoUnsupportedError(UnavailableError):
    """The installed cryptography library lacks ML-KEM or HPKE."""

    code = "crypto_unsupported"
    hint = "Install cryptography 50 or newer from its own wheels; a build on OpenSSL before 3.5 has no ML-KEM."


@cache
def hpke_suite() -> hpke.Suite:
    """Return the HPKE suite object; it holds no key."""
    return hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def hpke_encrypt(plaintext: bytes | bytearray, public_key: bytes, info: bytes) -> bytes:
    """Return ``enc`` and the ciphertext for the holder of ``public_key``.

    Raises:
        KeyInvalidError: not a public key, or one that gives everybody the same X25519 secret (RFC 7748 section 6.1).
    """
    key = xwing.load_public(public_key)
    try:
        return hpke_suite().encrypt(plaintext, key, info)
    except ValueError:
        raise xwing.KeyInvalidError from None


@cache
def require_support() -> None:
    """Check once that the library can do what the suite needs.

    Raises:
        CryptoUnsupportedError: it cannot.
    """
    try:
        key = xwing.expand(bytes(xwing.SEED_BYTES))
        hpke_suite().encrypt(b"", key.public_key())
    except (UnsupportedAlgorithm, AttributeError):
        raise CryptoUnsupportedError from None
