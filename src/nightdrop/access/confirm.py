"""Asks for the password again before what an open browser, or a stolen session, must not be enough for."""

from typing import Any

from sqlalchemy import Connection, bindparam, select

from nightdrop.access.passwords import Hasher
from nightdrop.access.throttle import ACCOUNT, begin_attempt, forget_failures
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import Caller
from nightdrop.core.clock import Clock
from nightdrop.core.errors import DeniedError, NotFoundError
from nightdrop.db.engine import Database
from nightdrop.db.tables import admins

_OWN = select(admins).where(admins.c.id == bindparam("id"))


class PasswordWrongError(DeniedError):
    """The password is wrong."""

    code = "password_wrong"
    hint = "Who has lost it needs a new set-up link from a super admin."


class AccountGoneError(NotFoundError):
    """This account is no longer there."""

    code = "account_gone"


def own_row(connection: Connection, caller: Caller, *, lock: bool = False) -> Any:
    """Return the row of the caller's account.

    Raises:
        AccountGoneError
    """
    wanted = _OWN.with_for_update() if lock else _OWN
    row = connection.execute(wanted, {"id": caller.admin_id}).first()
    if row is None or row.disabled:
        raise AccountGoneError
    return row


def confirm_password(db: Database, clock: Clock, hasher: Hasher, caller: Caller, password: str, field: str) -> Any:
    """Return the row of the caller's account when the password is right. Costs one password hash.

    Raises:
        PasswordWrongError, AccountGoneError.
        ThrottledError: too many attempts failed.
    """
    subject = f"confirm:{caller.admin_id}"
    with db.write() as connection:
        begin_attempt(connection, clock.now_ms(), {subject: ACCOUNT})
    with db.read() as connection:
        row = own_row(connection, caller)
    if not hasher.verify(password, row.password_hash):
        with db.write() as connection:
            record(connection, Event.SESSION_REFUSED, caller, None, row.name, "denied", {"wrong": "password"})
        raise PasswordWrongError(field=field)
    with db.write() as connection:
        forget_failures(connection, subject)
    return row
