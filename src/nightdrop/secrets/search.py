"""Finds few matches among many secrets: by the rarest three characters in a row that all of them have.

The index is in ``db.search_index``. It only narrows down: what it gives is looked at like everything else.
"""

from sqlalchemy import Connection, TextClause, text

_LENGTH = 3
# So many rows of a gram are counted, and looked at one by one. What more secrets have is found sooner by going
# through the list in its order, which stops when the page is full.
_FEW = 1000
_MOST_GRAMS = 12

# Written as a cross join: SQLite takes it in this order, which is the one that reads little.
FEW = "secret_grams g CROSS JOIN secret_numbers k CROSS JOIN secrets"
OF_GRAM = "g.site = :gram_site AND g.gram = :gram AND k.number = g.number AND secrets.id = k.secret_id"


def gram_of_few(connection: Connection, site: str, needle: str) -> dict[str, str] | None:
    """Return the values of ``OF_GRAM`` for the rarest gram of a text; ``None`` where many secrets have each of them."""
    grams = _grams(needle)
    if not grams:
        return None
    values = {f"gram{number}": gram for number, gram in enumerate(grams)}
    counts = connection.execute(_counting(len(grams)), {**values, "site": _end(site), "few": _FEW}).all()
    rarest = min(counts, key=lambda row: row.found)
    return None if rarest.found >= _FEW else {"gram_site": _end(site), "gram": grams[rarest.number]}


def _grams(needle: str) -> list[str]:
    """Return some of the grams of a text, from all of it; none where it is too short to have one."""
    grams = list(dict.fromkeys(needle[i : i + _LENGTH] for i in range(len(needle) - _LENGTH + 1)))
    step = -(-len(grams) // _MOST_GRAMS)
    return grams[:: step or 1]


def _end(site: str) -> str:
    return site[-4:]


def _counting(grams: int) -> TextClause:
    return text(
        " UNION ALL ".join(
            f"SELECT {number} AS number, count(*) AS found FROM"  # noqa: S608 - only numbers are put in
            f" (SELECT 1 FROM secret_grams WHERE site = :site AND gram = :gram{number} LIMIT :few) AS g{number}"
            for number in range(grams)
        )
    )
