"""Sealing a secret to a site's public key: anybody can do it, and what comes out can only go to the keeper."""

from nightdrop.crypto.failure import Failure
from nightdrop.crypto.header import HEADER_BYTES, SealedFormError, pack_header, read_header
from nightdrop.crypto.info import secret_info
from nightdrop.crypto.memory import wipe
from nightdrop.crypto.policy import Policy
from nightdrop.crypto.record import MAX_RECORD_BYTES, PAD_STEP, encode_record
from nightdrop.crypto.suite import ENC_BYTES, SUITE, TAG_BYTES, hpke_encrypt, require_support
from nightdrop.crypto.value import (
    MAX_VALUE_BYTES,
    ValueEmptyError,
    ValueHasNulError,
    ValueNotTextError,
    ValueTooLargeError,
    check_value,
)

__all__ = [
    "MAX_SEALED_BYTES",
    "MAX_VALUE_BYTES",
    "MIN_SEALED_BYTES",
    "SealedFormError",
    "ValueEmptyError",
    "ValueHasNulError",
    "ValueNotTextError",
    "ValueTooLargeError",
    "check_sealed_form",
    "check_value",
    "seal_secret",
    "sealed_epoch",
]

_OVERHEAD = HEADER_BYTES + ENC_BYTES + TAG_BYTES
MIN_SEALED_BYTES = _OVERHEAD + PAD_STEP
MAX_SEALED_BYTES = _OVERHEAD + MAX_RECORD_BYTES


def seal_secret(
    public_key: bytes,
    *,
    site_id: str,
    epoch: int,
    name: str,
    revision: int,
    value: bytes | bytearray,
    policy: Policy = Policy.DEFAULT,
) -> bytes:
    """Return ``value`` and ``policy`` sealed to a site's 1216-byte ``public_key``.

    The result opens only as this revision of this name in this site and epoch. The caller's ``value`` is left
    as it is: wipe it when it is no longer needed.

    Raises:
        ValueEmptyError, ValueTooLargeError, ValueHasNulError, ValueNotTextError: not a valid value.
        PolicyInvalidError: the policy is too long.
        KeyInvalidError: not a public key.
        BindingInvalidError: epoch or revision out of range.
        CryptoUnsupportedError: the library lacks the algorithms.
    """
    require_support()
    info = secret_info(SUITE, site_id, epoch, name, revision)
    record = encode_record(value, policy)
    try:
        return pack_header(epoch) + hpke_encrypt(record, public_key, info)
    finally:
        wipe(record)


def check_sealed_form(sealed: bytes | bytearray | memoryview) -> int:
    """Check what can be checked without a key, and return the epoch.

    Raises:
        SealedFormError: unknown version or suite, or a length that no sealed secret has.
    """
    epoch = read_header(sealed)
    if not MIN_SEALED_BYTES <= len(sealed) <= MAX_SEALED_BYTES or (len(sealed) - _OVERHEAD) % PAD_STEP:
        raise SealedFormError(Failure.FORMAT)
    return epoch


def sealed_epoch(sealed: bytes | bytearray | memoryview) -> int:
    """Return the epoch that a sealed secret names.

    Raises:
        SealedFormError: see ``check_sealed_form``.
    """
    return check_sealed_form(sealed)
