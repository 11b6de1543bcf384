"""Passkeys: added by who is signed in and knows the password, and then enough to sign in."""

import base64
import binascii
import json
import secrets
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from nightdrop.access.confirm import confirm_password, own_row
from nightdrop.access.credentials import session_caller
from nightdrop.access.guard import authorized, check, guarded
from nightdrop.access.passkey_port import PasskeyInvalidError, RelyingParty, passkey_port
from nightdrop.access.passwords import Hasher
from nightdrop.access.permissions import Permission
from nightdrop.access.sessions import NewSession, Origin, start_session
from nightdrop.access.throttle import Rule, address_subject, begin_attempt, undo_attempt
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import ANONYMOUS, Caller
from nightdrop.core.clock import Clock
from nightdrop.core.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from nightdrop.core.ids import is_id, new_id
from nightdrop.db.engine import Database
from nightdrop.db.tables import admin_passkeys, admins, passkey_challenges

PREFIX = "key"
MAX_NAME = 64
_LIFETIME_MS = 300_000
_MAX_EACH = 20
# A sign-in page asks each time it is opened, and most are closed again.
_ASKING = Rule(free=120, longest_s=60, forget_s=3600)
_K = admin_passkeys.c
_C = passkey_challenges.c
_BY_CREDENTIAL = (
    select(admin_passkeys, admins.c.name.label("owner"), admins.c.super, admins.c.disabled)
    .join_from(admin_passkeys, admins)
    .where(_K.credential == bindparam("credential"))
)


class PasskeyRefusedError(DeniedError):
    """This passkey does not sign in here."""

    code = "passkey_refused"
    hint = "Sign in with the password, and look at your passkeys."


class PasskeyMissingError(NotFoundError):
    """You have no such passkey."""

    code = "passkey_not_found"


class PasskeyExistsError(ConflictError):
    """This passkey is there already, or you have 20."""

    code = "passkey_exists"
    hint = "Remove one that is not needed."


class PasskeyNameError(InvalidError):
    """A passkey needs a name of 1 to 64 printable characters."""

    code = "passkey_name"


