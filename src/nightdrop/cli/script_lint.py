"""``nightdrop script lint``."""

from pathlib import Path
from typing import Any

import click

import nightdrop.cli.script_sync
import nightdrop.cli.script_versions  # noqa: F401 - their commands are in the same group
from nightdrop.cli.context import Context, of_site, pages
from nightdrop.cli.plain import plain
from nightdrop.cli.script import read_script, script_command


@script_command.command("lint")
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@of_site
def lint_script(context: Context, file: Path | None) -> None:
    """Look for passwords, tokens and keys in FILE, or in every script of the site.

    Exit status 1 when something is found. What is found is not repeated.
    """
    found: list[dict[str, Any]] = []
    with context.client() as client:
        if file is None:
            path = f"{context.site_path}/leaks"
            for script in pages(lambda cursor: client.get(path, cursor=cursor)):
                found += [{"script": script["name"], **leak} for leak in script["leaks"]]
        else:
            body = {"code": read_script(file)}
            checked = client.call("POST", f"{context.site_path}/scripts/check", body=body)
            found += [{"script": str(file), **leak} for leak in checked["leaks"]]
    lines = [plain(f"{one['script']}:{one['line']}: {one['title']}") for one in found]
    if found:
        lines.append('Store each with: nightdrop secret set NAME, and write GetSecret("NAME") in its place.')
    context.show({"found": found}, "\n".join(lines) or "No password, token or key was found.")
    if found:
        raise click.exceptions.Exit(1)
