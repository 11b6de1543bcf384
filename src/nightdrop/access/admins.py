"""Admins: who has an account, and what each may do where. Only super admins and the host's owner work here."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from nightdrop.access.account_names import check_account_name, normalised
from nightdrop.access.guard import authorized, check, guarded
from nightdrop.access.paging import Order, Page, select_page
from nightdrop.access.permissions import SITE_PERMISSIONS, Permission
from nightdrop.access.setup_links import SetupLink, lock_first_admin, new_setup_link
from nightdrop.access.sites import SiteMissingError
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import Caller
from nightdrop.core.clock import Clock
from nightdrop.core.errors import ConflictError, InvalidError, NotFoundError
from nightdrop.core.ids import is_id, new_id
from nightdrop.db.engine import Database
from nightdrop.db.tables import admin_grants, admin_passkeys, admin_recovery_codes, admin_sessions, admins, sites

PREFIX = "adm"
_A = admins.c
Grants = Mapping[str, frozenset[str]]


class AdminExistsError(ConflictError):
    """There is an admin of this name already."""

    code = "admin_exists"
    hint = "Choose another name. Case does not matter."


class AdminMissingError(NotFoundError):
    """There is no such admin."""

    code = "admin_not_found"
    hint = "See: nightdrop admin ls"


class LastSuperError(ConflictError):
    """This is the last super admin."""

    code = "last_super"
    hint = "Make another one first. On the server's host, nightdrop admin does it all the same."


class PermissionUnknownError(InvalidError):
    """There is no such permission."""

    code = "permission_unknown"
    hint = f"The permissions are: {' '.join(SITE_PERMISSIONS)}."


class SetUpAlreadyError(ConflictError):
    """There are admins already."""

    code = "set_up_already"
    hint = "Let one in again with: nightdrop admin reset NAME. Make another with: nightdrop admin add NAME --super"


@dataclass(frozen=True, slots=True)
class Admin:
    """An account. ``set_up`` once its owner can sign in; ``grants`` maps a site's id to permissions."""

    id: str
    name: str
    is_super: bool
    disabled: bool
    created_ms: int
    set_up: bool
    totp: bool
    grants: Grants


_PASSKEYS = select(func.count()).where(admin_passkeys.c.admin_id == _A.id).scalar_subquery().label("passkey_count")
_ADMINS = select(admins, _PASSKEYS)
_BY_NAME = Order("admins", _A.name, _A.id, PREFIX)


