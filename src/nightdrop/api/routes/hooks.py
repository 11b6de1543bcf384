"""Requests that start runs: the addresses of webhooks, open to whoever knows them."""

import base64
from time import monotonic
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from nightdrop.api.problems import BodyTooLargeError
from nightdrop.api.schema import Out
from nightdrop.api.services import Services, ServicesDep
from nightdrop.core.caller import SYSTEM
from nightdrop.runs.model import RunState
from nightdrop.triggers.model import HookSignatureError
from nightdrop.triggers.settings import WebhookSettings

router = APIRouter(tags=["public"])

_LOOK_S = 1.0
# What lets somebody in is not for who may see runs.
_KEPT_BACK = frozenset({"authorization", "proxy-authorization", "cookie"})


class Accepted(Out):
    """The run that a request has started."""

    run: str


@router.post("/hooks/{token}", status_code=202, response_model=Accepted)
async def call_hook(token: str, request: Request, services: ServicesDep) -> Any:
    """Start a run of the webhook's script; it finds the request in `Params.Request`.

    Where the webhook is set so, the answer is that of the script. When it gives none, the run's id and state are:
    with 200 after a success, 502 after a failure, 202 when it has not ended in time.
    """
    trigger = await run_sync(services.triggers.of_hook, token)
    settings = trigger.settings
    assert isinstance(settings, WebhookSettings)
    services.hook_rates.take(trigger.id, settings.per_minute)
    if settings.signed_by and settings.signature_header not in request.headers:
        raise HookSignatureError
    body = await request.body()
    if len(body) > settings.max_body:
        raise BodyTooLargeError
    run = await run_sync(services.triggers.call_hook, trigger, _shown(request, body, settings))
    if settings.answer == "script":
        return await _answer_of(services, run, settings.wait_s)
    return Accepted(run=run)


async def _answer_of(services: Services, run: str, seconds: float) -> Response:
    """Wait for what a script answers, or for its end."""
    answers, deadline = services.runs.answers, monotonic() + seconds
    while True:
        state = (await run_sync(services.runs.get, SYSTEM, run)).state
        # In this order: once the run has ended, its answer is there.
        if (answer := await run_sync(answers.take, run)) is not None:
            return Response(answer.body, answer.status, media_type=answer.media_type)
        left = deadline - monotonic()
        if state.ended or left <= 0 or services.watch.closing:
            status = 202 if not state.ended else 200 if state is RunState.SUCCEEDED else 502
            return JSONResponse({"run": run, "state": state.value}, status)
        # Any run may have rung, and a ring between the look and the wait is missed.
        await services.watch.ring(min(left, _LOOK_S))


def _shown(request: Request, body: bytes, settings: WebhookSettings) -> dict[str, Any]:
    """Return what a script sees of a request; a body that is no text as base64."""
    lines = ((name.lower(), value) for name, value in request.headers.items())
    headers = {name: value for name, value in lines if name not in _KEPT_BACK}
    shown: dict[str, Any] = {"Method": request.method, "Query": dict(request.query_params), "Headers": headers}
    if settings.answer == "script":
        shown["Waits"] = True
    if settings.signed_by:
        # Checked in the run, before its script begins: this process must not have the secret.
        shown["Signature"] = {"Secret": settings.signed_by, "Header": settings.signature_header}
    try:
        return {**shown, "Body": body.decode()}
    except UnicodeDecodeError:
        return {**shown, "Body": None, "BodyBase64": base64.b64encode(body).decode()}
