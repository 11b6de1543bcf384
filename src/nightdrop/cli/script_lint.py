"""``nightdrop script lint``."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

import nightdrop.cli.script_sync
import nightdrop.cli.script_versions  # noqa: F401 - their commands are in the same group
from nightdrop.cli.client import Client
from nightdrop.cli.context import Context, of_site, pages
from nightdrop.cli.plain import plain
from nightdrop.cli.script import read_script, script_command

_ADVICE = 'Store each with: nightdrop secret set NAME, and write GetSecret("NAME") in its place.'
_UNREAD = "note: errors of syntax were not looked for, as this host has no sandbox for it"


@script_command.command("lint")
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@of_site
def lint_script(context: Context, file: Path | None) -> None:
    """Look for errors of syntax, secrets that do not exist, and passwords in FILE, or in every script of the site.

    Passwords are also tokens and keys. What is found is not repeated. Exit status 1 when something is found.
    """
    with context.client() as client:
        codes = dict(_codes(context, client)) if file is None else {str(file): read_script(file)}
        checks = [
            client.call("POST", f"{context.site_path}/scripts/check", body={"code": code}) for code in codes.values()
        ]
    read = _read(list(codes.values()))
    if False in read:
        click.echo(_UNREAD, err=True)
    found = [one for each in zip(codes, read, checks, strict=True) for one in _found(*each)]
    lines = [
        plain(f"{one['script']}:{one['line']}: {one['title']}" if one["line"] else f"{one['script']}: {one['title']}")
        for one in found
    ]
    if any(one["kind"] == "leak" for one in found):
        lines.append(_ADVICE)
    context.show({"found": found}, "\n".join(lines) or "Nothing was found.")
    if found:
        raise click.exceptions.Exit(1)


def _codes(context: Context, client: Client) -> Iterator[tuple[str, str]]:
    path = f"{context.site_path}/scripts"
    for script in pages(lambda cursor: client.get(path, cursor=cursor)):
        yield script["name"], client.get(f"{path}/{script['id']}")["code"]


def _read(codes: Sequence[str]) -> list[Any]:
    """Return the error of syntax of each: ``None`` without one, ``False`` when it was not read."""
    # A process of its own, as it forks, and as few commands need the engine.
    argv = [sys.executable, "-I", "-m", "nightdrop.syncjs.syntax"]
    done = subprocess.run(argv, input=json.dumps(codes), stdout=subprocess.PIPE, text=True, check=False)
    return list(json.loads(done.stdout)) if done.returncode == 0 else [False] * len(codes)


def _found(script: str, error: Any, check: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if error:
        yield {
            "script": script,
            "kind": "syntax",
            "line": error["line"],
            "column": error["column"],
            "title": error["message"],
        }
    for name in check["missing"] or ():
        yield {
            "script": script,
            "kind": "missing",
            "line": 0,
            "title": f"The site has no secret '{name}'",
            "secret": name,
        }
    for leak in check["leaks"]:
        yield {"script": script, "kind": "leak", **leak}
