"""A rotation of a site's key as people follow it."""

import sys
import time
from typing import Any

import click

from nightdrop.cli.client import Client
from nightdrop.cli.context import Context
from nightdrop.core.errors import ConflictError, NightdropError, UnavailableError

_POLL_S = 0.1
# A worker that was just started has not said yet that it lives.
_WORKER_S = 10.0


class UndecryptableError(ConflictError):
    """Some secrets cannot be opened, so the earlier key is kept for them."""

    code = "rotation_undecryptable"
    hint = (
        "Set their values again or remove them, and the rotation ends by itself. To delete all of them for good:"
        " nightdrop key rotate --drop-undecryptable"
    )


class RotationWaitsError(UnavailableError):
    """The rotation cannot go on now; it does so by itself as soon as it can."""

    code = "rotation_waits"
    hint = "See: nightdrop doctor"


def start_rotation(client: Client, site_path: str, *, drop_undecryptable: bool = False) -> dict[str, Any]:
    """Ask for a rotation; one that is under way already is that one."""
    rotation: dict[str, Any] = client.call(
        "POST", f"{site_path}/rotations", body={"drop_undecryptable": drop_undecryptable}
    )
    return rotation


def follow_rotation(client: Client, context: Context, site_path: str, rotation: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end of a rotation, and show how far it is.

    Raises:
        RotationWaitsError, UndecryptableError: it does not end now.
    """
    path = f"{site_path}/rotations/{rotation['epoch']}"
    said = ""
    patience = time.monotonic() + _WORKER_S
    while rotation["state"] == "running":
        if rotation["problem"] is not None:
            raise RotationWaitsError(f"{RotationWaitsError.__doc__} The reason: {rotation['problem']}.")
        if client.get("/status")["worker"].get("alive"):
            patience = time.monotonic() + _WORKER_S
        elif time.monotonic() > patience:
            raise RotationWaitsError("The worker does not run. The rotation begins when it does.")
        if not context.as_json and sys.stderr.isatty() and (now := progress(rotation)) != said:
            said = now
            click.echo(f"\r\x1b[K{now}", nl=False, err=True)
        time.sleep(_POLL_S)
        rotation = client.get(path)
    if said:
        click.echo("", err=True)
    if rotation["state"] == "blocked":
        raise _undecryptable(rotation)
    return rotation


def _undecryptable(rotation: dict[str, Any]) -> NightdropError:
    names = ", ".join(rotation["undecryptable"])
    more = ", ..." if rotation["left"] > len(rotation["undecryptable"]) else ""
    count = f"{rotation['left']} {'secret' if rotation['left'] == 1 else 'secrets'}"
    return UndecryptableError(
        f"The other secrets have the new key. {count} cannot be opened, so the earlier key is kept: {names}{more}."
    )


def progress(rotation: dict[str, Any]) -> str:
    """Return how far it is, for people."""
    text = (
        f"epoch {rotation['epoch']}, {rotation['moved']} of {rotation['moved'] + rotation['left']} secrets sealed anew."
    )
    return f"{text} Waits: {rotation['problem']}." if rotation["problem"] else text


def outcome(rotation: dict[str, Any]) -> str:
    """Return what it did, for people."""
    text = f"Secrets sealed anew: {rotation['moved']}."
    return f"{text} Deleted because they could not be opened: {rotation['dropped']}." if rotation["dropped"] else text
