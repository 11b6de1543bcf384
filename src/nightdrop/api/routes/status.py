"""How the parts are."""

import json
import os
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import text

from nightdrop import __version__
from nightdrop.access.permissions import sees_site
from nightdrop.api.schema import Out
from nightdrop.api.services import CallerDep, Services, ServicesDep
from nightdrop.core.caller import Caller

router = APIRouter(tags=["status"])

# The rows that the workers overwrite, every 15 seconds at the latest.
_PREFIX = "worker_status/"
_FRESH_MS = 45_000
_SAID = text("SELECT value FROM meta WHERE key >= :first AND key < :last ORDER BY key")
# A worker that has been silent for a day is none any more.
_SHOWN_MS = 24 * 3600 * 1000


class Worker(Out):
    """What a worker last said of itself."""

    alive: bool = False
    home: str | None = Field(default=None, description="The instance of its home; a host has one or more.")
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
    home: str | None = Field(description="Only for the host's owner.")
    listen: str
    url: str = Field(description="Where a browser finds it, as far as it knows.")
    tls_fingerprint: str | None = Field(description="SHA-256 of the certificate; null without TLS.")
    database: str
    web_pid: int | None = Field(description="Only for the host's owner.")
    worker: Worker = Field(description="The worker of this home, or one that lives when this home has none.")
    workers: list[Worker] = Field(description="Every worker of the last day.")


@router.get("/status")
def get_status(services: ServicesDep, caller: CallerDep) -> Status:
    """Show how the parts are; of the sites only those that the caller may know of."""
    of_host = caller.kind == "host"
    workers = read_workers(services)
    return Status(
        version=__version__,
        home=str(services.home.root) if of_host else None,
        listen=services.config.listen,
        url=services.config.url,
        tls_fingerprint=services.tls.fingerprint if services.tls is not None else None,
        database=services.db.dialect,
        web_pid=os.getpid() if of_host else None,
        worker=_seen_by(caller, _nearest(services, workers)),
        workers=[_seen_by(caller, worker) for worker in workers],
    )


def _seen_by(caller: Caller, worker: Worker) -> Worker:
    sites = worker.keeper.get("sites")
    if not isinstance(sites, dict):
        return worker
    visible = {site: state for site, state in sites.items() if sees_site(caller, site)}
    return worker.model_copy(update={"keeper": {**worker.keeper, "sites": visible}})


def read_worker(services: Services) -> Worker:
    """Return the last words of the worker of this home, or of another one when there is none, and whether it lives.

    Raises:
        NightdropError: the database cannot be read.
    """
    return _nearest(services, read_workers(services))


def read_workers(services: Services) -> list[Worker]:
    """Return the last words of each worker.

    Raises:
        NightdropError: the database cannot be read.
    """
    with services.db.read() as connection:
        stored = connection.execute(_SAID, {"first": _PREFIX, "last": _PREFIX + "~"}).scalars().all()
    now = services.clock.now_ms()
    said = [json.loads(each) for each in stored]
    return [_worker(services, each, now) for each in said if now - each["at_ms"] < _SHOWN_MS]


def _worker(services: Services, said: dict[str, Any], now: int) -> Worker:
    fresh = now - said["at_ms"] < _FRESH_MS
    # The worker of this home is on this host: a killed one is noticed at once.
    alive = fresh and (said["home"] != services.home.instance or _lives(said["pid"]))
    return Worker(**{key: said[key] for key in Worker.model_fields if key in said}, alive=alive)


def _nearest(services: Services, workers: list[Worker]) -> Worker:
    own = next((each for each in workers if each.home == services.home.instance), Worker())
    return own if own.alive else next((each for each in workers if each.alive), own)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
