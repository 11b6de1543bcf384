"""The versions of a script: who saved what when, any of them again, and a copy of the script."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from nightdrop.access.guard import check
from nightdrop.access.permissions import Permission
from nightdrop.core.caller import Caller
from nightdrop.core.cursor import CursorError
from nightdrop.core.script_text import MAX_NAME
from nightdrop.db.engine import Database
from nightdrop.scripts.model import ScriptInfo
from nightdrop.scripts.store import Precondition, ScriptStore

_MAX_PAGE = 500
_SUFFIX = " copy"
_LIST = text(
    "SELECT number, sha256, created_ms, created_by, length(code) AS size FROM script_versions"
    " WHERE script_id = :id AND number < :before ORDER BY number DESC LIMIT :limit"
)
_TAKEN = text("SELECT name FROM scripts WHERE site_id = :site AND substr(name, 1, :length) = :stem")


@dataclass(frozen=True, slots=True)
class ScriptVersion:
    """A version without its code; ``size`` in characters, ``sha256`` hexadecimal, of the code in UTF-8."""

    number: int
    sha256: str
    size: int
    pushed_ms: int
    pushed_by: str


class ScriptVersions:
    """The versions of all scripts."""

    def __init__(self, db: Database, scripts: ScriptStore) -> None:
        self._db = db
        self._scripts = scripts

    def list(
        self, caller: Caller, site: str, script: str, *, limit: int = 100, cursor: str | None = None
    ) -> tuple[tuple[ScriptVersion, ...], str | None]:
        """Return a page of a script's versions, the newest first, and the cursor of the next page.

        Raises:
            ScriptMissingError, CursorError, DeniedError.
        """
        info = self._scripts.get(caller, site, script).info
        limit = max(1, min(limit, _MAX_PAGE))
        before = info.version + 1 if cursor is None else _number(cursor)
        with self._db.read() as conn:
            rows = conn.execute(_LIST, {"id": info.id, "before": before, "limit": limit + 1}).all()
        items = tuple(_version(row) for row in rows[:limit])
        return items, str(items[-1].number) if len(rows) > limit else None

    def restore(
        self, caller: Caller, site: str, script: str, number: int, precondition: Precondition | None = None
    ) -> ScriptInfo:
        """Make the code of an earlier version the newest one again; nothing is lost, it is a new version.

        Raises:
            ScriptMissingError: there is no such script or version. DeniedError; what ``precondition`` raises.
        """
        old = self._scripts.get(caller, site, script, number)
        return self._scripts.push(caller, site, old.info.id, old.code, create=False, precondition=precondition)

    def clone(self, caller: Caller, site: str, script: str, name: str | None = None) -> ScriptInfo:
        """Make a script of the newest code of another one; without ``name``, ``NAME copy``, then ``NAME copy 2``.

        It takes neither the versions nor the triggers along.

        Raises:
            ScriptMissingError, ScriptExistsError, ScriptNameError, DeniedError.
        """
        source = self._scripts.get(caller, site, script)
        check(self._db, caller, Permission.SCRIPTS_EDIT, site)
        wanted = self._free_name(site, source.info.name) if name is None else name
        return self._scripts.push(
            caller, site, wanted, source.code, description=source.info.description or None, create=True
        )

    def _free_name(self, site: str, name: str) -> str:
        stem = name[: MAX_NAME - len(_SUFFIX) - 5].rstrip() + _SUFFIX
        with self._db.read() as conn:
            taken = set(conn.execute(_TAKEN, {"site": site, "stem": stem, "length": len(stem)}).scalars())
        if stem not in taken:
            return stem
        return next(found for number in range(2, 10_000) if (found := f"{stem} {number}") not in taken)


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 9):
        raise CursorError(field="cursor")
    return int(cursor)


def _version(row: Row[Any]) -> ScriptVersion:
    return ScriptVersion(row.number, bytes(row.sha256).hex(), row.size, row.created_ms, row.created_by)
