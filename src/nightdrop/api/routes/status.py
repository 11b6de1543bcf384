"""How the parts are."""

import json
import os
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select

from nightdrop import __version__
from nightdrop.api.schema import Out
from nightdrop.api.services import CallerDep, Services, ServicesDep
from nightdrop.db.tables import meta

router = APIRouter(tags=["status"])

# The row that the worker overwrites, every 15 seconds at the latest.
_KEY = "worker_status"
_FRESH_MS = 45_000


class Worker(Out):
    """What the worker last said of itself."""

    alive: bool = False
    pid: int | None = None
    at_ms: int | None = None
    sandbox: str | None = Field(default=None, description="How well scripts are confined.")
    sandbox_lines: list[str] = Field(default_factory=list)
    permissive: bool = False
    keeper: dict[str, Any] = Field(
        default_factory=dict, description="Fingerprints, and for each site whether it can be opened."
    )
    restarts: dict[str, int] = Field(default_factory=dict)


class Status(Out):
    """This installation."""

    version: str
    home: str
    listen: str
    database: str
    web_pid: int
    worker: Worker


@router.get("/status")
def get_status(services: ServicesDep, _caller: CallerDep) -> Status:
    """Show how the parts are."""
    return Status(
        version=__version__,
        home=str(services.home.root),
        listen=services.config.listen,
        database=services.db.dialect,
        web_pid=os.getpid(),
        worker=read_worker(services),
    )


def read_worker(services: Services) -> Worker:
    """Return the worker's last words, and whether it still lives.

    Raises:
        NightdropError: the database cannot be read.
    """
    with services.db.read() as connection:
        stored = connection.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar()
    if stored is None:
        return Worker()
    said = json.loads(stored)
    fresh = services.clock.now_ms() - said["at_ms"] < _FRESH_MS
    # On SQLite the worker is on this host: a killed one is noticed at once.
    alive = fresh and (not services.db.is_sqlite or _lives(said["pid"]))
    return Worker(**{key: said[key] for key in Worker.model_fields if key in said}, alive=alive)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
