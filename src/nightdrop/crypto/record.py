"""The plaintext of a sealed secret: the value and its usage policy, padded.

u8 version, u32 policy length, policy, u32 value length, value, then zeros up to the next multiple of 256
bytes, so that the length of a ciphertext tells the length of a value only in steps.
"""

import struct

from nightdrop.core.errors import NightdropError
from nightdrop.crypto.failure import Failure
from nightdrop.crypto.policy import MAX_POLICY_BYTES, Policy, PolicyInvalidError
from nightdrop.crypto.value import MAX_VALUE_BYTES, check_value

__all__ = ["MAX_RECORD_BYTES", "PAD_STEP", "RECORD_VERSION", "Policy", "RecordError", "decode_record", "encode_record"]

RECORD_VERSION = 1
PAD_STEP = 256
_POLICY_HEAD = struct.Struct("!BI")
_LENGTH = struct.Struct("!I")


def _padded(length: int) -> int:
    return -(-length // PAD_STEP) * PAD_STEP


MAX_RECORD_BYTES = _padded(_POLICY_HEAD.size + MAX_POLICY_BYTES + _LENGTH.size + MAX_VALUE_BYTES)


class RecordError(NightdropError):
    """The record inside a sealed value is not well formed."""

    code = "record_invalid"

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


def encode_record(value: bytes | bytearray, policy: Policy) -> bytearray:
    """Return the record for a value and its policy; the caller wipes it.

    Raises:
        ValueEmptyError, ValueTooLargeError, ValueHasNulError, ValueNotTextError: not a valid value.
        PolicyInvalidError: the policy is too long.
    """
    check_value(value)
    rules = policy.encode()
    start = _POLICY_HEAD.size + len(rules) + _LENGTH.size
    # One allocation of the final size: growing a bytearray would leave copies of the value behind.
    record = bytearray(_padded(start + len(value)))
    _POLICY_HEAD.pack_into(record, 0, RECORD_VERSION, len(rules))
    record[_POLICY_HEAD.size : start - _LENGTH.size] = rules
    _LENGTH.pack_into(record, start - _LENGTH.size, len(value))
    record[start : start + len(value)] = value
    return record


def decode_record(record: bytes | bytearray | memoryview) -> tuple[bytearray, Policy]:
    """Return the value, as a copy that the caller wipes, and the policy.

    Strict: whoever has the public key can seal anything, so an authentic record is still untrusted input.

    Raises:
        RecordError: with ``failure`` ``record`` or ``policy``.
    """
    view = memoryview(record)
    if not 0 < len(view) <= MAX_RECORD_BYTES or len(view) % PAD_STEP or view[0] != RECORD_VERSION:
        raise RecordError(Failure.RECORD)
    _, policy_length = _POLICY_HEAD.unpack_from(view)
    policy_end = _POLICY_HEAD.size + policy_length
    start = policy_end + _LENGTH.size
    if policy_length > MAX_POLICY_BYTES or start > len(view):
        raise RecordError(Failure.RECORD)
    (length,) = _LENGTH.unpack_from(view, policy_end)
    if length > MAX_VALUE_BYTES or _padded(start + length) != len(view) or any(view[start + length :]):
        raise RecordError(Failure.RECORD)
    policy = _policy(bytes(view[_POLICY_HEAD.size : policy_end]))
    return _value(view[start : start + length]), policy


def _policy(data: bytes) -> Policy:
    try:
        return Policy.decode(data)
    except PolicyInvalidError:
        raise RecordError(Failure.POLICY) from None


def _value(view: memoryview) -> bytearray:
    try:
        check_value(view)
    except NightdropError:
        raise RecordError(Failure.RECORD) from None
    return bytearray(view)