class AdminStore:
    """All admins of the installation."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def list(self, caller: Caller, *, limit: int = 100, cursor: str | None = None) -> Page[Admin]:
        """Return a page of them, by name.

        Raises:
            CursorError, DeniedError.
        """
        check(self._db, caller, Permission.ADMINS_EDIT)
        with self._db.read() as connection:
            page = select_page(connection, _ADMINS, _BY_NAME, lambda row: row, limit=limit, cursor=cursor)
            grants = _grants_by_admin(connection, [row.id for row in page.items])
        return Page(tuple(_admin(row, grants.get(row.id, {})) for row in page.items), page.cursor)

    def get(self, caller: Caller, name_or_id: str) -> Admin:
        """Return one.

        Raises:
            AdminMissingError, DeniedError.
        """
        check(self._db, caller, Permission.ADMINS_EDIT)
        wanted = _A.id == name_or_id if is_id(name_or_id, PREFIX) else _A.name == normalised(name_or_id)
        with self._db.read() as connection:
            row = connection.execute(_ADMINS.where(wanted)).first()
            if row is None:
                raise AdminMissingError
            return _admin(row, grants_of(connection, row.id))

    def create(
        self, caller: Caller, name: str, *, is_super: bool = False, grants: Mapping[str, Iterable[str]] | None = None
    ) -> tuple[Admin, SetupLink]:
        """Make an account and the link with which its owner chooses a password.

        Raises:
            AccountNameError, AdminExistsError, PermissionUnknownError, SiteMissingError, DeniedError.
        """
        check(self._db, caller, Permission.ADMINS_EDIT)
        name, wanted = check_account_name(name), _checked(grants or {})
        admin = Admin(new_id(PREFIX), name, is_super, False, self._clock.now_ms(), False, False, wanted)
        detail = {"super": is_super, "grants": _loggable(wanted)}
        try:
            with guarded(
                self._db, caller, Permission.ADMINS_EDIT, Event.ADMIN_CREATED, None, name, detail
            ) as connection:
                row = {"id": admin.id, "name": name, "super": is_super, "created_ms": admin.created_ms}
                connection.execute(insert(admins), row)
                put_grants(connection, admin.id, wanted)
                link = new_setup_link(connection, admin.created_ms, admin.id)
        except IntegrityError:
            raise AdminExistsError(field="name") from None
        return admin, link

    def change(
        self,
        caller: Caller,
        admin_id: str,
        *,
        is_super: bool | None = None,
        disabled: bool | None = None,
        grants: Mapping[str, Iterable[str]] | None = None,
        precondition: Callable[[Admin], None] | None = None,
    ) -> Admin:
        """Change what is given; ``grants`` replaces all there are. Whom it disables is signed out at once.

        ``precondition`` is called with what is there and may raise.

        Raises:
            AdminMissingError, LastSuperError, PermissionUnknownError, SiteMissingError, DeniedError.
        """
        check(self._db, caller, Permission.ADMINS_EDIT)
        wanted = None if grants is None else _checked(grants)
        with authorized(self._db, caller, Permission.ADMINS_EDIT) as connection:
            before = self._locked(connection, admin_id)
            if precondition is not None:
                precondition(before)
            after = dataclasses.replace(
                before,
                is_super=before.is_super if is_super is None else is_super,
                disabled=before.disabled if disabled is None else disabled,
                grants=before.grants if wanted is None else wanted,
            )
            _keep_a_super(connection, caller, before, after)
            values = {"super": after.is_super, "disabled": after.disabled}
            connection.execute(update(admins).where(_A.id == admin_id).values(**values))
            if wanted is not None:
                connection.execute(delete(admin_grants).where(admin_grants.c.admin_id == admin_id))
                put_grants(connection, admin_id, wanted)
            if after.disabled:
                connection.execute(delete(admin_sessions).where(admin_sessions.c.admin_id == admin_id))
            _record_change(connection, caller, before, after)
        return after

    def delete(self, caller: Caller, admin_id: str) -> None:
        """Remove an account with its sessions and tokens.

        Raises:
            AdminMissingError, LastSuperError, DeniedError.
        """
        with authorized(self._db, caller, Permission.ADMINS_EDIT) as connection:
            admin = self._locked(connection, admin_id)
            _keep_a_super(connection, caller, admin, None)
            connection.execute(delete(admins).where(_A.id == admin_id))
            record(connection, Event.ADMIN_DELETED, caller, None, admin.name)

    def reset(self, caller: Caller, admin_id: str) -> tuple[Admin, SetupLink]:
        """Take password, second factor, passkeys and sessions away; return the link for a new password.

        Tokens stay: to stop those as well, disable the account.

        Raises:
            AdminMissingError, DeniedError.
        """
        with authorized(self._db, caller, Permission.ADMINS_EDIT) as connection:
            admin = self._locked(connection, admin_id)
            for table in (admin_sessions, admin_passkeys, admin_recovery_codes):
                connection.execute(delete(table).where(table.c.admin_id == admin_id))
            gone = {"password_hash": None, "totp_key": None, "totp_pending": None}
            connection.execute(update(admins).where(_A.id == admin_id).values(**gone))
            link = new_setup_link(connection, self._clock.now_ms(), admin_id)
            record(connection, Event.ADMIN_RESET, caller, None, admin.name)
        return dataclasses.replace(admin, set_up=False, totp=False), link

    def first_setup_link(self, caller: Caller) -> SetupLink:
        """Return a new link that makes the first super admin; an earlier one stops working.

        Raises:
            SetUpAlreadyError, DeniedError.
        """
        with authorized(self._db, caller, Permission.ADMINS_EDIT) as connection:
            lock_first_admin(connection)
            if connection.execute(select(_A.id).limit(1)).first() is not None:
                raise SetUpAlreadyError
            link = new_setup_link(connection, self._clock.now_ms(), None)
            record(connection, Event.SETUP_LINK_CREATED, caller, None, None)
        return link

    def setup_needed(self) -> bool:
        """Tell whether there is no admin yet."""
        with self._db.read() as connection:
            return connection.execute(select(_A.id).limit(1)).first() is None

    def _locked(self, connection: Connection, admin_id: str) -> Admin:
        # All super admins with it: of two who demote each other one must see what the other did.
        connection.execute(select(_A.id).where(_A.super | (_A.id == admin_id)).order_by(_A.id).with_for_update())
        row = connection.execute(_ADMINS.where(_A.id == admin_id)).first()
        if row is None:
            raise AdminMissingError
        return _admin(row, grants_of(connection, admin_id))


def grants_of(connection: Connection, admin_id: str) -> dict[str, frozenset[str]]:
    """Return what an admin was given, by site."""
    return _grants_by_admin(connection, [admin_id]).get(admin_id, {})


def put_grants(connection: Connection, admin_id: str, grants: Grants) -> None:
    """Store what an admin is given.

    Raises:
        SiteMissingError: one of the sites is not there.
    """
    if not grants:
        return
    found = connection.execute(select(sites.c.id).where(sites.c.id.in_(grants))).scalars().all()
    if len(found) != len(grants):
        raise SiteMissingError(field="grants")
    rows = [
        {"admin_id": admin_id, "site_id": site, "permission": permission}
        for site, permissions in grants.items()
        for permission in permissions
    ]
    connection.execute(insert(admin_grants), rows)


def _grants_by_admin(connection: Connection, admin_ids: Sequence[str]) -> dict[str, dict[str, frozenset[str]]]:
    wanted = select(admin_grants).where(admin_grants.c.admin_id.in_(admin_ids))
    found: dict[str, dict[str, frozenset[str]]] = {}
    for row in connection.execute(wanted):
        of_admin = found.setdefault(row.admin_id, {})
        of_admin[row.site_id] = of_admin.get(row.site_id, frozenset()) | {row.permission}
    return found


def _checked(grants: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    wanted = {}
    for site, permissions in grants.items():
        # Only ids: an id is in the form that the database compares, whatever was typed.
        if not is_id(site, "site"):
            raise SiteMissingError(field="grants")
        chosen = frozenset(permissions)
        if not chosen <= set(SITE_PERMISSIONS):
            raise PermissionUnknownError(field="grants")
        if chosen:
            wanted[site] = frozenset(str(permission) for permission in chosen)
    return wanted


def _keep_a_super(connection: Connection, caller: Caller, before: Admin, after: Admin | None) -> None:
    if caller.kind == "host" or not before.is_super or before.disabled:
        return
    if after is not None and after.is_super and not after.disabled:
        return
    others = select(_A.id).where(_A.super, ~_A.disabled, _A.id != before.id).limit(1)
    if connection.execute(others).first() is None:
        raise LastSuperError


def _record_change(connection: Connection, caller: Caller, before: Admin, after: Admin) -> None:
    more = {site: given - before.grants.get(site, frozenset()) for site, given in after.grants.items()}
    if caller.admin_id == after.id:
        for site, given in sorted(more.items()):
            if given:
                granted = {"granted": sorted(given)}
                record(connection, Event.ADMIN_GRANTED_ITSELF, caller, site, after.name, "ok", granted)
    detail: dict[str, Any] = {"super": after.is_super, "disabled": after.disabled, "grants": _loggable(after.grants)}
    record(connection, Event.ADMIN_CHANGED, caller, None, after.name, "ok", detail)


def _loggable(grants: Grants) -> dict[str, list[str]]:
    return {site: sorted(given) for site, given in grants.items()}


def _admin(row: Any, grants: Grants) -> Admin:
    return Admin(
        id=row.id,
        name=row.name,
        is_super=row.super,
        disabled=row.disabled,
        created_ms=row.created_ms,
        set_up=row.password_hash is not None or row.passkey_count > 0,
        totp=row.totp_key is not None,
        grants=grants,
    )
