"""What the worker says of itself, for ``doctor``, ``/health`` and the pages: one row that it overwrites."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import delete, insert

from nightdrop.db.engine import Database
from nightdrop.db.tables import meta

KEY = "worker_status"


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """The worker's state; holds no name of a secret and no key."""

    pid: int
    at_ms: int
    sandbox: str
    sandbox_lines: tuple[str, ...]
    permissive: bool
    keeper: dict[str, Any] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)


def write_status(db: Database, status: WorkerStatus) -> None:
    """Replace the stored state."""
    value = json.dumps(asdict(status), separators=(",", ":"), sort_keys=True)
    with db.write() as connection:
        connection.execute(delete(meta).where(meta.c.key == KEY))
        connection.execute(insert(meta).values(key=KEY, value=value))
