"""``nightdrop doctor``."""

import sys

import click

from nightdrop.cli.client import Client
from nightdrop.cli.context import Context, common
from nightdrop.cli.keeper import keeper_problem
from nightdrop.cli.setup import install
from nightdrop.core.errors import NightdropError

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command("doctor")
@common
def doctor_command(context: Context) -> None:
    """Check home, database, keys and sandbox; every finding with its remedy.

    Exit status 1 when something is broken.
    """
    checks = install("doctor", "--home", str(context.root))["checks"]
    if not any(check["name"] == "home" and check["state"] == "fail" for check in checks):
        checks.append(_server(context))
    if context.as_json:
        context.show({"checks": checks})
    else:
        for check in checks:
            mark, colour = _MARKS[check["state"]]
            click.echo(f"{click.style(mark, fg=colour)}  {check['name']:<10} {check['detail']}")
            if check["remedy"]:
                click.echo(f"{'':18}{check['remedy']}")
    sys.exit(1 if any(check["state"] == "fail" for check in checks) else 0)


def _server(context: Context) -> dict[str, str]:
    try:
        with Client(context.home.admin_socket) as client:
            status = client.get("/status")
    except NightdropError as error:
        return {"name": "server", "state": "warn", "detail": error.message, "remedy": error.hint}
    worker = status["worker"]
    if not worker.get("alive"):
        remedy = "Start it with: nightdrop up (or nightdrop worker)"
        return {
            "name": "server",
            "state": "warn",
            "detail": "The web process runs, the worker does not.",
            "remedy": remedy,
        }
    if (problem := keeper_problem(status)) is not None:
        detail, remedy = f"Web and worker run, but no secret can be opened. {problem[0]}", problem[1]
        return {"name": "server", "state": "fail", "detail": detail, "remedy": remedy}
    if (worker.get("keeper") or {}).get("recipients") == "refused":
        return {
            "name": "server",
            "state": "fail",
            "detail": "keeper.db names recipients that the keeper did not sign. Secrets open; no site key is made.",
            "remedy": "Restore keeper/keeper.db from a backup, or move the node key away, then: nightdrop key recover",
        }
    restarts = sum((worker.get("restarts") or {}).values())
    detail = f"Web and worker run, sandbox {worker['sandbox']}, {restarts} restarts of its children."
    return {"name": "server", "state": "ok", "detail": detail, "remedy": ""}
