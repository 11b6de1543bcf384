"""What FTP servers say about files: facts (RFC 3659), and listings that look like those of ``ls -l`` or ``dir``."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nightdrop.syncjs.remotes.port import ItemKind

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UNIX = re.compile(
    r"(?P<type>[-dlbcpsD])(?P<mode>[-rwxsStTlL]{9})[+.@]?\s+\d+\s+\S+\s+(?:\S+\s+)?(?P<size>\d+)\s+"
    r"(?P<month>[A-Za-z]{3})\s+(?P<day>\d{1,2})\s+(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})|(?P<year>\d{4})) (?P<name>.+)"
)
_DOS = re.compile(
    r"(?P<month>\d{2})-(?P<day>\d{2})-(?P<year>\d{2,4})\s+(?P<hour>\d{2}):(?P<minute>\d{2})(?P<half>[AP]M)?\s+"
    r"(?:(?P<dir><DIR>)|(?P<size>\d+)) +(?P<name>.+)"
)
_TIME = re.compile(r"(\d{14})(\.\d{1,6})?")
_BITS = "rwxrwxrwx"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; ``kind`` is ``None`` for a link, of which the line does not tell where it leads."""

    name: str
    kind: ItemKind | None
    size: int = 0
    mtime: float | None = None
    permissions: str = ""


def parse_time(text: str) -> float | None:
    """Return the seconds since 1970 of ``YYYYMMDDHHMMSS[.sss]`` in UTC (RFC 3659, 2.3)."""
    match = _TIME.match(text)
    if not match:
        return None
    try:
        when = datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return when.timestamp() + float(match[2] or 0)


def format_time(when: float) -> str:
    return datetime.fromtimestamp(int(when), UTC).strftime("%Y%m%d%H%M%S")


def parse_facts(line: str) -> Entry | None:
    """Read a line of MLSD or MLST; ``None`` when it is none, or is the directory itself or its parent."""
    text, space, name = line.partition(" ")
    if not space or not name:
        return None
    facts = dict(fact.lower().split("=", 1) for fact in text.split(";") if "=" in fact)
    kind = facts.get("type", "file")
    if kind in ("cdir", "pdir"):
        return None
    size = facts.get("size", "")
    return Entry(
        name,
        _fact_kind(kind),
        int(size) if size.isdigit() and len(size) < 19 else 0,
        parse_time(facts.get("modify", "")),
        _bits(facts.get("unix.mode", "")),
    )


def parse_own_facts(line: str) -> Entry | None:
    """Read a line of MLST, where the directory itself is meant."""
    return parse_facts(re.sub(r"(?i)type=[cp]dir", "type=dir", line.strip(), count=1))


def _fact_kind(kind: str) -> ItemKind | None:
    if kind.startswith(("os.unix=slink", "os.unix=symlink")):
        return None
    return {"file": ItemKind.FILE, "dir": ItemKind.DIR}.get(kind, ItemKind.OTHER)


def _bits(mode: str) -> str:
    if not re.fullmatch(r"[0-7]{3,5}", mode):
        return ""
    value = int(mode, 8)
    return "".join(letter if value >> (8 - at) & 1 else "-" for at, letter in enumerate(_BITS))


def parse_line(line: str, now: datetime) -> Entry | None:
    """Read a line of LIST; ``None`` when it is not about a file. Times are taken as UTC, to the minute or the day."""
    if match := _UNIX.fullmatch(line):
        return _unix(match, now)
    if match := _DOS.fullmatch(line):
        return _dos(match)
    return None


def _unix(match: re.Match[str], now: datetime) -> Entry | None:
    name = match["name"]
    kind: ItemKind | None = {"-": ItemKind.FILE, "d": ItemKind.DIR, "l": None}.get(match["type"], ItemKind.OTHER)
    if kind is None:
        name = name.partition(" -> ")[0]
    if match["month"].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(match["month"].lower()) + 1
    year = int(match["year"] or now.year)
    when = _when(year, month, int(match["day"]), int(match["hour"] or 0), int(match["minute"] or 0))
    # Without a year it is of the last twelve months; a day's grace is for clocks and time zones.
    if when and not match["year"] and when > now + timedelta(days=1):
        when = _when(year - 1, month, int(match["day"]), int(match["hour"]), int(match["minute"]))
    size = int(match["size"]) if len(match["size"]) < 19 and kind is ItemKind.FILE else 0
    return Entry(name, kind, size, when.timestamp() if when else None, match["mode"])


def _dos(match: re.Match[str]) -> Entry:
    year, hour = int(match["year"]), int(match["hour"])
    if year < 100:
        year += 2000 if year < 70 else 1900
    if match["half"]:
        hour = hour % 12 + (12 if match["half"] == "PM" else 0)
    when = _when(year, int(match["month"]), int(match["day"]), hour, int(match["minute"]))
    kind = ItemKind.DIR if match["dir"] else ItemKind.FILE
    size = int(match["size"]) if match["size"] and len(match["size"]) < 19 else 0
    return Entry(match["name"], kind, size, when.timestamp() if when else None)


def _when(year: int, month: int, day: int, hour: int, minute: int) -> datetime | None:
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
