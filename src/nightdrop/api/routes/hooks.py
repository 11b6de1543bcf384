"""Requests that start runs: the addresses of webhooks, open to whoever knows them."""

import base64
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request

from nightdrop.api.problems import BodyTooLargeError
from nightdrop.api.schema import Out
from nightdrop.api.services import ServicesDep
from nightdrop.triggers.model import HookSignatureError
from nightdrop.triggers.settings import WebhookSettings

router = APIRouter(tags=["public"])

# What lets somebody in is not for who may see runs.
_KEPT_BACK = frozenset({"authorization", "proxy-authorization", "cookie"})


class Accepted(Out):
    """The run that a request has started."""

    run: str


@router.post("/hooks/{token}", status_code=202)
async def call_hook(token: str, request: Request, services: ServicesDep) -> Accepted:
    """Start a run of the webhook's script; it finds the request in `Params.Request`."""
    trigger = await run_sync(services.triggers.of_hook, token)
    settings = trigger.settings
    assert isinstance(settings, WebhookSettings)
    services.hook_rates.take(trigger.id, settings.per_minute)
    if settings.signed_by and settings.signature_header not in request.headers:
        raise HookSignatureError
    body = await request.body()
    if len(body) > settings.max_body:
        raise BodyTooLargeError
    return Accepted(run=await run_sync(services.triggers.call_hook, trigger, _shown(request, body, settings)))


def _shown(request: Request, body: bytes, settings: WebhookSettings) -> dict[str, Any]:
    """Return what a script sees of a request; a body that is no text as base64."""
    lines = ((name.lower(), value) for name, value in request.headers.items())
    headers = {name: value for name, value in lines if name not in _KEPT_BACK}
    shown: dict[str, Any] = {"Method": request.method, "Query": dict(request.query_params), "Headers": headers}
    if settings.signed_by:
        # Checked in the run, before its script begins: this process must not have the secret.
        shown["Signature"] = {"Secret": settings.signed_by, "Header": settings.signature_header}
    try:
        return {**shown, "Body": body.decode()}
    except UnicodeDecodeError:
        return {**shown, "Body": None, "BodyBase64": base64.b64encode(body).decode()}
