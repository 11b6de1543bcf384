"""API tokens: what automations outside sign in with. Shown once, hashed, narrower than their owner, with an end."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from nightdrop.access.bearer import bearer_hash, new_bearer
from nightdrop.access.credentials import TOKEN_PREFIX
from nightdrop.access.guard import check, guarded
from nightdrop.access.paging import Order, Page, select_page
from nightdrop.access.permissions import TOKEN_PERMISSIONS, Permission, sees_site
from nightdrop.access.sites import SiteMissingError
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import Caller
from nightdrop.core.clock import Clock
from nightdrop.core.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from nightdrop.core.ids import is_id, new_id
from nightdrop.db.engine import Database
from nightdrop.db.tables import admin_tokens

PREFIX = "tok"
MAX_NAME = 64
_SHOWN = 8
_T = admin_tokens.c
_BY_NAME = Order("tokens", _T.name, _T.id, PREFIX)


class TokenMissingError(NotFoundError):
    """You have no such token."""

    code = "token_not_found"


class TokenExistsError(ConflictError):
    """You have a token of this name already."""

    code = "token_exists"
    hint = "Choose another name, or revoke the other one."


class TokenInvalidError(InvalidError):
    """A token needs a name of 1 to 64 printable characters, at least one site and at least one permission."""

    code = "token_invalid"


class TokenExpiryError(InvalidError):
    """The token would have expired already."""

    code = "token_expiry"
    hint = "`expires_ms` is milliseconds since 1970, UTC."


class TokenPermissionError(InvalidError):
    """A token cannot have this permission."""

    code = "token_permission"
    hint = f"A token can have: {' '.join(TOKEN_PERMISSIONS)}."


class TokenTooWideError(DeniedError):
    """You do not have this permission on each of these sites yourself."""

    code = "token_too_wide"
    hint = "Choose fewer sites or permissions."


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A token as its owner sees it; ``used_ms`` is 0 before its first use, ``prefix`` is how it begins."""

    id: str
    name: str
    prefix: str
    sites: tuple[str, ...]
    permissions: tuple[str, ...]
    created_ms: int
    expires_ms: int | None
    used_ms: int


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made; its text is shown once and kept nowhere."""

    info: TokenInfo
    token: str = field(repr=False)


class TokenStore:
    """The tokens of whoever asks."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def list(self, caller: Caller, *, limit: int = 100, cursor: str | None = None) -> Page[TokenInfo]:
        """Return a page of one's own tokens, by name.

        Raises:
            CursorError, DeniedError.
        """
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        mine = select(admin_tokens).where(_T.admin_id == caller.admin_id)
        with self._db.read() as connection:
            return select_page(connection, mine, _BY_NAME, _shown, limit=limit, cursor=cursor)

    def create(
        self,
        caller: Caller,
        name: str,
        sites: Sequence[str],
        permissions: Sequence[str],
        expires_ms: int | None = None,
    ) -> NewToken:
        """Make a token. What its owner may not do, or may no longer do, it may not do either.

        Raises:
            TokenInvalidError, TokenPermissionError, TokenTooWideError, TokenExpiryError, TokenExistsError,
            SiteMissingError, DeniedError.
        """
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        chosen = self._checked(caller, name, sites, permissions, expires_ms)
        token, token_id = new_bearer(TOKEN_PREFIX), new_id(PREFIX)
        info = TokenInfo(
            token_id, name, token[:_SHOWN], tuple(sites), chosen, self._clock.now_ms(), expires_ms, used_ms=0
        )
        row = {
            "id": token_id,
            "hash": bearer_hash(token),
            "admin_id": caller.admin_id,
            "name": name,
            "prefix": info.prefix,
            "sites": json.dumps(info.sites),
            "permissions": json.dumps(info.permissions),
            "created_ms": info.created_ms,
            "expires_ms": expires_ms,
        }
        detail = {"sites": list(info.sites), "permissions": list(chosen), "expires_ms": expires_ms}
        create = guarded(self._db, caller, Permission.ACCOUNT_EDIT, Event.TOKEN_CREATED, None, token_id, detail)
        try:
            with create as connection:
                connection.execute(insert(admin_tokens), row)
        except IntegrityError:
            raise TokenExistsError(field="name") from None
        return NewToken(info, token)

    def revoke(self, caller: Caller, token_id: str) -> None:
        """Revoke one of one's own tokens, at once. A token may revoke itself, and nothing else.

        Raises:
            TokenMissingError, DeniedError.
        """
        if caller.kind == "token" and token_id == caller.credential_id:
            with self._db.write() as connection:
                connection.execute(delete(admin_tokens).where(_T.id == token_id))
                record(connection, Event.TOKEN_REVOKED, caller, None, token_id, "ok")
            return
        check(self._db, caller, Permission.ACCOUNT_EDIT)
        if not is_id(token_id, PREFIX):
            raise TokenMissingError
        with guarded(self._db, caller, Permission.ACCOUNT_EDIT, Event.TOKEN_REVOKED, None, token_id) as connection:
            mine = (_T.id == token_id) & (_T.admin_id == caller.admin_id)
            if connection.execute(delete(admin_tokens).where(mine)).rowcount != 1:
                raise TokenMissingError

    def _checked(
        self, caller: Caller, name: str, sites: Sequence[str], permissions: Sequence[str], expires_ms: int | None
    ) -> tuple[str, ...]:
        if not 1 <= len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
            raise TokenInvalidError(field="name")
        if not sites or len(set(sites)) != len(sites):
            raise TokenInvalidError(field="sites")
        if not permissions or len(set(permissions)) != len(permissions):
            raise TokenInvalidError(field="permissions")
        if not set(permissions) <= set(TOKEN_PERMISSIONS):
            raise TokenPermissionError(field="permissions")
        if expires_ms is not None and expires_ms <= self._clock.now_ms():
            raise TokenExpiryError(field="expires_ms")
        for site in sites:
            if not is_id(site, "site") or not sees_site(caller, site):
                raise SiteMissingError(field="sites")
            if not all(caller.may(permission, site) for permission in permissions):
                raise TokenTooWideError(field="permissions")
        return tuple(str(p) for p in TOKEN_PERMISSIONS if p in permissions)


def _shown(row: Any) -> TokenInfo:
    return TokenInfo(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        sites=tuple(json.loads(row.sites)),
        permissions=tuple(json.loads(row.permissions)),
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
        used_ms=row.used_ms,
    )
