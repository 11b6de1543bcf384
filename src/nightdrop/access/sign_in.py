"""Signing in with a password, and choosing one with a set-up link.

An unknown name, a wrong password, a disabled account and one without a password are the same to whoever tries: the
same answer after the same work.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from nightdrop.access.account_names import check_account_name, normalised
from nightdrop.access.admins import PREFIX, put_grants
from nightdrop.access.credentials import session_caller
from nightdrop.access.passwords import Hasher, check_password
from nightdrop.access.permissions import SITE_PERMISSIONS
from nightdrop.access.sessions import Limits, NewSession, Origin, end_sessions, is_live, start_session
from nightdrop.access.setup_links import Invitation, SetupLinkInvalidError, find_invitation, lock_first_admin, use_up
from nightdrop.access.throttle import (
    ACCOUNT,
    ADDRESS,
    account_subject,
    address_subject,
    begin_attempt,
    forget_failures,
    remove_old_counts,
    undo_attempt,
)
from nightdrop.access.totp import matching_step, recovery_hash
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import ALL_SITES, ANONYMOUS, Caller
from nightdrop.core.clock import Clock
from nightdrop.core.errors import DeniedError, InvalidError
from nightdrop.core.ids import new_id
from nightdrop.db.engine import Database
from nightdrop.db.tables import admin_recovery_codes, admin_sessions, admins, sites

_A = admins.c
_BY_NAME = select(admins).where(_A.name == bindparam("name"))
_LOCKED = select(admins).where(_A.id == bindparam("id")).with_for_update()


class SignInFailedError(DeniedError):
    """Name or password is wrong."""

    code = "sign_in_failed"
    hint = "Who has lost the password needs a new set-up link from a super admin, or nightdrop admin reset NAME."


class TotpNeededError(DeniedError):
    """This account also needs a code of its authenticator app."""

    code = "totp_needed"
    hint = "Send the code as `totp`, or one of the recovery codes as `recovery_code`."


class TotpWrongError(DeniedError):
    """The code is wrong or was used already."""

    code = "totp_wrong"
    hint = "Wait for the next code of the app. A recovery code works once."


class SetupNameError(InvalidError):
    """The set-up link is for another account."""

    code = "setup_name"
    hint = "Use the name that you were given."


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody typed to sign in."""

    name: str = field(repr=False)
    password: str = field(repr=False)
    totp: str | None = field(default=None, repr=False)
    recovery_code: str | None = field(default=None, repr=False)