class PasskeyStore:
    """The passkeys of whoever asks, and signing in with one."""

    def __init__(self, db: Database, clock: Clock, hasher: Hasher) -> None:
        self._db = db
        self._clock = clock
        self._hasher = hasher

    def begin_adding(self, caller: Caller, password: str, rp: RelyingParty) -> dict[str, Any]:
        """Return what ``navigator.credentials.create()`` takes. Costs one password hash.

        Raises:
            PasskeysMissingError, PasswordWrongError, ThrottledError, DeniedError.
        """
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        port = passkey_port()
        row = confirm_password(self._db, self._clock, self._hasher, caller, password, "password")
        with self._db.write() as connection:
            known = connection.execute(select(_K.credential).where(_K.admin_id == row.id)).scalars().all()
            challenge = self._new_challenge(connection, row.id)
        return port.registration_options(rp, challenge, row.id.encode(), row.name, [bytes(each) for each in known])

    def add(self, caller: Caller, name: str, answer: dict[str, Any], rp: RelyingParty) -> str:
        """Add the passkey that an authenticator made; return its id.

        Raises:
            PasskeysMissingError, PasskeyInvalidError, PasskeyNameError, PasskeyExistsError, DeniedError.
        """
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        if not 1 <= len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
            raise PasskeyNameError(field="name")
        challenge = _challenge_of(answer)
        with self._db.write() as connection:
            self._use_challenge(connection, challenge, caller.admin_id)
        made = passkey_port().verify_registration(rp, challenge, answer)
        passkey_id = new_id(PREFIX)
        row = {
            "id": passkey_id,
            "credential": made.credential,
            "admin_id": caller.admin_id,
            "name": name,
            "public_key": made.public_key,
            "sign_count": made.sign_count,
            "created_ms": self._clock.now_ms(),
        }
        try:
            with authorized(self._db, caller, Permission.ACCOUNT_EDIT) as connection:
                own_row(connection, caller, lock=True)
                if len(connection.execute(select(_K.id).where(_K.admin_id == caller.admin_id)).all()) >= _MAX_EACH:
                    raise PasskeyExistsError
                connection.execute(insert(admin_passkeys), row)
                record(connection, Event.PASSKEY_ADDED, caller, None, passkey_id)
        except IntegrityError:
            raise PasskeyExistsError from None
        return passkey_id

    def remove(self, caller: Caller, passkey_id: str) -> None:
        """Remove one of one's own passkeys.

        Raises:
            PasskeyMissingError, DeniedError.
        """
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        if not is_id(passkey_id, PREFIX):
            raise PasskeyMissingError
        with guarded(self._db, caller, Permission.ACCOUNT_EDIT, Event.PASSKEY_REMOVED, None, passkey_id) as connection:
            mine = (_K.id == passkey_id) & (_K.admin_id == caller.admin_id)
            if connection.execute(delete(admin_passkeys).where(mine)).rowcount != 1:
                raise PasskeyMissingError

    def begin_sign_in(self, rp: RelyingParty, origin: Origin) -> dict[str, Any]:
        """Return what ``navigator.credentials.get()`` takes; it names no account.

        Raises:
            PasskeysMissingError, ThrottledError.
        """
        port, subject = passkey_port(), _asking(origin)
        with self._db.write(durable=False) as connection:
            begin_attempt(connection, self._clock.now_ms(), {subject: _ASKING})
            challenge = self._new_challenge(connection, None)
        return port.sign_in_options(rp, challenge)

    def sign_in(
        self, answer: dict[str, Any], rp: RelyingParty, origin: Origin, old_cookie: str | None = None
    ) -> NewSession:
        """Start a session; the one of ``old_cookie`` ends.

        Raises:
            PasskeysMissingError, PasskeyInvalidError, PasskeyRefusedError.
        """
        port, challenge = passkey_port(), _challenge_of(answer)
        with self._db.write() as connection:
            self._use_challenge(connection, challenge, None)
            seen = connection.execute(_BY_CREDENTIAL, {"credential": _credential_of(answer)}).first()
        if seen is None or seen.disabled:
            self._refused(origin, None if seen is None else seen.owner)
            raise PasskeyRefusedError
        try:
            count = port.verify_sign_in(rp, challenge, answer, bytes(seen.public_key), seen.sign_count)
        except PasskeyInvalidError:
            self._refused(origin, seen.owner)
            raise
        with self._db.write() as connection:
            return self._let_in(connection, seen, count, origin, old_cookie)

    def _let_in(
        self, connection: Connection, seen: Any, count: int, origin: Origin, old_cookie: str | None
    ) -> NewSession:
        now = self._clock.now_ms()
        owner = connection.execute(select(admins).where(admins.c.id == seen.admin_id).with_for_update()).first()
        # As it was when it was verified: of two answers with one count, one is a copy.
        same = (_K.id == seen.id) & (_K.sign_count == seen.sign_count)
        used = update(admin_passkeys).where(same).values(sign_count=count, used_ms=now)
        if owner is None or owner.disabled or connection.execute(used).rowcount != 1:
            raise PasskeyRefusedError
        caller = session_caller(connection, owner.id, owner.name, is_super=owner.super)
        session = start_session(connection, now, caller, origin, old_cookie)
        undo_attempt(connection, _asking(origin))
        detail = {"with": "passkey"}
        record(connection, Event.SESSION_STARTED, session.caller, None, session.caller.credential_id, "ok", detail)
        return session

    def _new_challenge(self, connection: Connection, admin_id: str | None) -> bytes:
        now, challenge = self._clock.now_ms(), secrets.token_bytes(32)
        connection.execute(delete(passkey_challenges).where(_C.expires_ms <= now))
        row = {"challenge": challenge, "admin_id": admin_id, "expires_ms": now + _LIFETIME_MS}
        connection.execute(insert(passkey_challenges), row)
        return challenge

    def _use_challenge(self, connection: Connection, challenge: bytes, admin_id: str | None) -> None:
        whose = _C.admin_id.is_(None) if admin_id is None else _C.admin_id == admin_id
        live = (_C.challenge == challenge) & (_C.expires_ms > self._clock.now_ms())
        if connection.execute(delete(passkey_challenges).where(live, whose)).rowcount != 1:
            raise PasskeyInvalidError

    def _refused(self, origin: Origin, owner: str | None) -> None:
        detail = {"wrong": "passkey", "address": origin.address}
        with self._db.write() as connection:
            record(connection, Event.SESSION_REFUSED, ANONYMOUS, None, owner, "denied", detail)


def _asking(origin: Origin) -> str:
    return f"passkey:{address_subject(origin.address)}"


def _challenge_of(answer: dict[str, Any]) -> bytes:
    try:
        client_data = json.loads(_decoded(answer["response"]["clientDataJSON"]))
        return _decoded(client_data["challenge"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise PasskeyInvalidError from None


def _credential_of(answer: dict[str, Any]) -> bytes:
    try:
        return _decoded(answer["rawId"])
    except (KeyError, TypeError, ValueError):
        raise PasskeyInvalidError from None


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError from None
