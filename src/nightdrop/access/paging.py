"""Pages of lists that have an order: each begins behind the last row of the one before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, Connection, Select, tuple_

from nightdrop.core.cursor import decode_cursor, encode_cursor

MAX_PAGE = 500
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page; ``cursor`` asks for the next one, ``None`` at the end."""

    items: tuple[Item, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted: by a key that does not change while somebody turns pages, then by id.

    ``name`` is unique to the list, ``prefix`` is the one of its ids; ``newest_first`` turns both.
    """

    name: str
    key: Column[Any]
    id: Column[Any]
    prefix: str
    newest_first: bool = False


def select_page(
    connection: Connection,
    wanted: Select[Any],
    order: Order,
    shown: Callable[[Any], Item],
    *,
    limit: int,
    cursor: str | None,
) -> Page[Item]:
    """Run ``wanted`` for one page; ``shown`` makes an item of a row. ``limit`` is at most 500.

    Raises:
        CursorError
    """
    limit = max(1, min(limit, MAX_PAGE))
    both = tuple_(order.key, order.id)
    if cursor is not None:
        last = decode_cursor(cursor, order.name, order.prefix, order.key.type.python_type)
        wanted = wanted.where(both < last if order.newest_first else both > last)
    columns = (order.key, order.id)
    wanted = wanted.order_by(*(column.desc() if order.newest_first else column for column in columns)).limit(limit + 1)
    rows = connection.execute(wanted).all()
    items = tuple(shown(row) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(items, None)
    end = rows[limit - 1]._mapping  # noqa: SLF001 - how SQLAlchemy names it
    return Page(items, encode_cursor(order.name, end[order.key], end[order.id]))