class SignIn:
    """Lets people in."""

    def __init__(self, db: Database, clock: Clock, hasher: Hasher, limits: Limits) -> None:
        self._db = db
        self._clock = clock
        self._hasher = hasher
        self._limits = limits

    def with_password(self, attempt: Attempt, origin: Origin, old_cookie: str | None = None) -> NewSession:
        """Start a session; the one of ``old_cookie`` ends. Costs one password hash, whatever comes out.

        Raises:
            ThrottledError: too many attempts failed for this account or from this address.
            SignInFailedError, TotpNeededError, TotpWrongError.
        """
        name = normalised(attempt.name)
        account, address = account_subject(name), address_subject(origin.address)
        with self._db.write() as connection:
            begin_attempt(connection, self._clock.now_ms(), {account: ACCOUNT, address: ADDRESS})
        with self._db.read() as connection:
            row = connection.execute(_BY_NAME, {"name": name}).first()
        usable = row is not None and not row.disabled
        fits = self._hasher.verify(attempt.password, row.password_hash if usable and row is not None else None)
        if not fits or row is None:
            self._failed(row, origin, "password")
            raise SignInFailedError
        if row.totp_key is not None and attempt.totp is None and attempt.recovery_code is None:
            # Only taken back, not forgotten: with the password alone nobody gets new guesses at the code.
            with self._db.write() as connection:
                undo_attempt(connection, account)
                undo_attempt(connection, address)
            raise TotpNeededError(field="totp")
        rehashed = self._hasher.hash(attempt.password) if self._hasher.is_outdated(row.password_hash) else None
        try:
            with self._db.write() as connection:
                session = self._let_in(connection, row, attempt, origin, old_cookie, rehashed)
                forget_failures(connection, account)
                undo_attempt(connection, address)
                if row.totp_key is not None and attempt.recovery_code is not None:
                    record(connection, Event.TOTP_RECOVERY_CODE_USED, session.caller, None, row.name)
                record(connection, Event.SESSION_STARTED, session.caller, None, session.caller.credential_id)
        except TotpWrongError:
            self._failed(row, origin, "code")
            raise
        return session

    def invitation(self, token: str) -> Invitation:
        """Return whom a set-up link lets in.

        Raises:
            SetupLinkInvalidError
        """
        with self._db.read() as connection:
            return find_invitation(connection, self._clock.now_ms(), token)

    def set_up(self, token: str, name: str, password: str, origin: Origin, old_cookie: str | None = None) -> NewSession:
        """Choose the password of the account that a set-up link is for, and start a session.

        The first super admin is made here, with all permissions on the sites that are there already.

        Raises:
            SetupLinkInvalidError, SetupNameError, AccountNameError, and what ``check_password`` raises.
        """
        found = self.invitation(token)
        name = check_account_name(name)
        if found.name not in {None, name}:
            raise SetupNameError(field="name")
        check_password(password, name)
        hashed = self._hasher.hash(password)
        try:
            return self._choose(found, token, name, hashed, origin, old_cookie)
        except IntegrityError:
            # Somebody else made the first account under the same name at this moment.
            raise SetupLinkInvalidError from None

    def _choose(
        self, found: Invitation, token: str, name: str, hashed: str, origin: Origin, old_cookie: str | None
    ) -> NewSession:
        with self._db.write() as connection:
            # The account's row before the link's, as everywhere: two that wait for each other would wait for ever.
            if found.admin_id is None:
                caller = self._first_admin(connection, name)
            else:
                caller = self._invited(connection, found.admin_id)
            use_up(connection, token)
            assert caller.admin_id is not None
            now = self._clock.now_ms()
            values = {"password_hash": hashed, "password_ms": now}
            connection.execute(update(admins).where(_A.id == caller.admin_id).values(**values))
            end_sessions(connection, caller.admin_id)
            session = start_session(connection, now, caller, origin, old_cookie)
            forget_failures(connection, account_subject(name))
            if found.admin_id is None:
                detail = {"super": True, "grants": _loggable(caller)}
                record(connection, Event.ADMIN_CREATED, session.caller, None, name, "ok", detail)
            record(connection, Event.PASSWORD_CHANGED, session.caller, None, name, "ok", {"with": "setup link"})
            record(connection, Event.SESSION_STARTED, session.caller, None, session.caller.credential_id)
        return session

    def _let_in(
        self,
        connection: Connection,
        seen: Any,
        attempt: Attempt,
        origin: Origin,
        old_cookie: str | None,
        rehashed: str | None,
    ) -> NewSession:
        row = connection.execute(_LOCKED, {"id": seen.id}).first()
        # Meanwhile somebody may have reset, disabled or removed it.
        if row is None or row.disabled or row.password_hash != seen.password_hash:
            raise SignInFailedError
        if row.totp_key is not None:
            self._check_second_factor(connection, row, attempt)
        if rehashed is not None:
            connection.execute(update(admins).where(_A.id == row.id).values(password_hash=rehashed))
        now = self._clock.now_ms()
        connection.execute(delete(admin_sessions).where(~is_live(now, self._limits)))
        remove_old_counts(connection, now)
        caller = session_caller(connection, row.id, row.name, is_super=row.super)
        return start_session(connection, now, caller, origin, old_cookie)

    def _check_second_factor(self, connection: Connection, row: Any, attempt: Attempt) -> None:
        if attempt.recovery_code is not None:
            use_recovery_code(connection, row, attempt.recovery_code)
        else:
            use_totp(connection, row, attempt.totp or "", self._clock.now_ms())

    def _failed(self, row: Any, origin: Origin, what: str) -> None:
        # Of an unknown name nothing is written down: it may be a password in the wrong field.
        target = row.name if row is not None else None
        detail = {"wrong": what, "address": origin.address}
        with self._db.write() as connection:
            record(connection, Event.SESSION_REFUSED, ANONYMOUS, None, target, "denied", detail)

    def _first_admin(self, connection: Connection, name: str) -> Caller:
        lock_first_admin(connection)
        if connection.execute(select(_A.id).limit(1)).first() is not None:
            raise SetupLinkInvalidError
        admin_id = new_id(PREFIX)
        row = {"id": admin_id, "name": name, "super": True, "created_ms": self._clock.now_ms()}
        connection.execute(insert(admins), row)
        everything = frozenset(str(permission) for permission in SITE_PERMISSIONS)
        all_sites = connection.execute(select(sites.c.id)).scalars().all()
        put_grants(connection, admin_id, dict.fromkeys(all_sites, everything))
        return session_caller(connection, admin_id, name, is_super=True)

    def _invited(self, connection: Connection, admin_id: str) -> Caller:
        row = connection.execute(_LOCKED, {"id": admin_id}).first()
        if row is None or row.disabled:
            raise SetupLinkInvalidError
        return session_caller(connection, row.id, row.name, is_super=row.super)


def _loggable(caller: Caller) -> dict[str, list[str]]:
    return {site: sorted(given) for site, given in caller.grants.items() if site != ALL_SITES}


def use_totp(connection: Connection, row: Any, typed: str, now_ms: int) -> None:
    """Take a code of the authenticator app, once.

    Raises:
        TotpWrongError: it is wrong, or not later than the last one that was used.
    """
    step = matching_step(bytes(row.totp_key), typed, now_ms)
    if step is None:
        raise TotpWrongError(field="totp")
    # The step of the last use is kept for good, so a code is dead long after its own time as well.
    fresh = update(admins).where(_A.id == row.id, _A.totp_step < step).values(totp_step=step)
    if connection.execute(fresh).rowcount != 1:
        raise TotpWrongError(field="totp")


def use_recovery_code(connection: Connection, row: Any, typed: str) -> None:
    """Take a recovery code, once.

    Raises:
        TotpWrongError: there is no such code, or it was used.
    """
    of_row = admin_recovery_codes.c.admin_id == row.id
    code = delete(admin_recovery_codes).where(of_row, admin_recovery_codes.c.hash == recovery_hash(typed))
    if connection.execute(code).rowcount != 1:
        raise TotpWrongError(field="recovery_code")
