"""A site's settings: limits of its runs, where they may connect, their directories, the server for their mail."""

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

from nightdrop.core.egress import EgressRuleError, EgressRules
from nightdrop.core.errors import InvalidError
from nightdrop.core.mail_address import AddressError, parse_address
from nightdrop.core.site_paths import MAX_ENTRIES, form_problem, nested

KIB, MIB, GIB = 2**10, 2**20, 2**30
_SIZE = re.compile(r"([0-9]{1,15})\s*([a-z]{0,3})", re.IGNORECASE)
_BINARY = {"": 1, "b": 1, "kib": KIB, "mib": MIB, "gib": GIB, "k": KIB, "m": MIB, "g": GIB}
_UNITS = _BINARY | {"kb": 10**3, "mb": 10**6, "gb": 10**9}
_DURATION = re.compile(r"(?=[0-9])(?:([0-9]{1,7})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,9})s?)?", re.IGNORECASE)

_SIZE_HINT = "Write it like 128MiB."
_DURATION_HINT = "Write it like 30s or 5m."
_NUMBER_HINT = "Write a number."
_PATH_HINT = "Write it like /srv/in, or /srv/in:ro."


class SettingUnknownError(InvalidError):
    """There is no such setting."""

    code = "setting_unknown"


class SettingInvalidError(InvalidError):
    """A setting has a value that it cannot have."""

    code = "setting_invalid"


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """What holds for every run of a site. Sizes are bytes, times seconds.

    Runs are kept for ``run_days`` after their end, and of them the newest ``run_count``.
    """

    memory: int = 128 * MIB
    cpu: int = 60
    wall: int = 300
    log: int = 10 * MIB
    body: int = 64 * MIB
    egress_allow: tuple[str, ...] = ()
    egress_deny: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    smtp_host: str = ""
    smtp_port: int = 0
    smtp_tls: str = "starttls"
    smtp_user: str = ""
    smtp_password_secret: str = ""
    smtp_from: str = ""
    run_days: int = 90
    run_count: int = 1_000_000


def parse_size(text: str) -> int:
    """Return the bytes of ``128MiB``, ``64 kB`` or ``4096``; K, M and G alone are powers of 1024.

    Raises:
        SettingInvalidError
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or found[2].lower() not in _UNITS:
        raise SettingInvalidError("This is not a size.", hint=_SIZE_HINT)
    return int(found[1]) * _UNITS[found[2].lower()]


def parse_duration(text: str) -> int:
    """Return the seconds of ``30s``, ``5m``, ``1h30m`` or ``90``.

    Raises:
        SettingInvalidError
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise SettingInvalidError("This is not a length of time.", hint=_DURATION_HINT)
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _parse_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise SettingInvalidError("This is not a number.", hint=_NUMBER_HINT)
    return int(text)


@lru_cache(maxsize=256)
def parse_settings(stored: str) -> SiteSettings:
    """Return the settings from their stored form; what is not in it has its default."""
    values: dict[str, Any] = {
        # Lists become tuples: the result is shared between callers.
        key: tuple(value) if isinstance(value, list) else value
        for key, value in json.loads(stored).items()
        if key in _RULES
    }
    return SiteSettings(**values)


