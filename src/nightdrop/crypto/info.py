"""What a ciphertext is bound to: the HPKE ``info`` of each thing we seal.

Every field has a u32 length before it, so no two different lists of fields give the same bytes. There is no
associated data: RFC 9180 section 8.1 advises to bind through ``info``, which enters the key schedule.
"""

import hashlib
import struct
from typing import Literal

from nightdrop.core.errors import InvalidError

SECRET_CONTEXT = b"nightdrop/secret/v1"
SEED_CONTEXT = b"nightdrop/seed/v1"

Purpose = Literal["site", "identity"]

_U32 = struct.Struct("!I")
_U64 = struct.Struct("!Q")
MAX_EPOCH = 2**32 - 1
MAX_REVISION = 2**64 - 1


class BindingInvalidError(InvalidError):
    """The epoch or the revision of a sealed value is out of range."""

    code = "binding_invalid"
    hint = "An epoch is a whole number from 0 to 2^32-1, a revision one from 0 to 2^64-1."


def join_fields(*fields: bytes) -> bytes:
    """Return ``fields`` one after the other, each with its length as u32, big endian, before it."""
    return b"".join(_U32.pack(len(field)) + field for field in fields)


def pack_epoch(epoch: int) -> bytes:
    """Return an epoch as u32, big endian.

    Raises:
        BindingInvalidError: it does not fit.
    """
    if not 0 <= epoch <= MAX_EPOCH:
        raise BindingInvalidError(field="epoch")
    return _U32.pack(epoch)


def _pack_revision(revision: int) -> bytes:
    if not 0 <= revision <= MAX_REVISION:
        raise BindingInvalidError(field="revision")
    return _U64.pack(revision)


def secret_info(suite: str, site_id: str, epoch: int, name: str, revision: int) -> bytes:
    """Return the ``info`` of a secret's value: where it belongs, and which revision it is.

    Raises:
        BindingInvalidError: epoch or revision out of range.
    """
    return join_fields(
        SECRET_CONTEXT, suite.encode(), site_id.encode(), pack_epoch(epoch), name.encode(), _pack_revision(revision)
    )


def seed_info(suite: str, purpose: Purpose, subject: str, epoch: int, recipient_public_key: bytes) -> bytes:
    """Return the ``info`` of a sealed seed: what the seed is for, whose it is, and to whom it is sealed."""
    recipient = hashlib.sha256(recipient_public_key).digest()
    return join_fields(SEED_CONTEXT, suite.encode(), purpose.encode(), subject.encode(), pack_epoch(epoch), recipient)
