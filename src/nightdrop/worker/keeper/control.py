"""The worker's requests on the control channel. Names, public keys and sealed bytes: never a value."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from nightdrop.core.errors import InvalidError, NightdropError, NotFoundError
from nightdrop.keys.site_keys import PublishedSiteKey
from nightdrop.worker.keeper.keeper import Keeper
from nightdrop.worker.keeper.release import Run, is_name
from nightdrop.worker.keeper.sealed_rows import SealedRow
from nightdrop.worker.keeper.store import Change

Json = dict[str, Any]


class UnknownOperationError(InvalidError):
    """The keeper does not know this operation."""

    code = "unknown_op"


class BadRequestError(InvalidError):
    """The request to the keeper is not well formed."""

    code = "bad_request"


class UnknownRunError(NotFoundError):
    """The keeper does not know this run."""

    code = "unknown_run"


def text(message: Json, key: str) -> str:
    """Return a field that must be a string of 1 to 200 characters.

    Raises:
        BadRequestError
    """
    value = message.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise BadRequestError(field=key)
    return value


def read_run(message: Json) -> Run:
    """Return the run that an ``open_run`` request describes.

    Raises:
        BadRequestError
    """
    run_id, site_id = text(message, "run"), text(message, "site")
    fields: Json = {"run": run_id, "site": site_id}
    script = message.get("script")
    if script is None:
        return Run(run_id, site_id, None, fields)
    if not isinstance(script, dict):
        raise BadRequestError(field="script")
    script_id = text(script, "id")
    name, version = script.get("name"), script.get("version")
    if not isinstance(name, str) or type(version) is not int:
        raise BadRequestError(field="script")
    return Run(run_id, site_id, script_id, {**fields, "script": script_id, "script_name": name, "version": version})


def create_site_key(keeper: Keeper, message: Json) -> Json:
    """Make a site's key, or return the one it has."""
    site_id = text(message, "site")
    keeper.refresh()
    return described_key(keeper.require().keyring.publish(site_id))


def described_key(made: PublishedSiteKey) -> Json:
    """Return a published site key as an answer has it."""
    return {
        "site": made.site_id,
        "epoch": made.epoch,
        "suite": made.suite,
        "key_id": made.key_id,
        "public_key": _b64(made.public_key),
        "signature": _b64(made.signature),
        "identity": _b64(made.identity),
    }


def status(keeper: Keeper) -> Json:
    """Tell what can be opened; tries again to open what cannot."""
    keeper.refresh()
    problem = keeper.problem
    return {
        "node": keeper.parts.keyring.node if keeper.parts else None,
        "identity": keeper.identity(),
        "sites": keeper.parts.keyring.sites() if keeper.parts else {},
        "recipients": keeper.parts.keyring.recipients if keeper.parts else "unknown",
        "problem": problem.code if problem else None,
        "message": problem.message if problem else None,
        "hint": problem.hint if problem else None,
        "reads": keeper.reads,
    }


def check(keeper: Keeper, message: Json) -> Iterator[Json | None]:
    """Open secrets one by one, giving way (``None``) after each; the last item is the answer.

    Raises:
        BadRequestError, or what keeps the keeper from opening anything.
    """
    items = message.get("secrets")
    if not isinstance(items, list):
        raise BadRequestError(field="secrets")
    parts = keeper.require()
    if parts.keyring.problem is not None:
        raise parts.keyring.problem
    results: list[str] = []
    for item in items:
        name, row = read_item(item)
        site_id = text(item, "site")
        # Marks are read and raised in one step: another request may raise them in between.
        result, change = parts.releaser.check(site_id, name, row) if is_name(name) else ("format", None)
        marks: list[Change] = [change] if change else []
        parts.store.raise_high_water(marks)
        results.append(result)
        yield None
    yield {"results": results}


def error_answer(request_id: Any, error: NightdropError) -> Json:
    """Return the answer that reports an error."""
    return {"id": request_id, "ok": False, "code": error.code, "message": error.message}


def read_item(item: Any) -> tuple[str, SealedRow]:
    """Return name and row of a sealed secret in a request.

    Raises:
        BadRequestError
    """
    if not isinstance(item, dict):
        raise BadRequestError(field="secrets")
    try:
        sealed = base64.b64decode(text_of_any_length(item, "sealed"), validate=True)
    except binascii.Error:
        raise BadRequestError(field="sealed") from None
    row = SealedRow(sealed, item.get("revision"), item.get("epoch"))  # type: ignore[arg-type] # well_formed() judges
    return text_of_any_length(item, "name"), row


def text_of_any_length(message: Json, key: str) -> str:
    """Return a field that must be a string.

    Raises:
        BadRequestError
    """
    value = message.get(key)
    if not isinstance(value, str):
        raise BadRequestError(field=key)
    return value


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
