"""Times in the three forms that object stores and the metadata of their objects have."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Where rclone keeps the time of a file, too.
MTIME = "mtime"


def kept(text: str) -> float | None:
    """Return the time in a value of the metadata: seconds since 1970, or RFC 3339."""
    try:
        when = float(text) if text[:1].isdigit() and "T" not in text else _moment(text)
    except (ValueError, OverflowError):
        return None
    return when if 0 <= when < 253_402_300_800 else None


def listed(text: str) -> float | None:
    """Return the time in a listing: RFC 3339 or that of a header."""
    try:
        return _moment(text) if text[:4].isdigit() else parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def as_seconds(when: float) -> str:
    """Return ``1700000000.5``."""
    return f"{when:.6f}".rstrip("0").rstrip(".")


def as_rfc3339(when: float) -> str:
    """Return ``2023-11-14T22:13:20.500000Z``."""
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
