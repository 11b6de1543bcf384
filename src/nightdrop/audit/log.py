"""Writes the audit log of app.db, in the transaction of what it tells of."""

from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError

from nightdrop.audit.chain import FIRST_SEQ, GENESIS, VerifyResult, canonical, hash_entry, verify
from nightdrop.audit.events import Event
from nightdrop.core.caller import Caller
from nightdrop.core.clock import SystemClock
from nightdrop.core.errors import UnavailableError
from nightdrop.db.tables import audit

_CLOCK = SystemClock()
_BATCH = 1000
# Any constant that no other advisory lock has.
_POSTGRES_LOCK = 0x6E64_6175_6469
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_HEAD = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
_APPEND = insert(audit)
_ROWS = select(audit.c.seq, audit.c.prev, audit.c.body, audit.c.hash).order_by(audit.c.seq)


class AuditNotWrittenError(UnavailableError):
    """The audit log did not take the entry, so nothing was done."""

    code = "audit_not_written"
    hint = "Run: nightdrop doctor"


def record(
    connection: Connection,
    event: Event,
    caller: Caller,
    site_id: str | None,
    target: str | None,
    outcome: str = "ok",
    detail: Mapping[str, Any] | None = None,
    *,
    at_ms: int | None = None,
) -> None:
    """Append one entry; it is there when the transaction commits, and only then.

    ``target`` names what it is about (a secret's name, a run's id), ``detail`` holds more, as JSON, never a value.
    On PostgreSQL appending locks the log until the transaction ends, so do it last: whoever waits for a row
    while holding the log could wait for somebody who waits for the log.

    Raises:
        AuditNotWrittenError: leave the transaction with it, so that nothing of it happens.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"key": _POSTGRES_LOCK})
    last = connection.execute(_HEAD).first()
    seq, prev = (last.seq + 1, bytes(last.hash)) if last else (FIRST_SEQ, GENESIS)
    at_ms = _CLOCK.now_ms() if at_ms is None else at_ms
    body = canonical(
        {
            "at_ms": at_ms,
            "event": event.value,
            "actor": {"kind": caller.kind, "name": caller.name},
            "site": site_id,
            "target": target,
            "outcome": outcome,
            "detail": dict(detail or {}),
        }
    )
    row = {"seq": seq, "prev": prev, "body": body, "hash": hash_entry(seq, prev, body)}
    try:
        connection.execute(_APPEND, {**row, "at_ms": at_ms, "event": event.value, "site_id": site_id})
    except IntegrityError:
        # Not to be taken for a conflict in the caller's own tables.
        raise AuditNotWrittenError from None


def verify_log(connection: Connection) -> VerifyResult:
    """Check the whole chain of this database."""
    # Closed by hand: verify stops at the first break, and PostgreSQL's cursor would stay open.
    with closing(_rows(connection)) as rows:
        return verify(rows)


def _rows(connection: Connection) -> Generator[tuple[Any, Any, Any, Any]]:
    with connection.execute(_ROWS, execution_options={"yield_per": _BATCH}) as result:
        for row in result:
            yield (row.seq, row.prev, row.body, row.hash)
