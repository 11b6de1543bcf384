"""X-Wing keys: a 32-byte seed on one side, a 1216-byte public key on the other.

draft-connolly-cfrg-xwing-kem, section 5.2: SHAKE256 stretches the seed to the 64-byte seed of ML-KEM-768
(FIPS 203: d, then z) and the 32-byte X25519 scalar; the public key is the ML-KEM key, then the X25519 key.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from nightdrop.core.errors import InvalidError
from nightdrop.crypto.memory import wipe

SEED_BYTES = 32
PUBLIC_KEY_BYTES = 1216
_MLKEM_SEED = 64
_MLKEM_PUBLIC = 1184


class KeyInvalidError(InvalidError):
    """This is not a key of the kind that is needed here."""

    code = "key_invalid"
    hint = "A public key has 1216 bytes, a seed 32."


def expand(seed: bytes | bytearray) -> MLKEM768X25519PrivateKey:
    """Return the private key that belongs to a 32-byte ``seed``.

    Raises:
        KeyInvalidError: the seed has another length.
    """
    mlkem, x25519 = _parts(seed)
    return MLKEM768X25519PrivateKey(mlkem, x25519)


def public_bytes(seed: bytes | bytearray) -> bytes:
    """Return the 1216-byte public key that belongs to a 32-byte ``seed``.

    Raises:
        KeyInvalidError: the seed has another length.
    """
    mlkem, x25519 = _parts(seed)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def load_public(data: bytes | bytearray) -> MLKEM768X25519PublicKey:
    """Return the public key object for its 1216 bytes.

    Raises:
        KeyInvalidError: wrong length, or the bytes are not a public key.
    """
    if len(data) != PUBLIC_KEY_BYTES:
        raise KeyInvalidError
    try:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(data[:_MLKEM_PUBLIC]),
            X25519PublicKey.from_public_bytes(bytes(data[_MLKEM_PUBLIC:])),
        )
    except ValueError:
        raise KeyInvalidError from None


def _parts(seed: bytes | bytearray) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    if len(seed) != SEED_BYTES:
        raise KeyInvalidError
    stretched = hashlib.shake_256(seed).digest(_MLKEM_SEED + 32)
    view = memoryview(stretched)
    try:
        return (
            MLKEM768PrivateKey.from_seed_bytes(view[:_MLKEM_SEED]),
            X25519PrivateKey.from_private_bytes(view[_MLKEM_SEED:]),
        )
    finally:
        view.release()
        wipe(stretched)
