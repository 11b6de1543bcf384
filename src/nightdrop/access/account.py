"""What people do with their own account: password and second factor."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, insert, select, update

from nightdrop.access.confirm import PasswordWrongError, confirm_password, own_row
from nightdrop.access.guard import authorized, check
from nightdrop.access.passwords import Hasher, check_password
from nightdrop.access.permissions import Permission
from nightdrop.access.sessions import end_sessions
from nightdrop.access.totp import matching_step, new_recovery_codes, new_totp_key, recovery_hash, shown_key, totp_uri
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import Caller
from nightdrop.core.clock import Clock
from nightdrop.core.errors import ConflictError, InvalidError
from nightdrop.db.engine import Database
from nightdrop.db.tables import admin_passkeys, admin_recovery_codes, admins

_A = admins.c


class TotpOnAlreadyError(ConflictError):
    """This account needs codes of an authenticator app already."""

    code = "totp_on_already"
    hint = "Switch it off first, with the password."


class TotpNotBegunError(ConflictError):
    """There is no key to confirm."""

    code = "totp_not_begun"
    hint = "Ask for a key first: POST /api/v1/account/totp"


class TotpCodeError(InvalidError):
    """This is not the code that the app shows now."""

    code = "totp_code"
    hint = "Check that the clocks of this server and of the device are right."


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its owner sees it; ``used_ms`` is 0 before its first use."""

    id: str
    name: str
    created_ms: int
    used_ms: int


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its owner sees it."""

    id: str
    name: str
    is_super: bool
    created_ms: int
    password_ms: int
    totp: bool
    recovery_codes_left: int
    passkeys: tuple[Passkey, ...]


@dataclass(frozen=True, slots=True)
class NewTotp:
    """A key that is not in force yet; shown once."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


class AccountStore:
    """The account of whoever asks: only for people who signed in."""

    def __init__(self, db: Database, clock: Clock, hasher: Hasher) -> None:
        self._db = db
        self._clock = clock
        self._hasher = hasher

    def get(self, caller: Caller) -> Account:
        """Return one's own account.

        Raises:
            AccountGoneError, DeniedError.
        """
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        with self._db.read() as connection:
            row = own_row(connection, caller)
            codes = admin_recovery_codes.c
            left = connection.execute(select(func.count()).where(codes.admin_id == row.id)).scalar_one()
            keys = admin_passkeys.c
            passkeys = connection.execute(
                select(keys.id, keys.name, keys.created_ms, keys.used_ms)
                .where(keys.admin_id == row.id)
                .order_by(keys.created_ms, keys.id)
            ).all()
        return Account(
            id=row.id,
            name=row.name,
            is_super=row.super,
            created_ms=row.created_ms,
            password_ms=row.password_ms,
            totp=row.totp_key is not None,
            recovery_codes_left=left,
            passkeys=tuple(Passkey(*passkey) for passkey in passkeys),
        )

    def change_password(self, caller: Caller, current: str, new: str) -> None:
        """Change the password; every other session ends. Costs two password hashes.

        Raises:
            PasswordWrongError, ThrottledError, AccountGoneError, DeniedError, and what ``check_password`` raises.
        """
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        check_password(new, caller.name, field="new")
        row = confirm_password(self._db, self._clock, self._hasher, caller, current, "current")
        hashed = self._hasher.hash(new)
        with authorized(self._db, caller, Permission.ACCOUNT_EDIT) as connection:
            changed = update(admins).where(_A.id == row.id, _A.password_hash == row.password_hash)
            now = self._clock.now_ms()
            if connection.execute(changed.values(password_hash=hashed, password_ms=now)).rowcount != 1:
                raise PasswordWrongError(field="current")  # it was changed meanwhile
            end_sessions(connection, row.id, but=caller.credential_id)
            record(connection, Event.PASSWORD_CHANGED, caller, None, row.name)

    def begin_totp(self, caller: Caller) -> NewTotp:
        """Make a key for an authenticator app; it counts once a code of it is confirmed.

        Raises:
            TotpOnAlreadyError, AccountGoneError, DeniedError.
        """
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        key = new_totp_key()
        # No audit entry: nothing is in force before it is confirmed.
        with self._db.write() as connection:
            row = own_row(connection, caller, lock=True)
            if row.totp_key is not None:
                raise TotpOnAlreadyError
            connection.execute(update(admins).where(_A.id == row.id).values(totp_pending=key))
        return NewTotp(shown_key(key), totp_uri(key, row.name))

    def confirm_totp(self, caller: Caller, code: str) -> list[str]:
        """Put the key in force; return the recovery codes, which are shown once.

        Raises:
            TotpCodeError, TotpNotBegunError, AccountGoneError, DeniedError.
        """
        with authorized(self._db, caller, Permission.ACCOUNT_EDIT) as connection:
            row = own_row(connection, caller, lock=True)
            if row.totp_pending is None:
                raise TotpNotBegunError
            step = matching_step(bytes(row.totp_pending), code, self._clock.now_ms())
            if step is None:
                raise TotpCodeError(field="code")
            values = {"totp_key": row.totp_pending, "totp_pending": None, "totp_step": step}
            connection.execute(update(admins).where(_A.id == row.id).values(**values))
            codes = new_recovery_codes()
            _replace_codes(connection, row.id, codes)
            record(connection, Event.TOTP_ENABLED, caller, None, row.name)
        return codes

    def end_totp(self, caller: Caller, password: str) -> None:
        """Stop asking for codes. Costs one password hash.

        Raises:
            PasswordWrongError, ThrottledError, AccountGoneError, DeniedError.
        """
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        row = confirm_password(self._db, self._clock, self._hasher, caller, password, "password")
        with authorized(self._db, caller, Permission.ACCOUNT_EDIT) as connection:
            connection.execute(update(admins).where(_A.id == row.id).values(totp_key=None, totp_pending=None))
            _replace_codes(connection, row.id, [])
            record(connection, Event.TOTP_DISABLED, caller, None, row.name)


def _replace_codes(connection: Connection, admin_id: str, codes: list[str]) -> None:
    connection.execute(delete(admin_recovery_codes).where(admin_recovery_codes.c.admin_id == admin_id))
    if codes:
        rows = [{"admin_id": admin_id, "hash": recovery_hash(code)} for code in codes]
        connection.execute(insert(admin_recovery_codes), rows)
