"""Statements on the table of secrets. They check nothing and record nothing: only this package may use them."""

# ruff: noqa: S608 - only fixed text of this package is put into statements, every value is bound

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, text

from nightdrop.secrets.model import SealedSecret, SealingKey, SecretInfo

_COLUMNS = (
    "id, site_id, name, description, created_ms, updated_ms, updated_by, last_used_ms, health, revision, epoch,"
    " (SELECT e.expires_ms FROM secret_expiries e WHERE e.secret_id = secrets.id) AS expires_ms"
)
# NO KEY: a run that is queued meanwhile refers to the site and must not wait.
_LOCK_SITE = text("SELECT 1 FROM sites WHERE id = :site FOR NO KEY UPDATE")
_STATE = text(
    "SELECT s.revision_floor AS floor, x.id, x.revision, x.description,"
    " (SELECT max(k.epoch) FROM site_keys k WHERE k.site_id = s.id) AS epoch"
    " FROM sites s LEFT JOIN secrets x ON x.site_id = s.id AND x.name = :name WHERE s.id = :site"
)
_KEY = text("SELECT * FROM site_keys WHERE site_id = :site ORDER BY epoch DESC LIMIT 1")
_BY_NAME = text(f"SELECT {_COLUMNS} FROM secrets WHERE site_id = :site AND name = :key")
_BY_ID = text(f"SELECT {_COLUMNS} FROM secrets WHERE site_id = :site AND id = :key")
_INSERT = text(
    "INSERT INTO secrets (id, site_id, name, name_key, search, description, created_ms, updated_ms, updated_by,"
    " revision, epoch, sealed) VALUES (:id, :site, :name, :name_key, :search, :description, :now, :now, :by,"
    f" :revision, :epoch, :sealed) RETURNING {_COLUMNS}"
)
_UPDATE = text(
    "UPDATE secrets SET sealed = :sealed, revision = :revision, epoch = :epoch, updated_ms = :now, updated_by = :by,"
    f" health = 'unchecked', description = :description, search = :search WHERE id = :id RETURNING {_COLUMNS}"
)
_DESCRIBE = text(
    "UPDATE secrets SET description = :description, search = :search WHERE site_id = :site AND name = :name"
    f" RETURNING {_COLUMNS}"
)
_EXPIRE = text(
    "INSERT INTO secret_expiries (secret_id, expires_ms) VALUES (:id, :expires_ms)"
    " ON CONFLICT (secret_id) DO UPDATE SET expires_ms = excluded.expires_ms"
)
_NO_EXPIRY = text("DELETE FROM secret_expiries WHERE secret_id = :id")
_DELETE = text("DELETE FROM secrets WHERE id = :id")
_USES = text(
    "SELECT secret_name, count(*) AS number FROM script_secrets"
    " WHERE site_id = :site AND secret_name IN :names GROUP BY secret_name"
).bindparams(bindparam("names", expanding=True))
_RAISE_FLOOR = text("UPDATE sites SET revision_floor = :revision WHERE id = :site AND revision_floor < :revision")
_USED = text("UPDATE secrets SET last_used_ms = :at WHERE site_id = :site AND name = :name AND last_used_ms < :at")
_HEALTH = text("UPDATE secrets SET health = :health WHERE site_id = :site AND name = :name AND revision = :revision")
_SUSPECT = text("UPDATE secrets SET health = 'unchecked' WHERE site_id = :site AND name = :name AND health = 'ok'")
_RECHECK = text("UPDATE secrets SET health = 'unchecked' WHERE health <> 'ok' AND health <> 'unchecked'")
# Cast: SQLite gives text back where somebody stored text, and a text that is not UTF-8 is an error of the whole query.
_BYTES = {"sqlite": "CAST(sealed AS BLOB)", "postgresql": "sealed"}
# Both conditions: a partial index is used only where its own stands in the query.
_UNCHECKED = {
    dialect: text(
        f"SELECT site_id, name, revision, epoch, {sealed} AS sealed FROM secrets"
        " WHERE health <> 'ok' AND health = 'unchecked' ORDER BY id LIMIT :limit"
    )
    for dialect, sealed in _BYTES.items()
}
_OLDER = {
    dialect: text(
        f"SELECT id, site_id, name, revision, epoch, {sealed} AS sealed FROM secrets"
        " WHERE site_id = :site AND epoch < :epoch AND id > :after ORDER BY id LIMIT :limit"
    )
    for dialect, sealed in _BYTES.items()
}
_SAME_FORM = {
    dialect: f"site_id = :site AND name = :name AND revision = :revision AND epoch = :old_epoch AND {sealed} = :old"
    for dialect, sealed in _BYTES.items()
}
_REPLACE_FORM = {
    dialect: text(f"UPDATE secrets SET sealed = :sealed, epoch = :epoch, health = 'unchecked' WHERE {same}")
    for dialect, same in _SAME_FORM.items()
}
_REMOVE_FORM = {dialect: text(f"DELETE FROM secrets WHERE {same}") for dialect, same in _SAME_FORM.items()}


