"""``nightdrop script versions``, ``diff``, ``restore`` and ``clone``."""

import difflib
from typing import Any

import click

from nightdrop.cli.client import Client
from nightdrop.cli.context import Context, of_site, pages, when
from nightdrop.cli.plain import plain
from nightdrop.cli.script import required_script, script_command
from nightdrop.cli.usage import TEXT

_NUMBER = click.IntRange(1, 2**31 - 1)


@script_command.command("versions")
@click.argument("name", type=TEXT)
@of_site
def list_versions(context: Context, name: str) -> None:
    """List the versions of a script: who stored what when."""
    with context.client() as client:
        path = f"{_path(client, context, name)}/versions"
        rows = list(pages(lambda cursor: client.get(path, cursor=cursor, limit=500)))
    columns = [("number", "VERSION"), ("pushed", "STORED"), ("pushed_by", "BY"), ("size", "CHARACTERS")]
    context.table(rows, columns, "", lambda row: {**row, "pushed": when(row["pushed_ms"])})


@script_command.command("diff")
@click.argument("name", type=TEXT)
@click.argument("old", type=_NUMBER, required=False)
@click.argument("new", type=_NUMBER, required=False)
@of_site
def diff_versions(context: Context, name: str, old: int | None, new: int | None) -> None:
    """Show what changed between two versions: the last two, or OLD and the newest, or OLD and NEW."""
    with context.client() as client:
        script = required_script(client, context, name)
        new = script["version"] if new is None else new
        old = max(1, new - 1) if old is None else old
        path = f"{context.site_path}/scripts/{script['id']}/versions"
        before, after = (client.get(f"{path}/{number}")["code"] for number in (old, new))

    def label(number: int) -> str:
        return f"{name} version {number}"

    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), label(old), label(new), lineterm=""))
    shown: dict[str, Any] = {"old": old, "new": new, "diff": lines}
    context.show(shown, "\n".join(map(plain, lines)) or f"Version {old} and version {new} are the same.")


@script_command.command("restore")
@click.argument("name", type=TEXT)
@click.argument("version", type=_NUMBER)
@of_site
def restore_version(context: Context, name: str, version: int) -> None:
    """Make the code of an earlier version the newest one; it becomes a new version, so nothing is lost."""
    with context.client() as client:
        restored = client.call("POST", f"{_path(client, context, name)}/versions/{version}/restore")
    context.show(restored, f"Script {name}, version {restored['version']}, has the code of version {version}.")


@script_command.command("clone")
@click.argument("name", type=TEXT)
@click.argument("copy", type=TEXT, required=False)
@of_site
def clone_script(context: Context, name: str, copy: str | None) -> None:
    """Make a copy of a script's newest version, called COPY, or "NAME copy"."""
    with context.client() as client:
        made = client.call("POST", f"{_path(client, context, name)}/clone", body={"name": copy})
    context.show(made, f"Script {made['name']}, version 1, stored.")


def _path(client: Client, context: Context, name: str) -> str:
    return f"{context.site_path}/scripts/{required_script(client, context, name)['id']}"
