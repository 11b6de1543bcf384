"""Pages of a site's secrets: each order has an index, so a page costs the same in a site of 100 and of a million."""

import base64
import json
from typing import Any

from sqlalchemy import Connection

from nightdrop.core.ids import is_id
from nightdrop.secrets import raw
from nightdrop.secrets.model import CursorError, SecretPage, SortError
from nightdrop.secrets.names import MAX_NAME, SEPARATOR, fold

PREFIX = "sec"
MAX_PAGE = 500
_COLUMNS = {"name": "name_key", "updated": "updated_ms", "used": "last_used_ms"}


def list_page(
    connection: Connection, site: str, *, search: str | None, sort: str, limit: int, cursor: str | None
) -> SecretPage:
    """Return one page; see ``SecretStore.list``.

    Raises:
        SortError, CursorError.
    """
    column, down = _order(sort)
    limit = max(1, min(limit, MAX_PAGE))
    values: dict[str, Any] = {"site": site, "limit": limit + 1}
    conditions = ["site_id = :site"]
    if search:
        # As an argument, not as a LIKE pattern: nothing in it has a meaning of its own.
        find = "instr" if connection.dialect.name == "sqlite" else "strpos"
        conditions.append(f"{find}(search, :needle) > 0")
        values["needle"] = _needle(search)
    if cursor is not None:
        values["key"], values["id"] = _decode(cursor, sort)
        conditions.append(f"({column}, id) {'<' if down else '>'} (:key, :id)")
    way = "DESC" if down else "ASC"
    rows = raw.list_rows(connection, " AND ".join(conditions), f"{column} {way}, id {way}", values)
    items = tuple(raw.info(row) for row in rows[:limit])
    if len(rows) <= limit:
        return SecretPage(items, None)
    last = rows[limit - 1]
    return SecretPage(items, _encode(sort, getattr(last, column), last.id))


def _order(sort: str) -> tuple[str, bool]:
    column = _COLUMNS.get(sort.removeprefix("-"))
    if column is None:
        raise SortError(field="sort")
    return column, sort.startswith("-")


def _needle(search: str) -> str:
    # No stored text has these, and a database may choke on the last two.
    return fold(search.replace(SEPARATOR, "\ufffd").replace("\0", "\ufffd").encode("utf-8", "replace").decode())


def _encode(sort: str, key: str | int, secret_id: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([sort, key, secret_id]).encode()).decode().rstrip("=")


def _decode(cursor: str, sort: str) -> tuple[str | int, str]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        of_sort, key, secret_id = parts
    except (ValueError, TypeError, RecursionError):
        raise CursorError(field="cursor") from None
    if of_sort != sort or not isinstance(secret_id, str) or not is_id(secret_id, PREFIX) or not _fits(key, sort):
        raise CursorError(field="cursor")
    return key, secret_id


def _fits(key: Any, sort: str) -> bool:
    if sort.removeprefix("-") == "name":
        return isinstance(key, str) and len(key) <= MAX_NAME and key.isprintable()
    return type(key) is int and 0 <= key < 2**63
