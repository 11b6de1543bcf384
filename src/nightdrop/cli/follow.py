"""Printing a run's log as it comes, and turning its end into an exit status."""

import sys
from typing import Any

import click

from nightdrop.cli.client import Client
from nightdrop.cli.context import Context

_MARKS = {"warn": "warning: ", "error": "error: "}
_COLOURS = {"warn": "yellow", "error": "red"}


def print_line(level: str, text: str) -> None:
    """Print one line of a script's log: information to standard output, the rest to standard error."""
    if level == "info":
        click.echo(text)
    else:
        click.secho(_MARKS.get(level, "") + text, fg=_COLOURS.get(level), err=True)


def follow(client: Client, context: Context, run_id: str, after: int = 0) -> dict[str, Any]:
    """Print lines until the run ends; return the run."""
    for event, data in client.events(f"/runs/{run_id}/logs/stream", after=after):
        if event == "log" and not context.as_json:
            print_line(data["level"], data["text"])
        elif event == "end":
            break
    client.close()
    run: dict[str, Any] = client.get(f"/runs/{run_id}")
    return run


def finish(client: Client, context: Context, run: dict[str, Any]) -> None:
    """Print how the run ended and exit: 0 only when it succeeded."""
    if context.as_json:
        lines = client.get(f"/runs/{run['id']}/logs", limit=10000)["items"]
        context.show({**run, "log": lines})
    elif run["state"] != "succeeded":
        click.secho(f"{run['state'].replace('_', ' ')}: {describe(run)}", fg="red", err=True)
    sys.exit(0 if run["state"] == "succeeded" else 1)


def describe(run: dict[str, Any]) -> str:
    """Return why a run did not succeed, with the place in the script."""
    error = run.get("error") or {}
    reason = run.get("reason") or run["state"]
    if not error.get("message"):
        return str(reason)
    place = ""
    if error.get("line"):
        place = f" ({run.get('script_name') or 'script'}:{error['line']}:{error.get('column') or 1})"
    return f"{error['message']}{place}"
