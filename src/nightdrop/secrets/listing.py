"""Pages of a site's secrets: each order has an index, so a page costs the same in a site of 100 and of a million."""

from typing import Any

from sqlalchemy import Connection

from nightdrop.core.cursor import decode_cursor, encode_cursor
from nightdrop.secrets import raw
from nightdrop.secrets.model import SecretPage, SortError
from nightdrop.secrets.names import SEPARATOR, fold
from nightdrop.secrets.search import FEW, OF_GRAM, gram_of_few

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
    source = "secrets"
    if search:
        # As an argument, not as a LIKE pattern: nothing in it has a meaning of its own.
        find = "instr" if connection.dialect.name == "sqlite" else "strpos"
        conditions.append(f"{find}(search, :needle) > 0")
        values["needle"] = _needle(search)
        if gram := gram_of_few(connection, site, values["needle"]):
            source = FEW
            conditions.append(OF_GRAM)
            values.update(gram)
    if cursor is not None:
        values["key"], values["id"] = decode_cursor(cursor, sort, PREFIX, str if column == "name_key" else int)
        conditions.append(f"({column}, id) {'<' if down else '>'} (:key, :id)")
    way = "DESC" if down else "ASC"
    rows = raw.list_rows(connection, source, " AND ".join(conditions), f"{column} {way}, id {way}", values)
    items = tuple(raw.info(row) for row in rows[:limit])
    if len(rows) <= limit:
        return SecretPage(items, None)
    last = rows[limit - 1]
    return SecretPage(items, encode_cursor(sort, getattr(last, column), last.id))


def _order(sort: str) -> tuple[str, bool]:
    column = _COLUMNS.get(sort.removeprefix("-"))
    if column is None:
        raise SortError(field="sort")
    return column, sort.startswith("-")


def _needle(search: str) -> str:
    # No stored text has these, and a database may choke on the last two.
    return fold(search.replace(SEPARATOR, "\ufffd").replace("\0", "\ufffd").encode("utf-8", "replace").decode())
