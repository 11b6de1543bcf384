"""Which names are those of stored secrets; asked by the parts that must not know more of them."""

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, text

_STORED = text("SELECT name FROM secrets WHERE site_id = :site AND name IN :names").bindparams(
    bindparam("names", expanding=True)
)


def stored_names(conn: Connection, site: str, names: Iterable[str]) -> frozenset[str]:
    """Return those of the names that a secret of the site has."""
    # No name has what cannot be printed, and a database may choke on it.
    wanted = sorted({name for name in names if name.isprintable()})
    return frozenset(conn.execute(_STORED, {"site": site, "names": wanted or [""]}).scalars())
