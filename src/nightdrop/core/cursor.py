"""Cursors of paged lists: where the next page begins. Callers keep and return them; what comes back may be anything."""

import base64
import json

from nightdrop.core.errors import InvalidError
from nightdrop.core.ids import is_id

_LONGEST_KEY = 512


class CursorError(InvalidError):
    """The cursor does not belong to this list."""

    code = "cursor"
    hint = "Start again without a cursor."


def encode_cursor(order: str, key: str | int, last_id: str) -> str:
    """Return a cursor behind the row with this sort key and id.

    ``order`` names the list and how it is sorted: the cursor is good for nothing else.
    """
    return base64.urlsafe_b64encode(json.dumps([order, key, last_id]).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, order: str, prefix: str, kind: type) -> tuple[str | int, str]:
    """Return the sort key, a text or a whole number as ``kind`` says, and the id; both safe to give to a database.

    Raises:
        CursorError
    """
    try:
        of_order, key, last_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        raise CursorError(field="cursor") from None
    if of_order != order or not isinstance(last_id, str) or not is_id(last_id, prefix) or not _fits(key, kind):
        raise CursorError(field="cursor")
    return key, last_id


def _fits(key: object, kind: type) -> bool:
    if isinstance(key, str):
        return kind is str and len(key) <= _LONGEST_KEY and key.isprintable()
    return kind is int and type(key) is int and 0 <= key < 2**63
