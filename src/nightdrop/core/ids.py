"""Identifiers: a prefix that tells the kind, then 26 characters that sort by time of creation.

Layout as in ULID (48 bits of milliseconds, 80 random bits, Crockford base32), lower case.
"""

import os
import re
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PATTERN = re.compile(r"[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}")


_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """Return a fresh id such as ``run_01jd...``; ``prefix`` is 2 to 4 lower-case letters.

    Of the ids that one process makes each is greater than the one before, also within a millisecond: what is queued
    first is run first.
    """
    return _written(prefix, _next_number())


def first_id(prefix: str, at_ms: int) -> str:
    """Return what no id that is made at ``at_ms`` (milliseconds since 1970) or later comes before."""
    return _written(prefix, max(0, min(at_ms, 2**48 - 1)) << 80)


def _written(prefix: str, number: int) -> str:
    digits = []
    for _ in range(26):
        number, low = divmod(number, 32)
        digits.append(_ALPHABET[low])
    return f"{prefix}_{''.join(reversed(digits))}"


def _next_number() -> int:
    global _last  # noqa: PLW0603 - the order is that of the whole process
    fresh = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    with _lock:
        # A random step: two processes that share the last one, after a fork, must not make the same.
        _last = fresh if fresh > _last else _last + 1 + int.from_bytes(os.urandom(8))
        return _last


def is_id(text: str, prefix: str) -> bool:
    """Tell whether ``text`` has the form of an id of this kind."""
    return text.startswith(prefix + "_") and _PATTERN.fullmatch(text) is not None
