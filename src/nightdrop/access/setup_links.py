"""One-time links with which somebody chooses the password of an account that nobody else ever types."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from nightdrop.access.bearer import bearer_hash, new_bearer
from nightdrop.core.errors import DeniedError
from nightdrop.db.tables import admins, setup_links

LIFETIME_MS = 24 * 3600 * 1000
_L = setup_links.c
_LOCK = text("LOCK TABLE admins IN SHARE ROW EXCLUSIVE MODE")


class SetupLinkInvalidError(DeniedError):
    """This set-up link was used already, has expired or was replaced by a newer one."""

    code = "setup_link_invalid"
    hint = "Ask for a new one. On the server's host: nightdrop admin setup-link, or nightdrop admin reset NAME"


@dataclass(frozen=True, slots=True)
class SetupLink:
    """A link that was just made; its token is shown once and kept nowhere."""

    token: str = field(repr=False)
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom a link lets in: ``admin_id`` and ``name`` are ``None`` when it makes the first super admin."""

    admin_id: str | None
    name: str | None
    expires_ms: int


def lock_first_admin(connection: Connection) -> None:
    """Let nobody make an admin, or a link for the first one, until the end of the transaction; do it first in it.

    Whoever holds this and finds no admin is alone: the lock conflicts with every write to the table, by whatever
    program. On SQLite the write transaction is the lock.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(_LOCK)


def new_setup_link(connection: Connection, now_ms: int, admin_id: str | None) -> SetupLink:
    """Store a new link for an account, or for the first one; the one before stops working."""
    same = _L.admin_id.is_(None) if admin_id is None else _L.admin_id == admin_id
    connection.execute(delete(setup_links).where(same))
    link = SetupLink(new_bearer(), now_ms + LIFETIME_MS)
    row = {"hash": bearer_hash(link.token), "admin_id": admin_id, "created_ms": now_ms, "expires_ms": link.expires_ms}
    connection.execute(insert(setup_links), row)
    return link


def find_invitation(connection: Connection, now_ms: int, token: str) -> Invitation:
    """Return whom a link lets in.

    Raises:
        SetupLinkInvalidError
    """
    wanted = select(_L.admin_id, _L.expires_ms, admins.c.name, admins.c.disabled)
    row: Any = connection.execute(
        wanted.outerjoin_from(setup_links, admins).where(_L.hash == bearer_hash(token), _L.expires_ms > now_ms)
    ).first()
    if row is None or row.disabled:
        raise SetupLinkInvalidError
    return Invitation(row.admin_id, row.name, row.expires_ms)


def use_up(connection: Connection, token: str) -> None:
    """Make sure that a link is never used again.

    Raises:
        SetupLinkInvalidError: somebody else was faster.
    """
    if connection.execute(delete(setup_links).where(_L.hash == bearer_hash(token))).rowcount != 1:
        raise SetupLinkInvalidError
