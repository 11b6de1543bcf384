"""What anybody may see."""

from typing import Literal

from fastapi import APIRouter, Response

from nightdrop import __version__
from nightdrop.api.routes.status import Worker, read_worker
from nightdrop.api.schema import Out
from nightdrop.api.services import ServicesDep
from nightdrop.core.errors import NightdropError

router = APIRouter(tags=["public"])


class Health(Out):
    """Whether this process and its worker are well."""

    status: Literal["ok", "degraded", "failed"]
    version: str
    database: Literal["ok", "failed"]
    worker: Literal["alive", "gone"]
    sandbox: str | None


@router.get("/health")
def get_health(services: ServicesDep, response: Response) -> Health:
    """Answer 200 while this process can serve, 503 when its database fails."""
    try:
        worker = read_worker(services)
    except NightdropError:
        response.status_code = 503
        return Health(status="failed", version=__version__, database="failed", worker="gone", sandbox=None)
    return _health(worker)


def _health(worker: Worker) -> Health:
    return Health(
        status="ok" if worker.alive else "degraded",
        version=__version__,
        database="ok",
        worker="alive" if worker.alive else "gone",
        sandbox=worker.sandbox,
    )
