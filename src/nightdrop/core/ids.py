"""Identifiers: a prefix that tells the kind, then 26 characters that sort by time of creation.

Layout as in ULID (48 bits of milliseconds, 80 random bits, Crockford base32), lower case.
"""

import os
import re
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PATTERN = re.compile(r"[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}")


def new_id(prefix: str) -> str:
    """Return a fresh id such as ``run_01jd...``; ``prefix`` is 2 to 4 lower-case letters."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    digits = []
    for _ in range(26):
        number, low = divmod(number, 32)
        digits.append(_ALPHABET[low])
    return f"{prefix}_{''.join(reversed(digits))}"


def is_id(text: str, prefix: str) -> bool:
    """Tell whether ``text`` has the form of an id of this kind."""
    return text.startswith(prefix + "_") and _PATTERN.fullmatch(text) is not None
