"""The application: every route, under one version prefix."""

from fastapi import APIRouter, FastAPI

from nightdrop import __version__
from nightdrop.api.edge import API
from nightdrop.api.openapi import install_openapi
from nightdrop.api.problems import Problem, install_handlers
from nightdrop.api.routes import (
    account,
    admins,
    audit,
    hooks,
    keys,
    leaks,
    logs,
    passkeys,
    public,
    runs,
    scripts,
    secrets,
    session,
    sites,
    status,
    triggers,
    versions,
)
from nightdrop.api.services import Services

_PARTS = (
    session,
    account,
    passkeys,
    admins,
    sites,
    keys,
    secrets,
    leaks,
    scripts,
    versions,
    triggers,
    runs,
    logs,
    audit,
    status,
)
_DESCRIPTION = "Drop secrets in. Only your scripts take them out: no operation returns a secret's value."


def create_app(services: Services | None = None) -> FastAPI:
    """Return the application; without ``services`` it can only describe itself."""
    app = FastAPI(
        title="nightdrop",
        description=_DESCRIPTION,
        version=__version__,
        openapi_url=f"{API}/openapi.json",
        # The interactive pages load scripts from other hosts.
        docs_url=None,
        redoc_url=None,
        responses={"default": {"model": Problem, "description": "Problem details (RFC 9457)."}},
        # Its logs record inputs that failed validation, its spans hold query strings.
        telemetry={"logs": False, "tracing": False, "metrics": False, "auto_configure": False},
        generate_unique_id_function=lambda route: route.name,
        redirect_slashes=False,
    )
    app.state.services = services
    install_handlers(app)
    api = APIRouter(prefix=API)
    for module in _PARTS:
        api.include_router(module.router)
    app.include_router(api)
    app.include_router(public.router)
    app.include_router(hooks.router)
    install_openapi(app)
    return app
