"""Cron expressions in a time zone: when they are due.

The rules for days on which clocks are changed are those of Debian's cron: what a fixed time would skip in spring runs
right after the gap, what it would repeat in autumn runs once; expressions with a wildcard or a step in hours or
minutes follow real time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from nightdrop.core.errors import InvalidError

_NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_LONGEST = 200


class CronError(InvalidError):
    """This is not a cron expression."""

    code = "cron_invalid"
    hint = "Five fields: minute, hour, day of month, month, day of week. Every weekday at 7:30: 30 7 * * 1-5"


class CronNeverError(InvalidError):
    """This day never comes."""

    code = "cron_never"
    hint = "Check day and month."


class ZoneUnknownError(InvalidError):
    """There is no such time zone."""

    code = "zone_unknown"
    hint = "Use a name such as Europe/Berlin or UTC."


def upcoming(expression: str, zone: str, after_ms: int, count: int) -> list[int]:
    """Return the next ``count`` times after ``after_ms``, in milliseconds since the epoch; fewer when no more come.

    ``expression`` is five fields, or six with seconds first, or a name such as ``@daily``; ``zone`` an IANA name.

    Raises:
        CronError, CronNeverError, ZoneUnknownError.
    """
    times = _times(expression, zone, after_ms)
    found = [time for _, time in zip(range(count), times, strict=False)]
    if not found:
        raise CronNeverError(field="cron")
    return found


def next_time(expression: str, zone: str, after_ms: int) -> int:
    """Return the first time after ``after_ms``; see ``upcoming``."""
    return upcoming(expression, zone, after_ms, 1)[0]


def _times(expression: str, zone: str, after_ms: int) -> Iterator[int]:
    start = datetime.fromtimestamp(after_ms / 1000, UTC).astimezone(_zone(zone))
    fields = " ".join(expression.split()).lower()
    if len(expression) > _LONGEST:
        raise CronError(field="cron")
    try:
        times = CronSim(_NAMES.get(fields, fields), start)
    except CronSimError:
        raise CronError(field="cron") from None
    return (int(time.timestamp() * 1000) for time in times)


def _zone(name: str) -> ZoneInfo:
    if name not in _zones():
        raise ZoneUnknownError(field="zone")
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
