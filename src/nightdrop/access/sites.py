"""Virtual sites: their names, settings and published keys."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from nightdrop.access.guard import check, guarded, record_denial
from nightdrop.access.paging import Order, Page, select_page
from nightdrop.access.permissions import Permission, sees_site
from nightdrop.access.settings import SiteSettings, changed_settings, parse_settings
from nightdrop.access.site_paths import check_site_paths
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import ALL_SITES, SYSTEM, Caller
from nightdrop.core.clock import Clock
from nightdrop.core.errors import ConflictError, InvalidError, NotFoundError
from nightdrop.core.ids import is_id, new_id
from nightdrop.crypto.identity import SiteKeyForgedError, verify_site_key
from nightdrop.db.engine import Database
from nightdrop.db.notify import notify
from nightdrop.db.tables import site_keys, sites
from nightdrop.sandbox.places import Places

__all__ = [
    "PublishedSiteKey",
    "Site",
    "SiteExistsError",
    "SiteKeyStaleError",
    "SiteMissingError",
    "SiteNameError",
    "SiteSettings",
    "SiteStore",
    "parse_settings",
]

_PREFIX = "site"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class SiteNameError(InvalidError):
    """The name of the site is not valid."""

    code = "site_name"
    hint = "Use 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end."


class SiteExistsError(ConflictError):
    """There is a site of this name already."""

    code = "site_exists"
    hint = "Choose another name."


class SiteMissingError(NotFoundError):
    """There is no such site."""

    code = "site_not_found"
    hint = "See: nightdrop site ls"


class SiteKeyStaleError(ConflictError):
    """The site has a key of this epoch, or a later one, already."""

    code = "site_key_stale"


@dataclass(frozen=True, slots=True)
class Site:
    """A site; ``ready`` once its key is published, so that secrets can be stored."""

    id: str
    name: str
    created_ms: int
    settings: SiteSettings
    ready: bool


@dataclass(frozen=True, slots=True)
class PublishedSiteKey:
    """A site's public key, signed by the keeper's identity key."""

    epoch: int
    suite: str
    key_id: str
    public_key: bytes
    signature: bytes
    identity: bytes


_READY = select(func.count()).where(site_keys.c.site_id == sites.c.id).scalar_subquery().label("site_key_count")
_SITES = select(sites.c.id, sites.c.name, sites.c.created_ms, sites.c.settings, _READY)
_WITHOUT_KEY = select(sites.c.id).where(~select(1).where(site_keys.c.site_id == sites.c.id).exists())
_BY_NAME = Order("sites", sites.c.name, sites.c.id, _PREFIX)
_LOCK = text("SELECT 1 FROM sites WHERE id = :site FOR NO KEY UPDATE")


class SiteStore:
    """All sites of the installation; ``places`` says which directories a site may be given, without it none."""

    def __init__(self, db: Database, clock: Clock, places: Places | None = None) -> None:
        self._db = db
        self._clock = clock
        self._places = places

    def create(self, caller: Caller, name: str) -> Site:
        """Make a site; the worker publishes its key later, and until then it holds no secret.

        Raises:
            SiteNameError, SiteExistsError, DeniedError.
        """
        if _NAME.fullmatch(name) is None:
            raise SiteNameError(field="name")
        site = Site(new_id(_PREFIX), name, self._clock.now_ms(), SiteSettings(), ready=False)
        try:
            with guarded(self._db, caller, Permission.SITES_EDIT, Event.SITE_CREATED, site.id, name) as connection:
                row = {"id": site.id, "name": name, "created_ms": site.created_ms, "settings": "{}"}
                connection.execute(insert(sites), row)
                notify(connection, "house")
        except IntegrityError:
            raise SiteExistsError(field="name") from None
        return site

    def get(self, caller: Caller, name_or_id: str) -> Site:
        """Return one site.

        Raises:
            SiteMissingError: there is none, or the caller may not see it (recorded).
        """
        if _NAME.fullmatch(name_or_id):
            wanted = sites.c.name == name_or_id
        elif is_id(name_or_id, _PREFIX):
            wanted = sites.c.id == name_or_id
        else:
            raise SiteMissingError
        with self._db.read() as connection:
            row = connection.execute(_SITES.where(wanted)).first()
        if row is None:
            raise SiteMissingError
        if not sees_site(caller, row.id):
            # To somebody without rights there, a site of another tenant does not exist.
            record_denial(self._db, caller, Permission.SETTINGS_VIEW, row.id)
            raise SiteMissingError
        return _site(row)

    def set(
        self,
        caller: Caller,
        site_id: str,
        changes: Mapping[str, Any],
        precondition: Callable[[Site], None] | None = None,
    ) -> Site:
        """Change settings, see ``access.settings.changed_settings``; the others stay.

        ``precondition`` is called with what is there and may raise. Directories of the host are given by super admins.

        Raises:
            SettingUnknownError, SettingInvalidError, SiteMissingError, DeniedError.
        """
        check(self._db, caller, Permission.SETTINGS_EDIT, site_id)
        if "paths" in changes:
            check(self._db, caller, Permission.SITES_EDIT, site_id)
        changed = parse_settings(changed_settings("{}", changes))
        check_site_paths(self._places, changed.paths, here=self._db.is_sqlite)
        detail = {"settings": {key: _loggable(value) for key, value in changes.items()}}
        change = guarded(self._db, caller, Permission.SETTINGS_EDIT, Event.SITE_CHANGED, site_id, None, detail)
        with change as connection:
            self._lock(connection, site_id)
            row = connection.execute(_SITES.where(sites.c.id == site_id)).first()
            if row is None:
                raise SiteMissingError
            if precondition is not None:
                precondition(_site(row))
            stored = changed_settings(row.settings, changes)
            connection.execute(update(sites).where(sites.c.id == site_id).values(settings=stored))
            return _site(row, stored)

    def publish_site_key(self, site_id: str, key: PublishedSiteKey) -> None:
        """Publish a key that the keeper made; called by the worker and by ``init``, recorded as ``system``.

        The same key again changes nothing.

        Raises:
            SiteMissingError, SiteKeyStaleError.
            SiteKeyForgedError: the signature does not fit, or another keeper made it.
        """
        verify_site_key(key.identity, key.signature, site_id, key.epoch, key.suite, key.public_key)
        with self._db.write() as connection:
            self._lock(connection, site_id)
            if connection.execute(select(sites.c.id).where(sites.c.id == site_id)).first() is None:
                raise SiteMissingError
            self._same_keeper(connection, key)
            newest = connection.execute(
                select(site_keys).where(site_keys.c.site_id == site_id).order_by(site_keys.c.epoch.desc()).limit(1)
            ).first()
            if newest is not None and key.epoch <= newest.epoch:
                if (newest.epoch, bytes(newest.public_key)) == (key.epoch, key.public_key):
                    return
                raise SiteKeyStaleError
            self._add_key(connection, site_id, key)

    def sites_without_key(self) -> list[str]:
        """Return the ids of sites whose key is still to be made."""
        with self._db.read() as connection:
            return [row.id for row in connection.execute(_WITHOUT_KEY)]

    def page(self, caller: Caller, *, limit: int = 100, cursor: str | None = None) -> Page[Site]:
        """Return a page of the sites that the caller may see, by name.

        Raises:
            CursorError
        """
        wanted = _SITES
        # A role that sees every site is not asked about each; one with grants is asked about those only.
        if not sees_site(caller, ALL_SITES):
            wanted = wanted.where(sites.c.id.in_([site for site in caller.grants if sees_site(caller, site)]))
        with self._db.read() as connection:
            return select_page(connection, wanted, _BY_NAME, _site, limit=limit, cursor=cursor)

    def list(self, caller: Caller) -> list[Site]:
        """Return all sites that the caller may see, by name."""
        with self._db.read() as connection:
            rows = connection.execute(_SITES.order_by(sites.c.name)).all()
        return [_site(row) for row in rows if sees_site(caller, row.id)]

    def _same_keeper(self, connection: Connection, key: PublishedSiteKey) -> None:
        # An installation has one keeper: a key of another one was pinned by nobody, and is opened by who knows whom.
        known = connection.execute(select(site_keys.c.identity).limit(1)).scalar()
        if known is not None and bytes(known) != key.identity:
            raise SiteKeyForgedError

    def _add_key(self, connection: Connection, site_id: str, key: PublishedSiteKey) -> None:
        row = {
            "site_id": site_id,
            "epoch": key.epoch,
            "suite": key.suite,
            "key_id": key.key_id,
            "public_key": key.public_key,
            "signature": key.signature,
            "identity": key.identity,
            "created_ms": self._clock.now_ms(),
        }
        connection.execute(insert(site_keys), row)
        detail = {"epoch": key.epoch, "key_id": key.key_id}
        notify(connection, "web")
        record(connection, Event.SITE_KEY_PUBLISHED, SYSTEM, site_id, None, "ok", detail)

    def _lock(self, connection: Connection, site_id: str) -> None:
        if not self._db.is_sqlite:
            connection.execute(_LOCK, {"site": site_id})


def _site(row: Any, settings: str | None = None) -> Site:
    return Site(
        id=row.id,
        name=row.name,
        created_ms=row.created_ms,
        settings=parse_settings(row.settings if settings is None else settings),
        ready=row.site_key_count > 0,
    )


def _loggable(value: Any) -> Any:
    return value if isinstance(value, str | int | list) else str(type(value).__name__)
