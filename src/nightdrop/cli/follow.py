"""Printing a run's log as it comes, and turning its end into an exit status."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from nightdrop.cli.client import Client, part
from nightdrop.cli.context import Context
from nightdrop.cli.errors import STOPPED, ServerDownError

# A web process that died is back within a second.
_TRIES = 20
_PAUSE_S = 0.25
_PAGE = 5000

_MARKS = {"warn": "warning: ", "error": "error: "}
_COLOURS = {"warn": "yellow", "error": "red"}


def print_line(level: str, text: str) -> None:
    """Print one line of a script's log: information to standard output, the rest to standard error."""
    if level == "info":
        click.echo(text)
    else:
        click.secho(_MARKS.get(level, "") + text, fg=_COLOURS.get(level), err=True)


def say(text: str) -> None:
    """Print a remark that is not part of the log."""
    click.echo(text, err=True)


def attend(client: Client, context: Context, run_id: str) -> None:
    """Follow a run that this command started, and exit as it ends. Ctrl-C cancels it; a second one leaves it."""
    seen = Seen()
    try:
        try:
            run = follow(client, context, run_id, seen)
        except KeyboardInterrupt:
            client.close()
            say(f"\nCancelling {run_id}. Ctrl-C again does not wait for its end.")
            client.call("POST", f"/runs/{part(run_id)}/cancel")
            run = follow(client, context, run_id, seen)
    except KeyboardInterrupt:
        say(f"\nNot waiting any longer. See: nightdrop run show {run_id}")
        sys.exit(STOPPED)
    finish(client, context, run)


@dataclass(slots=True)
class Seen:
    """How far a log has been printed."""

    after: int = 0


def follow(client: Client, context: Context, run_id: str, seen: Seen | None = None) -> dict[str, Any]:
    """Print lines until the run ends; return the run. A web process that starts again is waited for.

    Raises:
        ServerDownError: it did not come back.
    """
    seen, tries = seen or Seen(), 0
    while True:
        try:
            for event, data in client.events(f"/runs/{part(run_id)}/logs/stream", after=seen.after):
                tries = 0
                if event == "log":
                    seen.after = data["seq"]
                    if not context.as_json:
                        print_line(data["level"], data["text"])
                elif event == "end":
                    client.close()
                    return data
        except ServerDownError:
            if tries >= _TRIES:
                hint = f"The run may go on. When nightdrop is up again: nightdrop logs {run_id} --follow"
                raise ServerDownError("The server went away before the run ended.", hint=hint) from None
        client.close()
        tries += 1
        time.sleep(_PAUSE_S)


def log_lines(client: Client, run_id: str) -> Iterator[dict[str, Any]]:
    """Yield every line of a run's log that is there now."""
    after = 0
    while page := client.get(f"/runs/{part(run_id)}/logs", after=after, limit=_PAGE)["items"]:
        after = page[-1]["seq"]
        yield from page


def finish(client: Client, context: Context, run: dict[str, Any]) -> None:
    """Print how the run ended and exit: 0 only when it succeeded."""
    if context.as_json:
        context.show({**run, "log": list(log_lines(client, run["id"]))})
    elif run["state"] != "succeeded":
        words, why = run["state"].replace("_", " "), describe(run)
        click.secho(words if why == words else f"{words}: {why}", fg="red", err=True)
    status = STOPPED if run["state"] == "cancelled" else 1
    sys.exit(0 if run["state"] == "succeeded" else status)


def describe(run: dict[str, Any]) -> str:
    """Return why a run did not succeed, with the place in the script."""
    error = run.get("error") or {}
    # Why it was killed is the worker's sentence; why it failed is the script's.
    message = error.get("message") if run["state"] == "failed" else None
    place = ""
    if error.get("line"):
        place = f" ({run.get('script_name') or 'script'}:{error['line']}:{error.get('column') or 1})"
    return f"{message or run.get('reason') or run['state']}{place}"
