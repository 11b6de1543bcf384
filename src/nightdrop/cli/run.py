"""``nightdrop exec``, ``nightdrop run``, ``nightdrop logs``."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from nightdrop.cli.client import Client, part
from nightdrop.cli.context import Context, of_site, when
from nightdrop.cli.errors import STOPPED
from nightdrop.cli.follow import describe, finish, follow, log_lines, print_line, say
from nightdrop.cli.script import read_script, required_script, run_options, start
from nightdrop.cli.usage import SPAN, TEXT, Group, pairs
from nightdrop.core.errors import ConflictError, NotFoundError
from nightdrop.core.ids import is_id

_STATES = ("queued", "running", "succeeded", "failed", "timed_out", "killed", "cancelled", "lost")
_COLUMNS = [
    ("id", "ID"),
    ("script", "SCRIPT"),
    ("state", "STATE"),
    ("created", "QUEUED"),
    ("took", "TOOK"),
    ("why", "WHY"),
]


class RunMissingError(NotFoundError):
    """There is no such run."""

    code = "run_not_found"
    hint = "See: nightdrop run ls"


class RunEndedError(ConflictError):
    """The run has ended already."""

    code = "run_ended"
    hint = "Nothing was changed. See: nightdrop run show ID"


@click.command("exec")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.js")
@run_options
def exec_command(context: Context, file: Path, params: tuple[str, ...], no_wait: bool, timeout: float | None) -> None:
    """Run a script file that is not stored, and print its log as it comes.

    Exit status 0 only when the run succeeded. Ctrl-C cancels the run. The audit
    log keeps that it was run, and its hash.
    """
    body: dict[str, Any] = {"code": read_script(file), "name": file.name, "params": pairs(params, "--param")}
    start(context, body, no_wait=no_wait, timeout=timeout)


@click.group("run", cls=Group)
def run_command() -> None:
    """Runs: list, show, cancel."""


@run_command.command("ls")
@click.option(
    "--state", type=click.Choice(_STATES), metavar="STATE", help=f"Only runs in this state: {', '.join(_STATES)}."
)
@click.option("--script", type=TEXT, metavar="NAME", help="Only runs of this script.")
@click.option("--trigger", type=TEXT, metavar="ID", help="Only runs that this trigger started.")
@click.option("--since", type=SPAN, metavar="SPAN", help="Only runs queued within this time: 30m, 12h, 7d.")
@click.option(
    "--limit", type=click.IntRange(1, 500), default=50, metavar="N", show_default=True, help="At most N runs."
)
@of_site
def list_runs(
    context: Context, state: str | None, script: str | None, trigger: str | None, since: int | None, limit: int
) -> None:
    """List the newest runs."""
    wanted: dict[str, Any] = {"state": state, "trigger_id": trigger}
    if since is not None:
        wanted["since_ms"] = max(0, int(time.time() * 1000) - since)
    with context.client() as client:
        if script is not None:
            wanted["script_id"] = required_script(client, context, script)["id"]
        items = client.get(f"{context.site_path}/runs", **wanted, limit=limit)["items"]
    chosen = any(value is not None for value in wanted.values())
    context.table(items, _COLUMNS, "There is no such run." if chosen else "There is no run yet.", _shown)


@run_command.command("show")
@click.argument("run_id", type=TEXT, metavar="ID")
@of_site
def show_run(context: Context, run_id: str) -> None:
    """Show one run."""
    with context.client() as client:
        run = _find(client, context, run_id)
    shown = _shown(run)
    fields = [
        ("id", run["id"]),
        ("script", shown["script"]),
        ("state", run["state"]),
        ("why", shown["why"]),
        ("queued", shown["created"]),
        ("started", when(run["started_ms"])),
        ("ended", when(run["ended_ms"])),
        ("took", shown["took"]),
        ("by", run["created_by"]),
        ("secrets", ", ".join(run["secrets_used"]) or "-"),
        ("moved", f"{run['bytes_moved']} bytes"),
    ]
    context.show(run, "\n".join(f"{key:<8} {value}" for key, value in fields))


@run_command.command("cancel")
@click.argument("run_id", type=TEXT, metavar="ID")
@of_site
def cancel_run(context: Context, run_id: str) -> None:
    """Cancel a run, also one that is under way."""
    with context.client() as client:
        _find(client, context, run_id)
        run = client.call("POST", f"/runs/{part(run_id)}/cancel")
    words = {"cancelled": "is cancelled", "queued": "is being cancelled", "running": "is being cancelled"}
    if run["state"] not in words:
        raise RunEndedError(f"Run {run_id} has ended already: {run['state'].replace('_', ' ')}.")
    context.show(run, f"Run {run_id} {words[run['state']]}.")


@click.command("logs")
@click.argument("run_id", type=TEXT, metavar="ID")
@click.option("--follow", "following", is_flag=True, help="Go on until the run ends.")
@of_site
def logs_command(context: Context, run_id: str, following: bool) -> None:
    """Print the log of a run.

    With --follow the exit status is that of the run: 0 only when it succeeded.
    Ctrl-C stops following; the run goes on.
    """
    with context.client() as client:
        _find(client, context, run_id)
        if following:
            try:
                finish(client, context, follow(client, context, run_id))
            except KeyboardInterrupt:
                say(f"\nThe run goes on. See: nightdrop logs {run_id} --follow")
                sys.exit(STOPPED)
        if context.as_json:
            context.show(list(log_lines(client, run_id)))
            return
        for line in log_lines(client, run_id):
            print_line(line["level"], line["text"])


def _find(client: Client, context: Context, run_id: str) -> dict[str, Any]:
    if not is_id(run_id, "run"):
        raise RunMissingError
    run: dict[str, Any] = client.get(f"/runs/{part(run_id)}")
    # With the default site an id is enough; a site that was asked for must be the run's.
    if context.site != "default" and client.get(context.site_path)["id"] != run["site_id"]:
        raise RunMissingError(f"There is no such run in site {context.site}.")
    return run


def _shown(run: dict[str, Any]) -> dict[str, Any]:
    started, ended = run.get("started_ms"), run.get("ended_ms")
    return {
        **run,
        "script": run.get("script_name") or "-",
        "created": when(run["created_ms"]),
        "took": f"{(ended - started) / 1000:.3f} s" if started and ended else "-",
        "why": "-" if run["state"] in {"succeeded", "queued", "running"} else describe(run),
    }
