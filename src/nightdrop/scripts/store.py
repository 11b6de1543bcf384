"""Scripts and their versions: each method takes a Caller, and checks, records and acts in one transaction."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import IntegrityError

from nightdrop.access.guard import check, guarded
from nightdrop.access.permissions import Permission
from nightdrop.access.sites import SiteMissingError
from nightdrop.audit.events import Event
from nightdrop.core.caller import Caller
from nightdrop.core.clock import Clock
from nightdrop.core.cursor import decode_cursor, encode_cursor
from nightdrop.core.ids import is_id, new_id
from nightdrop.core.script_text import SCRIPT_PREFIX, check_code, check_script_name
from nightdrop.db.engine import Database
from nightdrop.db.errors import ResidueRemainsError
from nightdrop.scripts.leaks import Leak, find_leaks
from nightdrop.scripts.model import (
    MAX_DESCRIPTION,
    Script,
    ScriptChangedError,
    ScriptDescriptionError,
    ScriptExistsError,
    ScriptInfo,
    ScriptMissingError,
    ScriptPage,
    ScriptUse,
)
from nightdrop.scripts.scrub import Moved, scrub_versions, scrubbing
from nightdrop.scripts.usage import SecretUsage, secret_usage

Sort = Literal["name", "updated", "ran"]
Precondition = Callable[[ScriptInfo], None]

_MAX_PAGE = 500
_COLUMNS = "id, site_id, name, description, version, created_ms, updated_ms, idempotent"
_FIND = f"SELECT {_COLUMNS} FROM scripts WHERE site_id = :site AND "  # noqa: S608 - fixed text
_SHA256 = text("SELECT sha256 FROM script_versions WHERE script_id = :id AND number = :number")
_VERSION = text(
    "SELECT number, code, sha256, created_ms, created_by FROM script_versions"
    " WHERE script_id = :id AND number = :number"
)
_ADD_SCRIPT = text(
    "INSERT INTO scripts (id, site_id, name, description, created_ms, updated_ms, version, secrets_computed)"
    " VALUES (:id, :site, :name, :description, :now, :now, 1, :computed)"
)
_ADD_VERSION = text(
    "INSERT INTO script_versions (script_id, number, code, sha256, created_ms, created_by)"
    " VALUES (:id, :number, :code, :sha256, :now, :by)"
)
_NEXT_VERSION = text(
    "UPDATE scripts SET version = :number, updated_ms = :now, secrets_computed = :computed WHERE id = :id"
)
_FORGET_USES = text("DELETE FROM script_secrets WHERE script_id = :id")
_ADD_USE = text("INSERT INTO script_secrets (site_id, secret_name, script_id) VALUES (:site, :secret, :id)")
_DESCRIBE = text("UPDATE scripts SET description = :description, updated_ms = :now WHERE id = :id")
_CHANGE = text(
    "UPDATE scripts SET name = :name, description = :description, idempotent = :idempotent, updated_ms = :now"
    " WHERE id = :id"
)
_DELETE = text("DELETE FROM scripts WHERE id = :id")
_SITE = text("SELECT 1 FROM sites WHERE id = :site")
_USERS = text(
    "SELECT s.id, s.name, u.script_id IS NOT NULL AS named, s.secrets_computed AS computed, r.at_ms AS read_ms"
    " FROM scripts s"
    " LEFT JOIN script_secrets u ON u.site_id = s.site_id AND u.secret_name = :secret AND u.script_id = s.id"
    " LEFT JOIN secret_reads r ON r.site_id = s.site_id AND r.secret_name = :secret AND r.script_id = s.id"
    " WHERE s.site_id = :site AND (u.script_id IS NOT NULL OR s.secrets_computed OR r.script_id IS NOT NULL)"
)
# As the indices have it. Sort keys are unique together with the id; all but "name" show the newest first.
_ORDERS = {
    "name": ("lower(name)", ">", "ASC"),
    "updated": ("updated_ms", "<", "DESC"),
    # Ids of runs sort by time.
    "ran": ("coalesce((SELECT max(r.id) FROM runs r WHERE r.script_id = scripts.id), '')", "<", "DESC"),
}


class ScriptStore:
    """The scripts of all sites."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def push(
        self,
        caller: Caller,
        site: str,
        name: str,
        code: str,
        *,
        description: str | None = None,
        create: bool | None = None,
        expected_version: int | None = None,
        precondition: Precondition | None = None,
        moved: Sequence[Moved] = (),
    ) -> ScriptInfo:
        """Store a script, or a new version of it; unchanged code makes no new version.

        ``name`` may be the id of an existing script. ``create=True`` refuses an existing one, ``False`` a missing one.
        ``expected_version`` refuses when the newest version is another; ``precondition`` is called with what is there
        and may raise. ``moved``: literals that are secrets now; they are taken out of every version.

        Raises:
            ScriptNameError, ScriptEmptyError, ScriptTooLargeError, ScriptNotTextError, ScriptDescriptionError,
            ScriptExistsError, ScriptMissingError, ScriptChangedError, SiteMissingError, DeniedError;
            MovedLiteralError, MovedStillThereError, MovedSecretMissingError, MovedTooManyError.
        """
        if not is_id(name, SCRIPT_PREFIX):
            check_script_name(name)
        sha256 = hashlib.sha256(check_code(code)).digest()
        _check_description(description)
        check(self._db, caller, Permission.SCRIPTS_EDIT, site)
        wish = _Wish(name, create, expected_version, precondition)
        unchanged = None if moved else self._unchanged(site, name, sha256, description)
        if unchanged is not None and wish.fits(unchanged):
            return unchanged
        draft = _Draft(site, name, code, sha256, description, secret_usage(code), caller.name, moved)
        try:
            with guarded(
                self._db, caller, Permission.SCRIPTS_EDIT, Event.SCRIPT_PUSHED, site, name, draft.detail()
            ) as conn:
                stored = self._write(conn, draft, wish)
        except IntegrityError:
            # Somebody else created the name between our look and our insert.
            raise ScriptExistsError from None
        if moved:
            # Every later write tries again; the change itself is committed.
            with contextlib.suppress(ResidueRemainsError):
                self._db.scrub()
        return stored

    def _write(self, conn: Connection, draft: "_Draft", wish: "_Wish") -> ScriptInfo:
        self._require_site(conn, draft.site)
        existing = self._find(conn, draft.site, draft.name, lock=True)
        wish.check(None if existing is None else _info(existing))
        if existing is None:
            self._add(conn, draft)
        else:
            what = scrubbing(conn, draft.site, existing.id, draft.moved, draft.code) if draft.moved else None
            self._renew(conn, existing, draft)
            if what is not None:
                scrub_versions(conn, existing.id, what)
        return _info(self._required(conn, draft.site, draft.name))

    def get(self, caller: Caller, site: str, script: str, version: int | None = None) -> Script:
        """Return a script (by name or id) with the code of its newest or the given version.

        Raises:
            ScriptMissingError, DeniedError.
        """
        check(self._db, caller, Permission.SCRIPTS_VIEW, site)
        with self._db.read() as conn:
            row = self._find(conn, site, script)
            if row is None:
                raise ScriptMissingError
            number = row.version if version is None else version
            stored = conn.execute(_VERSION, {"id": row.id, "number": number}).first()
        if stored is None:
            raise ScriptMissingError("There is no such version of this script.")
        return Script(
            info=_info(row),
            number=stored.number,
            code=stored.code,
            sha256=bytes(stored.sha256).hex(),
            pushed_ms=stored.created_ms,
            pushed_by=stored.created_by,
            secrets=secret_usage(stored.code),
        )

    def list(
        self,
        caller: Caller,
        site: str,
        *,
        search: str | None = None,
        name: str | None = None,
        sort: Sort = "name",
        limit: int = 100,
        cursor: str | None = None,
    ) -> ScriptPage:
        """Return a page of a site's scripts.

        ``search`` finds text in name and description, without regard to the case of ASCII letters; ``name`` is exact.

        Raises:
            CursorError, DeniedError.
        """
        check(self._db, caller, Permission.SCRIPTS_VIEW, site)
        limit = max(1, min(limit, _MAX_PAGE))
        key, after, direction = _ORDERS[sort]
        conditions, values = ["site_id = :site"], {"site": site, "limit": limit + 1}
        if name is not None:
            conditions.append("name = :name")
            values["name"] = name if name.isprintable() else ""
        if search:
            conditions.append("(lower(name) LIKE :search ESCAPE '!' OR lower(description) LIKE :search ESCAPE '!')")
            values["search"] = f"%{_ascii_lower(_escape_like(_plain(search)))}%"
        if cursor is not None:
            values["key"], values["id"] = decode_cursor(cursor, sort, SCRIPT_PREFIX, int if sort == "updated" else str)
            conditions.append(f"({key}, id) {after} (:key, :id)")
        query = (
            f"SELECT {_COLUMNS}, {key} AS sort_key FROM scripts WHERE {' AND '.join(conditions)}"  # noqa: S608 - only fixed text, values are bound
            f" ORDER BY {key} {direction}, id {direction} LIMIT :limit"
        )
        with self._db.read() as conn:
            rows = conn.execute(text(query), values).all()
        items = tuple(_info(row) for row in rows[:limit])
        more = len(rows) > limit
        return ScriptPage(items, encode_cursor(sort, rows[limit - 1].sort_key, items[-1].id) if more else None)

    def change(
        self,
        caller: Caller,
        site: str,
        script: str,
        *,
        name: str | None = None,
        description: str | None = None,
        idempotent: bool | None = None,
        precondition: Precondition | None = None,
    ) -> ScriptInfo:
        """Change what is said about a script; its code and version stay. What is not given stays too.

        ``idempotent``: running it twice does no harm, so a run that failed may be tried again.

        Raises:
            ScriptMissingError, ScriptNameError, ScriptExistsError, ScriptDescriptionError, DeniedError.
        """
        if name is not None:
            check_script_name(name)
        _check_description(description)
        detail = {"name": name, "idempotent": idempotent}
        try:
            with guarded(
                self._db, caller, Permission.SCRIPTS_EDIT, Event.SCRIPT_DESCRIBED, site, script, detail
            ) as conn:
                row = self._required(conn, site, script)
                if precondition is not None:
                    precondition(_info(row))
                values = {
                    "id": row.id,
                    "name": row.name if name is None else name,
                    "description": row.description if description is None else description,
                    "idempotent": bool(row.idempotent) if idempotent is None else idempotent,
                    "now": self._clock.now_ms(),
                }
                conn.execute(_CHANGE, values)
                return _info(self._required(conn, site, row.id))
        except IntegrityError:
            raise ScriptExistsError(field="name") from None

    def delete(self, caller: Caller, site: str, script: str) -> None:
        """Delete a script and all its versions; its runs stay, with its name.

        Raises:
            ScriptMissingError, DeniedError.
        """
        with guarded(self._db, caller, Permission.SCRIPTS_EDIT, Event.SCRIPT_DELETED, site, script) as conn:
            conn.execute(_DELETE, {"id": self._required(conn, site, script).id})

    def users_of(self, caller: Caller, site: str, secret_name: str) -> tuple[ScriptUse, ...]:
        """Return the scripts whose newest version uses a secret, those that compute names, and those that read it.

        Raises:
            DeniedError.
        """
        check(self._db, caller, Permission.SCRIPTS_VIEW, site)
        with self._db.read() as conn:
            rows = conn.execute(_USERS, {"site": site, "secret": secret_name}).all()
        users = [ScriptUse(row.id, row.name, bool(row.named), bool(row.computed), row.read_ms) for row in rows]
        return tuple(sorted(users, key=lambda user: (not user.certain, not user.computed, user.name)))

    def leaks_in(self, caller: Caller, site: str, code: str) -> tuple[Leak, ...]:
        """Return the passwords, tokens and keys that stand in code, stored or not.

        Raises:
            DeniedError.
        """
        check(self._db, caller, Permission.SCRIPTS_VIEW, site)
        return find_leaks(code)

    def _unchanged(self, site: str, name: str, sha256: bytes, description: str | None) -> ScriptInfo | None:
        with self._db.read() as conn:
            row = self._find(conn, site, name)
            if row is None or description not in (None, row.description):
                return None
            stored = conn.execute(_SHA256, {"id": row.id, "number": row.version}).scalar()
        return _info(row) if stored is not None and bytes(stored) == sha256 else None

    def _find(self, conn: Connection, site: str, script: str, *, lock: bool = False) -> Row[Any] | None:
        if not script.isprintable():  # no name has it, and a database may choke on it
            return None
        column = "id" if is_id(script, SCRIPT_PREFIX) else "name"
        suffix = " FOR UPDATE" if lock and not self._db.is_sqlite else ""
        return conn.execute(text(f"{_FIND}{column} = :script{suffix}"), {"site": site, "script": script}).first()

    def _required(self, conn: Connection, site: str, script: str) -> Row[Any]:
        row = self._find(conn, site, script, lock=True)
        if row is None:
            raise ScriptMissingError
        return row

    def _require_site(self, conn: Connection, site: str) -> None:
        if conn.execute(_SITE, {"site": site}).first() is None:
            raise SiteMissingError

    def _add(self, conn: Connection, draft: "_Draft") -> None:
        now, script_id = self._clock.now_ms(), new_id(SCRIPT_PREFIX)
        values = {
            "id": script_id,
            "site": draft.site,
            "name": draft.name,
            "description": draft.description or "",
            "now": now,
            "computed": draft.usage.computed,
        }
        conn.execute(_ADD_SCRIPT, values)
        self._add_version(conn, script_id, 1, draft, now)

    def _renew(self, conn: Connection, existing: Row[Any], draft: "_Draft") -> None:
        now, number = self._clock.now_ms(), existing.version + 1
        if draft.description is not None:
            conn.execute(_DESCRIBE, {"id": existing.id, "description": draft.description, "now": now})
        stored = conn.execute(_SHA256, {"id": existing.id, "number": existing.version}).scalar()
        if stored is not None and bytes(stored) == draft.sha256:
            return
        values = {"id": existing.id, "number": number, "now": now, "computed": draft.usage.computed}
        conn.execute(_NEXT_VERSION, values)
        self._add_version(conn, existing.id, number, draft, now)

    def _add_version(self, conn: Connection, script_id: str, number: int, draft: "_Draft", now: int) -> None:
        values = {
            "id": script_id,
            "number": number,
            "code": draft.code,
            "sha256": draft.sha256,
            "now": now,
            "by": draft.by,
        }
        conn.execute(_ADD_VERSION, values)
        conn.execute(_FORGET_USES, {"id": script_id})
        uses = [{"site": draft.site, "secret": name, "id": script_id} for name in sorted(draft.usage.names)]
        if uses:
            conn.execute(_ADD_USE, uses)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A version on its way into the store."""

    site: str
    name: str
    code: str
    sha256: bytes
    description: str | None
    usage: SecretUsage
    by: str
    moved: Sequence[Moved]

    def detail(self) -> dict[str, Any]:
        """Return what the audit log keeps of it."""
        names = self.usage.names
        found: dict[str, Any] = {
            "sha256": self.sha256.hex(),
            "secrets": sorted(names),
            "computed": self.usage.computed,
        }
        if self.moved:
            found["moved"] = sorted({one.secret for one in self.moved if one.secret in names})
        return found


@dataclass(frozen=True, slots=True)
class _Wish:
    """What has to be there, or not, for a version to be stored."""

    name: str
    create: bool | None
    expected_version: int | None
    precondition: Precondition | None

    def fits(self, existing: ScriptInfo) -> bool:
        """Tell whether it may stay as it is."""
        if self.create is True or self.expected_version not in (None, existing.version):
            return False
        if self.precondition is not None:
            self.precondition(existing)
        return True

    def check(self, existing: ScriptInfo | None) -> None:
        if existing is None:
            if self.create is False or self.expected_version is not None or is_id(self.name, SCRIPT_PREFIX):
                raise ScriptMissingError
            return
        if self.create is True:
            raise ScriptExistsError
        if self.expected_version not in (None, existing.version):
            raise ScriptChangedError
        if self.precondition is not None:
            self.precondition(existing)


def _info(row: Row[Any]) -> ScriptInfo:
    return ScriptInfo(
        id=row.id,
        site_id=row.site_id,
        name=row.name,
        description=row.description,
        version=row.version,
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        idempotent=bool(row.idempotent),
    )


def _check_description(description: str | None) -> None:
    if description is None:
        return
    if len(description) > MAX_DESCRIPTION or "\0" in description:
        raise ScriptDescriptionError(field="description")
    try:
        description.encode()
    except UnicodeEncodeError:
        raise ScriptDescriptionError(field="description") from None


def _ascii_lower(value: str) -> str:
    """Fold as both databases do here: SQLite's ``lower`` and PostgreSQL's under collation C know ASCII only."""
    return "".join(char.lower() if char.isascii() else char for char in value)


def _plain(value: str) -> str:
    """Replace what a database may choke on and no stored text has: NUL and lone surrogates."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _escape_like(value: str) -> str:
    return value.replace("!", "!!").replace("%", "!%").replace("_", "!_")