@dataclass(frozen=True, slots=True)
class State:
    """What a write to one name finds: the site's epoch and floor, and the secret, if there is one."""

    floor: int
    epoch: int | None
    id: str | None
    revision: int | None
    description: str | None

    @property
    def last_revision(self) -> int:
        return max(self.floor, self.revision or 0)


def lock_site(connection: Connection, site: str) -> None:
    """Let nobody else write secrets of this site until the end of the transaction."""
    # In a statement of its own, so that the next one sees what the last holder committed. On SQLite the write
    # transaction is the lock.
    if connection.dialect.name != "sqlite":
        connection.execute(_LOCK_SITE, {"site": site})


def find_state(connection: Connection, site: str, name: str) -> State | None:
    """Return what is there; ``None`` when there is no such site."""
    row = connection.execute(_STATE, {"site": site, "name": name}).first()
    return None if row is None else State(row.floor, row.epoch, row.id, row.revision, row.description)


def find_key(connection: Connection, site: str, revision: int) -> SealingKey | None:
    row = connection.execute(_KEY, {"site": site}).first()
    if row is None:
        return None
    return SealingKey(
        site_id=row.site_id,
        epoch=row.epoch,
        suite=row.suite,
        key_id=row.key_id,
        public_key=bytes(row.public_key),
        signature=bytes(row.signature),
        identity=bytes(row.identity),
        revision=revision,
    )


def count_uses(connection: Connection, site: str, names: Sequence[str]) -> dict[str, int]:
    """Return for each name that scripts certainly use how many do; the others are left out."""
    if not names:
        return {}  # PostgreSQL takes an empty list for one of numbers
    rows = connection.execute(_USES, {"site": site, "names": list(names)}).all()
    return {row.secret_name: row.number for row in rows}


def find(connection: Connection, site: str, key: str, *, by_id: bool) -> SecretInfo | None:
    row = connection.execute(_BY_ID if by_id else _BY_NAME, {"site": site, "key": key}).first()
    return None if row is None else info(row)


def add(connection: Connection, values: Mapping[str, Any]) -> SecretInfo:
    return info(connection.execute(_INSERT, values).one())


def overwrite(connection: Connection, values: Mapping[str, Any]) -> SecretInfo:
    return info(connection.execute(_UPDATE, values).one())


def describe(connection: Connection, values: Mapping[str, Any]) -> SecretInfo | None:
    row = connection.execute(_DESCRIBE, values).first()
    return None if row is None else info(row)


def set_expiry(connection: Connection, secret_id: str, expires_ms: int | None) -> None:
    """Set or remove (``None``) when a secret stops working."""
    values = {"id": secret_id, "expires_ms": expires_ms}
    connection.execute(_NO_EXPIRY if expires_ms is None else _EXPIRE, values)


