"""The hash chain of an audit log: a changed, moved, inserted or removed entry breaks it.

Each entry's hash is SHA-256 over a domain label, its number, the hash of the entry before it and its body.
Every part but the last has a fixed length, so no two entries give the same input. Entries cut off at the end
are not noticed by the chain alone; that needs a head remembered elsewhere (``VerifyResult.head``).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

GENESIS = bytes(32)
FIRST_SEQ = 1
_DOMAIN = b"nightdrop/audit/v1\0"
# json.dumps would build an encoder for each entry, and one is written for each secret that is read.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


class Break(StrEnum):
    """What is wrong with the first entry that does not fit."""

    SEQUENCE = "sequence"
    PREVIOUS = "previous"
    HASH = "hash"
    SHAPE = "shape"


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """Outcome of a verification: how many entries hold, and where and how the chain breaks, if it does.

    ``head`` is the hash of the last entry that holds; compare it with one noted earlier to notice a cut-off tail.
    """

    entries: int
    head: bytes
    broken_at: int | None = None
    reason: Break | None = None

    @property
    def ok(self) -> bool:
        return self.reason is None


def canonical(body: Mapping[str, Any]) -> bytes:
    """Return the one byte form of an entry's body: JSON, sorted keys, no spaces, ASCII.

    Raises:
        ValueError: a number is not finite. TypeError: a value is not JSON.
    """
    return _encode(body).encode("ascii")


def hash_entry(seq: int, prev: bytes, body: bytes) -> bytes:
    """Return the hash of entry number ``seq`` (from 1) after the entry with hash ``prev`` (32 bytes)."""
    # A shorter or longer prev would make the input ambiguous: bytes could move between prev and body.
    if len(prev) != len(GENESIS):
        raise ValueError("prev must have 32 bytes")
    return hashlib.sha256(b"".join((_DOMAIN, seq.to_bytes(8, "big"), prev, body))).digest()


def verify(rows: Iterable[tuple[Any, Any, Any, Any]], genesis: bytes = GENESIS) -> VerifyResult:
    """Check entries ``(seq, prev, body, hash)`` in order from the first one on; stop at the first that does not fit.

    ``genesis`` is what stands before the first one.
    """
    head, count = genesis, 0
    for row in rows:
        seq = FIRST_SEQ + count
        reason = _check(row, seq, head)
        if reason is not None:
            return VerifyResult(count, head, seq, reason)
        head, count = row[3], count + 1
    return VerifyResult(count, head)


def _check(row: tuple[Any, Any, Any, Any], seq: int, head: bytes) -> Break | None:
    got_seq, prev, body, stored = row
    # A database without strict types can hold anything in any column.
    if not (isinstance(got_seq, int) and all(isinstance(part, bytes) for part in (prev, body, stored))):
        return Break.SHAPE
    if got_seq != seq:
        return Break.SEQUENCE
    if prev != head:
        return Break.PREVIOUS
    return None if hash_entry(seq, prev, body) == stored else Break.HASH