def changed_settings(stored: str, changes: Mapping[str, Any]) -> str:
    """Return the stored form after ``changes``; a change to ``None`` or ``""`` goes back to the default.

    Sizes and times may be numbers or text, lists may be lists or text with commas.

    Raises:
        SettingUnknownError, SettingInvalidError: ``field`` names the setting.
    """
    values: dict[str, Any] = json.loads(stored)
    for key, value in changes.items():
        rule = _RULES.get(key)
        if rule is None:
            raise _unknown(key)
        if value is None or value == "":
            values.pop(key, None)
        else:
            values[key] = rule(key, value)
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def shown_settings(settings: SiteSettings) -> dict[str, Any]:
    """Return all settings as JSON-able values, defaults included."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(settings).items()}


def _unknown(key: str) -> SettingUnknownError:
    near = difflib.get_close_matches(key, _RULES, n=1, cutoff=0.5)
    known = ", ".join(_RULES)
    return SettingUnknownError(
        hint=f"Did you mean {near[0]}? Settings: {known}." if near else f"Settings: {known}.", field="settings"
    )


def allowed_values(key: str) -> str:
    """Return what a setting may be, in words.

    Raises:
        KeyError: there is no such setting.
    """
    rule = _RULES[key]
    return rule.allowed if isinstance(rule, _Number | _Choice | _Text) else "list"


@dataclass(frozen=True, slots=True)
class _Number:
    """What a setting with bounds may be; ``low_shown`` and ``high_shown`` are for people."""

    parse: Callable[[str], int]
    low: int
    high: int
    low_shown: str
    high_shown: str

    @property
    def allowed(self) -> str:
        return f"{self.low_shown} to {self.high_shown}"

    @property
    def hint(self) -> str:
        if self.parse is _parse_number:
            return _NUMBER_HINT
        return _SIZE_HINT if self.parse is parse_size else _DURATION_HINT

    def __call__(self, key: str, value: Any) -> int:
        try:
            number = self.parse(value) if isinstance(value, str) else value
        except SettingInvalidError as error:
            raise SettingInvalidError(f"{key}: {error.message}", hint=error.hint, field=key) from None
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if not isinstance(number, int) or isinstance(number, bool) or not self.low <= number <= self.high:
            raise SettingInvalidError(
                f"{key} must be between {self.low_shown} and {self.high_shown}.", hint=self.hint, field=key
            )
        return number


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return ", ".join(self.words)

    def __call__(self, key: str, value: Any) -> str:
        if value not in self.words:
            raise SettingInvalidError(f"{key} is one of a few words.", hint=f"Write one of: {self.allowed}.", field=key)
        return str(value)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text; ``allowed`` and ``hint`` are for people."""

    allowed: str
    hint: str
    fits: Callable[[str], object]

    def __call__(self, key: str, value: Any) -> str:
        if not isinstance(value, str) or not self.fits(value.strip()):
            raise SettingInvalidError(f"{key} must be {self.allowed}.", hint=self.hint, field=key)
        return value.strip()


def _is_sender(text: str) -> bool:
    try:
        parse_address(text)
    except AddressError:
        return False
    return True


def _entries(key: str, value: Any) -> list[str]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise SettingInvalidError(f"{key} must be a list.", hint="Separate the entries with commas.", field=key)
    return [item.strip() for item in items if item.strip()]


def _paths(key: str, value: Any) -> list[str]:
    entries = _entries(key, value)
    for entry in entries:
        if (problem := form_problem(entry)) is not None:
            raise SettingInvalidError(f"{key}: {entry!r:.200} cannot be given: {problem}.", hint=_PATH_HINT, field=key)
    if (inner := nested(entries)) is not None:
        raise SettingInvalidError(f"{key}: {inner!r} is in the list already.", hint="Give the outer one.", field=key)
    if len(entries) > MAX_ENTRIES:
        raise SettingInvalidError(f"{key} may have {MAX_ENTRIES} entries.", hint="Give a directory above.", field=key)
    return entries


def _rules(key: str, value: Any) -> list[str]:
    cleaned = _entries(key, value)
    try:
        EgressRules.parse(cleaned, ())
    except EgressRuleError as error:
        raise SettingInvalidError(f"{key}: {error.message}", hint=error.hint, field=key) from None
    return list(dict.fromkeys(cleaned))


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "memory": _Number(parse_size, 16 * MIB, 16 * GIB, "16 MiB", "16 GiB"),
    "cpu": _Number(parse_duration, 1, 86_400, "1 second", "24 hours"),
    "wall": _Number(parse_duration, 1, 604_800, "1 second", "168 hours"),
    "log": _Number(parse_size, KIB, GIB, "1 KiB", "1 GiB"),
    # A body crosses the pipe between gateway and runner in one frame, and that has a limit.
    "body": _Number(parse_size, KIB, 64 * MIB, "1 KiB", "64 MiB"),
    "egress_allow": _rules,
    "egress_deny": _rules,
    "paths": _paths,
    "smtp_host": _Text(
        "a host name or an address",
        "The port is a setting of its own, smtp_port.",
        re.compile(r"[A-Za-z0-9._:-]{1,253}").fullmatch,
    ),
    "smtp_port": _Number(_parse_number, 0, 65535, "0", "65535"),
    "smtp_tls": _Choice(("starttls", "implicit", "none")),
    "smtp_user": _Text(
        "a user name",
        "It has at most 320 characters, and no control characters.",
        lambda text: len(text) <= 320 and text.isprintable(),
    ),
    "smtp_password_secret": _Text(
        "the name of a secret",
        "Put the password into a secret: nightdrop secret set NAME",
        lambda text: len(text) <= 128 and text.isascii() and text.isprintable(),
    ),
    "smtp_from": _Text("a mail address", "Write it like me@example.com, or My Name <me@example.com>.", _is_sender),
    "run_days": _Number(_parse_number, 1, 36_500, "1", "36500"),
    "run_count": _Number(_parse_number, 100, 100_000_000, "100", "100000000"),
}
assert _RULES.keys() == {field.name for field in fields(SiteSettings)}
