"""``nightdrop exec``, ``nightdrop run``, ``nightdrop logs``."""

from pathlib import Path
from typing import Any

import click

from nightdrop.cli.context import Context, common, when
from nightdrop.cli.follow import describe, finish, follow, print_line
from nightdrop.cli.params import parse_params
from nightdrop.cli.script import read_script, start

_COLUMNS = [
    ("id", "ID"),
    ("script", "SCRIPT"),
    ("state", "STATE"),
    ("created", "QUEUED"),
    ("took", "TOOK"),
    ("why", "WHY"),
]


@click.command("exec")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter, as Params.K in the script.")
@click.option("--no-wait", is_flag=True, help="Print the run's id and return.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Time limit in seconds.")
@common
def exec_command(context: Context, file: Path, params: tuple[str, ...], no_wait: bool, timeout: float | None) -> None:
    """Run a script file that is not stored. The audit log keeps that it was run, and its hash."""
    body: dict[str, Any] = {"code": read_script(file), "name": file.name, "params": parse_params(params)}
    start(context, body, no_wait=no_wait, timeout=timeout)


@click.group("run")
def run_command() -> None:
    """Runs: list, show, cancel."""


@run_command.command("ls")
@click.option("--state", help="Only runs in this state.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@common
def list_runs(context: Context, state: str | None, limit: int) -> None:
    """List the newest runs."""
    with context.client() as client:
        items = client.get(f"{context.site_path}/runs", state=state, limit=limit)["items"]
    context.table([_shown(run) for run in items], _COLUMNS, "There is no run yet.")


@run_command.command("show")
@click.argument("run_id", metavar="ID")
@common
def show_run(context: Context, run_id: str) -> None:
    """Show one run."""
    with context.client() as client:
        run = client.get(f"/runs/{run_id}")
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
    ]
    context.show(run, "\n".join(f"{key:<8} {value}" for key, value in fields))


@run_command.command("cancel")
@click.argument("run_id", metavar="ID")
@common
def cancel_run(context: Context, run_id: str) -> None:
    """Cancel a run, also one that is under way."""
    with context.client() as client:
        run = client.call("POST", f"/runs/{run_id}/cancel")
    done = run["state"] == "cancelled"
    context.show(run, f"Run {run_id} {'is cancelled' if done else 'is being cancelled'}.")


@click.command("logs")
@click.argument("run_id", metavar="ID")
@click.option("--follow", "following", is_flag=True, help="Go on until the run ends.")
@common
def logs_command(context: Context, run_id: str, following: bool) -> None:
    """Print the log of a run."""
    with context.client() as client:
        if following:
            finish(client, context, follow(client, context, run_id))
        lines: list[dict[str, Any]] = []
        after = 0
        while page := client.get(f"/runs/{run_id}/logs", after=after, limit=5000)["items"]:
            after = page[-1]["seq"]
            if context.as_json:
                lines += page
            else:
                for line in page:
                    print_line(line["level"], line["text"])
    if context.as_json:
        context.show(lines)


def _shown(run: dict[str, Any]) -> dict[str, Any]:
    started, ended = run.get("started_ms"), run.get("ended_ms")
    return {
        **run,
        "script": run.get("script_name") or "-",
        "created": when(run["created_ms"]),
        "took": f"{(ended - started) / 1000:.3f} s" if started and ended else "-",
        "why": "-" if run["state"] in {"succeeded", "queued", "running"} else describe(run),
    }
