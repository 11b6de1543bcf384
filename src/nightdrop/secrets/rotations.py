"""Rotations of site keys as people see them: asked for here, done by the worker with ``secrets.reseal``."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from nightdrop.access.guard import authorized, check
from nightdrop.access.permissions import Permission
from nightdrop.access.sites import SiteMissingError
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import Caller
from nightdrop.core.clock import Clock
from nightdrop.core.errors import NotFoundError
from nightdrop.db.engine import Database
from nightdrop.db.tables import rotations, secrets, site_keys
from nightdrop.secrets import raw
from nightdrop.secrets.model import UNDECRYPTABLE, SiteKeyNotReadyError

_MAX_NAMES = 20


class RotationMissingError(NotFoundError):
    """The site's key was never rotated to this epoch."""

    code = "rotation_not_found"
    hint = "See: nightdrop key show"


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation of a site's key to ``epoch``; times are milliseconds since the epoch of the clock.

    ``left`` counts the secrets that are sealed to an earlier epoch still. ``problem`` is the code of what keeps it
    from going on; with ``undecryptable``, ``undecryptable`` names some of the secrets that do not open.
    """

    site_id: str
    epoch: int
    requested_ms: int
    requested_by: str
    drop_undecryptable: bool
    moved: int
    dropped: int
    left: int
    problem: str | None
    undecryptable: tuple[str, ...]
    finished_ms: int | None


@dataclass(frozen=True, slots=True)
class SiteKeyState:
    """A published key of a site; ``state`` is ``current``, ``retiring`` or ``destroyed``."""

    epoch: int
    key_id: str
    created_ms: int
    state: str


class RotationStore:
    """Asks for rotations and tells how they are; ``site`` is always a site's id."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def request(self, caller: Caller, site: str, *, drop_undecryptable: bool = False) -> Rotation:
        """Ask for a rotation of the site's key; one that is under way goes on instead of a second one.

        Args:
            caller: who asks.
            site: the site's id.
            drop_undecryptable: delete the secrets that do not open. Without it the earlier epoch is kept for them.

        Raises:
            SiteMissingError, SiteKeyNotReadyError, DeniedError.
        """
        if drop_undecryptable:
            check(self._db, caller, Permission.SECRETS_EDIT, site)  # it deletes secrets
        with authorized(self._db, caller, Permission.SETTINGS_EDIT, site) as connection:
            raw.lock_site(connection, site)
            epoch = self._open_epoch(connection, site)
            if epoch is None:
                epoch = self._add(connection, caller, site)
            changes: dict[str, Any] = {"problem": None}
            if drop_undecryptable:
                changes["drop_undecryptable"] = True
            wanted = (rotations.c.site_id == site) & (rotations.c.epoch == epoch)
            connection.execute(update(rotations).where(wanted).values(changes))
            found = _shown(connection, connection.execute(select(rotations).where(wanted)).one())
            detail = {"epoch": epoch, "drop_undecryptable": found.drop_undecryptable}
            record(connection, Event.SITE_KEY_ROTATION_REQUESTED, caller, site, None, "ok", detail)
        return found

    def get(self, caller: Caller, site: str, epoch: int) -> Rotation:
        """Return the rotation that led, or leads, to an epoch.

        Raises:
            RotationMissingError, DeniedError.
        """
        check(self._db, caller, Permission.SETTINGS_VIEW, site)
        wanted = (rotations.c.site_id == site) & (rotations.c.epoch == epoch)
        with self._db.read() as connection:
            row = connection.execute(select(rotations).where(wanted)).first()
            if row is None:
                raise RotationMissingError
            return _shown(connection, row)

    def keys(self, caller: Caller, site: str) -> tuple[list[SiteKeyState], Rotation | None]:
        """Return the site's published keys, the newest first, and the rotation that is under way.

        Raises:
            DeniedError
        """
        check(self._db, caller, Permission.SETTINGS_VIEW, site)
        with self._db.read() as connection:
            keys = connection.execute(
                select(site_keys.c.epoch, site_keys.c.key_id, site_keys.c.created_ms)
                .where(site_keys.c.site_id == site)
                .order_by(site_keys.c.epoch.desc())
            ).all()
            row = connection.execute(
                select(rotations).where(rotations.c.site_id == site, rotations.c.finished_ms.is_(None))
            ).first()
            under_way = _shown(connection, row) if row is not None else None
        states = [_state(key.epoch, keys[0].epoch, under_way) for key in keys]
        return [
            SiteKeyState(key.epoch, key.key_id, key.created_ms, state) for key, state in zip(keys, states, strict=True)
        ], under_way

    def _open_epoch(self, connection: Connection, site: str) -> int | None:
        wanted = select(rotations.c.epoch).where(rotations.c.site_id == site, rotations.c.finished_ms.is_(None))
        epoch: int | None = connection.execute(wanted).scalar()
        return epoch

    def _add(self, connection: Connection, caller: Caller, site: str) -> int:
        state = raw.find_state(connection, site, "")
        if state is None:
            raise SiteMissingError
        if state.epoch is None:
            raise SiteKeyNotReadyError
        row = {
            "site_id": site,
            "epoch": state.epoch + 1,
            "requested_ms": self._clock.now_ms(),
            "requested_by": caller.name,
        }
        connection.execute(insert(rotations), row)
        return state.epoch + 1


def _state(epoch: int, newest: int, under_way: Rotation | None) -> str:
    if epoch == newest:
        return "current"
    # All earlier ones go at the same moment.
    return "retiring" if under_way is not None and under_way.epoch == newest else "destroyed"


def _shown(connection: Connection, row: Row[Any]) -> Rotation:
    left, names = 0, []
    if row.finished_ms is None:
        older = (secrets.c.site_id == row.site_id) & (secrets.c.epoch < row.epoch)
        left = connection.execute(select(func.count()).select_from(secrets).where(older)).scalar_one()
        if row.problem == UNDECRYPTABLE:
            found = select(secrets.c.name).where(older).order_by(secrets.c.name).limit(_MAX_NAMES)
            names = list(connection.execute(found).scalars())
    return Rotation(
        site_id=row.site_id,
        epoch=row.epoch,
        requested_ms=row.requested_ms,
        requested_by=row.requested_by,
        drop_undecryptable=row.drop_undecryptable,
        moved=row.moved,
        dropped=row.dropped,
        left=left,
        problem=row.problem,
        undecryptable=tuple(names),
        finished_ms=row.finished_ms,
    )
