"""The newest signed checkpoint of each audit log, kept in app.db by the worker."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, text

from nightdrop.audit.chain import GENESIS
from nightdrop.audit.checkpoint import Log
from nightdrop.db.engine import Database
from nightdrop.db.tables import audit, audit_checkpoints

# What a log contradicted is moved to a row of its own, so that the next checkpoint does not cover it up.
CUT = ".cut"
# Workers of other hosts keep checkpoints too.
_LOCK = text("LOCK TABLE audit_checkpoints IN SHARE ROW EXCLUSIVE MODE")


def keeper_log_name(chain: str) -> str:
    """Return the name of a keeper's log among the checkpoints: ``keeper``, with its chain when there are several."""
    return f"{Log.KEEPER}/{chain}" if chain else str(Log.KEEPER)


@dataclass(frozen=True, slots=True)
class Kept:
    """A signed checkpoint; ``log`` is ``site``, or what ``keeper_log_name`` gives, with ``.cut`` when contradicted."""

    log: str
    size: int
    at_ms: int
    note: str

    @property
    def contradicted(self) -> bool:
        return self.log.endswith(CUT)


def kept_checkpoints(connection: Connection) -> list[Kept]:
    """Return all checkpoints that are kept."""
    columns = audit_checkpoints.c
    rows = connection.execute(select(columns.log, columns.size, columns.at_ms, columns.note).order_by(columns.log))
    return [Kept(*row) for row in rows]


def site_log_end(connection: Connection) -> tuple[int, bytes]:
    """Return how many entries app.db's log has, and the hash of the last one."""
    row = connection.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    return (row.seq, bytes(row.hash)) if row is not None else (0, GENESIS)


def site_log_hash(connection: Connection, seq: int) -> bytes | None:
    """Return the hash of one entry of app.db's log."""
    found = connection.execute(select(audit.c.hash).where(audit.c.seq == seq)).scalar()
    return bytes(found) if found is not None else None


def keep_checkpoints(db: Database, new: list[Kept], contradicted: list[str]) -> None:
    """Replace the kept checkpoints; those of the logs that are ``contradicted`` stay beside as evidence."""
    with db.write() as connection:
        if not db.is_sqlite:
            connection.execute(_LOCK)
        old = {each.log: each for each in kept_checkpoints(connection)}
        for log in contradicted:
            if log in old:
                _put(connection, Kept(log + CUT, old[log].size, old[log].at_ms, old[log].note))
        for each in new:
            # Never a shorter one: another worker may have been faster.
            if each.log in contradicted or each.log not in old or each.size >= old[each.log].size:
                _put(connection, each)


def forget_contradicted(connection: Connection) -> list[str]:
    """Remove the checkpoints that a log contradicted; return the names of these logs."""
    found = [each.log for each in kept_checkpoints(connection) if each.contradicted]
    for log in found:
        connection.execute(delete(audit_checkpoints).where(audit_checkpoints.c.log == log))
    return [log.removesuffix(CUT) for log in found]


def _put(connection: Connection, kept: Kept) -> None:
    connection.execute(delete(audit_checkpoints).where(audit_checkpoints.c.log == kept.log))
    row = {"log": kept.log, "size": kept.size, "at_ms": kept.at_ms, "note": kept.note}
    connection.execute(insert(audit_checkpoints), row)