def remove(connection: Connection, site: str, secret_id: str, revision: int) -> None:
    """Delete a secret; what is made under its name later gets a higher revision."""
    connection.execute(_DELETE, {"id": secret_id})
    connection.execute(_RAISE_FLOOR, {"site": site, "revision": revision})


def list_rows(connection: Connection, source: str, where: str, order: str, values: Mapping[str, Any]) -> Sequence[Any]:
    """Return rows in an order; ``source``, ``where`` and ``order`` are fixed text of this package, never input."""
    statement = f"SELECT {_COLUMNS}, name_key FROM {source} WHERE {where} ORDER BY {order} LIMIT :limit"
    return connection.execute(text(statement), values).all()


def mark_used(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(_USED, rows)


def mark_health(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(_HEALTH, rows)


def mark_suspect(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(_SUSPECT, rows)


def recheck(connection: Connection) -> int:
    return connection.execute(_RECHECK).rowcount


def unchecked(connection: Connection, limit: int, max_bytes: int) -> list[SealedSecret]:
    """Return sealed values that wait for a check, at least one, then as many as fit into ``max_bytes``."""
    found: list[SealedSecret] = []
    with connection.execute(
        _UNCHECKED[connection.dialect.name], {"limit": limit}, execution_options={"yield_per": 16}
    ) as rows:
        for row in rows:
            sealed = bytes(row.sealed)
            max_bytes -= len(sealed)
            if found and max_bytes < 0:
                break
            found.append(SealedSecret(row.site_id, row.name, row.revision, row.epoch, sealed))
    return found


def older(
    connection: Connection, site: str, epoch: int, after: str, limit: int, max_bytes: int
) -> list[tuple[str, SealedSecret]]:
    """Return (id, sealed value) of a site's secrets of earlier epochs behind the id ``after``, at least one."""
    found: list[tuple[str, SealedSecret]] = []
    values = {"site": site, "epoch": epoch, "after": after, "limit": limit}
    with connection.execute(_OLDER[connection.dialect.name], values, execution_options={"yield_per": 16}) as rows:
        for row in rows:
            sealed = bytes(row.sealed)
            max_bytes -= len(sealed)
            if found and max_bytes < 0:
                break
            found.append((row.id, SealedSecret(row.site_id, row.name, row.revision, row.epoch, sealed)))
    return found


def replace_form(connection: Connection, old: SealedSecret, sealed: bytes, epoch: int) -> bool:
    """Put another sealed form of the same revision in place of exactly this one; ``False`` when it is not there."""
    done = connection.execute(_REPLACE_FORM[connection.dialect.name], {**_form(old), "sealed": sealed, "epoch": epoch})
    return done.rowcount == 1


def remove_form(connection: Connection, old: SealedSecret) -> bool:
    """Delete a secret while it has exactly this form; ``False`` when it has another."""
    if connection.execute(_REMOVE_FORM[connection.dialect.name], _form(old)).rowcount != 1:
        return False
    connection.execute(_RAISE_FLOOR, {"site": old.site_id, "revision": old.revision})
    return True


def _form(old: SealedSecret) -> dict[str, Any]:
    return {
        "site": old.site_id,
        "name": old.name,
        "revision": old.revision,
        "old_epoch": old.epoch,
        "old": old.sealed,
    }


def info(row: Any) -> SecretInfo:
    """Return what a row says; SQLite keeps any type in any column, and what cannot be must not break a list."""
    return SecretInfo(
        id=_text(row.id),
        site_id=_text(row.site_id),
        name=_text(row.name),
        description=_text(row.description),
        created_ms=_number(row.created_ms),
        updated_ms=_number(row.updated_ms),
        updated_by=_text(row.updated_by),
        last_used_ms=_number(row.last_used_ms) or None,
        health=_text(row.health),
        revision=_number(row.revision),
        epoch=_number(row.epoch),
        expires_ms=row.expires_ms if type(row.expires_ms) is int else None,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if type(value) is int else 0
