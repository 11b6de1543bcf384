"""The gate in front of every store: may the caller, what is recorded, then the change, all or nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from nightdrop.access.permissions import Permission, allowed
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import Caller
from nightdrop.core.errors import DeniedError
from nightdrop.db.engine import Database


def check(
    db: Database, caller: Caller, permission: Permission, site_id: str | None = None, target: str | None = None
) -> None:
    """Let pass, or record the denial.

    Raises:
        DeniedError: the caller may not. It is recorded in a transaction of its own; when that fails, the error
            is the database's, and the caller has got nothing either.
    """
    if not allowed(caller, permission, site_id):
        record_denial(db, caller, permission, site_id, target)
        raise DeniedError


def record_denial(
    db: Database, caller: Caller, permission: Permission, site_id: str | None = None, target: str | None = None
) -> None:
    """Record that somebody tried what they may not."""
    with db.write() as connection:
        record(connection, Event.ACCESS_DENIED, caller, site_id, target, "denied", {"permission": permission.value})


@contextmanager
def authorized(
    db: Database,
    caller: Caller,
    permission: Permission,
    site_id: str | None = None,
    target: str | None = None,
    *,
    durable: bool = True,
) -> Iterator[Connection]:
    """Open a write transaction for a caller who may; the block itself must ``record``, as its last step.

    Only for changes whose event depends on what the block finds. Everything else uses ``guarded``.

    Raises:
        DeniedError: see ``check``.
    """
    check(db, caller, permission, site_id, target)
    with db.write(durable=durable) as connection:
        yield connection


@contextmanager
def guarded(
    db: Database,
    caller: Caller,
    permission: Permission,
    event: Event,
    site_id: str | None = None,
    target: str | None = None,
    detail: Mapping[str, Any] | None = None,
    *,
    durable: bool = True,
) -> Iterator[Connection]:
    """Open a write transaction for a caller who may; the change commits together with its audit entry or not at all.

    Raises:
        DeniedError: see ``check``.
    """
    with authorized(db, caller, permission, site_id, target, durable=durable) as connection:
        yield connection
        # After the change, not before: see ``record`` on the order of locks. The commit joins the two.
        record(connection, event, caller, site_id, target, "ok", detail)
