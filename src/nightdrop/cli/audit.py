"""``nightdrop audit``: what happened, and whether the record of it is whole. Works without a running server."""

import sys
from pathlib import Path
from typing import Any

import click

from nightdrop.cli.context import Context, common, when
from nightdrop.cli.setup import install
from nightdrop.cli.usage import Group

_COLUMNS = [("at", "TIME"), ("log", "LOG"), ("event", "EVENT"), ("who", "BY"), ("about", "ABOUT")]
_ABOUT = ("secret", "target", "reason", "script_name", "outcome", "permission", "problem")


@click.group("audit", cls=Group)
def audit_command() -> None:
    """What happened, and whether the record of it is whole."""


@audit_command.command("ls")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many events.")
@common
def list_events(context: Context, limit: int) -> None:
    """List the newest events of both logs: what people did, and what the keeper did for runs."""
    entries = install("audit-ls", "--home", str(context.root), "--limit", str(limit))["entries"]
    context.table(entries, _COLUMNS, "Nothing happened yet.", _shown)


@audit_command.command("verify")
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Checkpoints that were kept elsewhere: the output of `nightdrop audit checkpoint`.",
)
@common
def verify_audit(context: Context, against: Path | None) -> None:
    """Check both logs: no entry was changed, removed or added, and none is missing since the newest checkpoint.

    Exit status 1 when something is wrong.
    """
    from nightdrop.keys import pins

    arguments = ["--home", str(context.root)]
    if (known := pins.pinned(f"home:{context.home.root}")) is not None:
        arguments += ["--identity", known]
    if against is not None:
        arguments += ["--against", str(against.absolute())]
    findings = install("audit-verify", *arguments)["findings"]
    wrong = [finding for finding in findings if finding["verdict"] != "holds"]
    lines = [f"{'ok  ' if finding not in wrong else 'FAIL'}  {finding['detail']}" for finding in findings]
    context.show({"ok": not wrong, "findings": findings}, "\n".join(lines))
    sys.exit(1 if wrong else 0)


@audit_command.command("checkpoint")
@common
def show_checkpoint(context: Context) -> None:
    """Print the newest signed checkpoints. Keep them where this host cannot write, for `audit verify --against`."""
    checkpoints = install("audit-checkpoint", "--home", str(context.root))["checkpoints"]
    context.show({"checkpoints": checkpoints}, "\n".join(each["note"] for each in checkpoints).rstrip("\n"))


@audit_command.command("accept")
@common
def accept_cut(context: Context) -> None:
    """Stop warning that a log was cut, as after a backup was restored. That it was accepted is recorded."""
    accepted = install("audit-accept", "--home", str(context.root))["accepted"]
    text = f"Accepted: {', '.join(accepted)}." if accepted else "There is nothing to accept."
    context.show({"accepted": accepted}, text)


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    about = [str(entry[key]) for key in _ABOUT if entry.get(key) not in {None, "", "ok"}]
    if "secret" not in entry and "epoch" in entry:
        about.append(f"epoch {entry['epoch']}")
    who = entry["actor"]["name"] if "actor" in entry else entry.get("run", "keeper")
    return {**entry, "at": when(entry["at_ms"]), "who": who, "about": " ".join(about)}
