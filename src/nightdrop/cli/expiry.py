"""When a secret stops working, as people write it."""

import re
import time
from datetime import datetime
from typing import Any, Final

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
# What the API takes: integers that every JSON reader keeps exactly.
_LAST_MS = 2**53 - 1
NEVER: Final = "never"


class _Expiry(click.ParamType[str | int]):
    """``never``, or milliseconds since the epoch. The message repeats nothing: a value may stand in the wrong place."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        if isinstance(value, int) or value == NEVER:
            return value if isinstance(value, int) else NEVER
        at_ms = _after(value) or _at(value)
        if at_ms is None or at_ms > _LAST_MS:
            self.fail("Write a date (2027-01-31 or 2027-01-31T18:00), a time from now (90d, 12h) or never.", param, ctx)
        if at_ms <= time.time() * 1000:
            self.fail("This time has passed already.", param, ctx)
        return at_ms


EXPIRY = _Expiry()


def expiry_body(expires: str | int | None) -> dict[str, int | None]:
    """Return the part of a request's body that sets an expiry; nothing when none was given."""
    if expires is None:
        return {}
    return {"expires_ms": expires if isinstance(expires, int) else None}


def has_expired(secret: dict[str, Any]) -> bool:
    at_ms = secret["expires_ms"]
    return at_ms is not None and at_ms <= time.time() * 1000


def _after(text: str) -> int | None:
    found = _DURATION.fullmatch(text)
    return int(time.time() * 1000) + int(found[1]) * _UNITS[found[2]] * 1000 if found else None


def _at(text: str) -> int | None:
    """Return an ISO 8601 date or time; local time where it says nothing else, a date is its beginning."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        return None
