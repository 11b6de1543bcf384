"""What each worker says of itself, for ``doctor``, ``/health`` and the pages: one row that it overwrites."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import delete, insert

from nightdrop.db.engine import Database
from nightdrop.db.tables import meta

PREFIX = "worker_status/"


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """The worker's state; holds no name of a secret and no key.

    ``secret_reads`` counts the keeper's answers since it began, by outcome, of all sites together: for the metrics, not
    for who may see one site.
    """

    home: str
    pid: int
    at_ms: int
    sandbox: str
    sandbox_lines: tuple[str, ...]
    permissive: bool
    keeper: dict[str, Any] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    secret_reads: dict[str, int] = field(default_factory=dict)


def write_status(db: Database, status: WorkerStatus) -> None:
    """Replace the stored state of this home's worker."""
    key = PREFIX + status.home
    value = json.dumps(asdict(status), separators=(",", ":"), sort_keys=True)
    with db.write() as connection:
        connection.execute(delete(meta).where(meta.c.key == key))
        connection.execute(insert(meta).values(key=key, value=value))
