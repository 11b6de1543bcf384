"""Slows guessing down: a growing delay per account and per address, kept in the database for all web processes."""

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, text, update

from nightdrop.core.errors import Kind, NightdropError
from nightdrop.db.tables import sign_in_throttle

_T = sign_in_throttle.c
_MINUTE_MS = 60_000


class ThrottledError(NightdropError):
    """Too many attempts failed."""

    code = "throttled"
    kind = Kind.UNAVAILABLE

    def __init__(self, seconds: int) -> None:
        self.retry_after_s = seconds
        super().__init__(hint=f"Wait {seconds} seconds, then try again.")


@dataclass(frozen=True, slots=True)
class Rule:
    """``free`` failures cost nothing, then each doubles the delay, from 1 second to ``longest_s``.

    Failures are forgotten ``forget_s`` seconds after the last one.
    """

    free: int
    longest_s: int
    forget_s: int

    def delay_ms(self, failures: int) -> int:
        """Return for how long nothing is taken after so many failures."""
        return 0 if failures < self.free else min(2 ** min(failures - self.free, 30), self.longest_s) * 1000


ACCOUNT = Rule(free=5, longest_s=900, forget_s=86_400)
# More people than one may come from an address.
ADDRESS = Rule(free=20, longest_s=900, forget_s=3600)
_LONGEST_FORGET_MS = 86_400_000

# One statement that makes, locks and returns the row: between two, an attempt that succeeds could delete it.
_LOCK = text(
    "INSERT INTO sign_in_throttle (subject, failures, until_ms, updated_ms) VALUES (:subject, 0, 0, 0)"
    " ON CONFLICT (subject) DO UPDATE SET failures = sign_in_throttle.failures RETURNING failures, until_ms, updated_ms"
)


def account_subject(name: str | None) -> str:
    """Return what attempts on an account are counted under; ``name`` is normalised, ``None`` for what is no name.

    A hash: what somebody types there may be a password.
    """
    return "account:" + (hashlib.sha256(name.encode()).hexdigest() if name is not None else "-")


def address_subject(address: str | None) -> str:
    """Return what attempts from an address are counted under; whoever has one IPv6 address has its whole /64."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "address:-"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return f"address:{found.ipv4_mapped}"
        return f"address:{ipaddress.ip_network((int(found) >> 64 << 64, 64))}"
    return f"address:{found}"


def begin_attempt(connection: Connection, now_ms: int, subjects: Mapping[str, Rule]) -> None:
    """Count an attempt as failed, before it is known: of many at the same time none gets past the count.

    Raises:
        ThrottledError: it is too early. Nothing is counted, so waiting always ends.
    """
    # Sorted, so that two attempts never wait for each other.
    rows = {subject: _locked(connection, subject) for subject in sorted(subjects)}
    wait_ms = max(until_ms - now_ms for _, until_ms, _ in rows.values())
    if wait_ms > 0:
        raise ThrottledError(-(-wait_ms // 1000))
    for subject, (failures, _, updated_ms) in rows.items():
        rule = subjects[subject]
        count = 1 if now_ms - updated_ms > rule.forget_s * 1000 else failures + 1
        _set(connection, subject, count, now_ms + rule.delay_ms(count), now_ms)


def undo_attempt(connection: Connection, subject: str) -> None:
    """Take one attempt back: it did not fail. What failed before it still counts."""
    failures, _, updated_ms = _locked(connection, subject)
    _set(connection, subject, max(failures - 1, 0), 0, updated_ms)


def forget_failures(connection: Connection, subject: str) -> None:
    """Forget what was counted under ``subject``: its owner proved to be it."""
    connection.execute(delete(sign_in_throttle).where(_T.subject == subject))


def remove_old_counts(connection: Connection, now_ms: int) -> None:
    """Delete counts that are forgotten anyway."""
    connection.execute(delete(sign_in_throttle).where(_T.updated_ms < now_ms - _LONGEST_FORGET_MS - _MINUTE_MS))


def _locked(connection: Connection, subject: str) -> tuple[int, int, int]:
    row = connection.execute(_LOCK, {"subject": subject}).one()
    return row.failures, row.until_ms, row.updated_ms


def _set(connection: Connection, subject: str, failures: int, until_ms: int, updated_ms: int) -> None:
    values = {"failures": failures, "until_ms": until_ms, "updated_ms": updated_ms}
    connection.execute(update(sign_in_throttle).where(_T.subject == subject).values(**values))
