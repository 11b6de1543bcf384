"""``nightdrop script``."""

from pathlib import Path
from typing import Any

import click

from nightdrop.cli.client import Client
from nightdrop.cli.context import Context, common, pages, when
from nightdrop.cli.follow import finish, follow
from nightdrop.cli.params import parse_params
from nightdrop.core.errors import InvalidError, NotFoundError


class ScriptMissingError(NotFoundError):
    """There is no script of this name."""

    code = "script_not_found"
    hint = "See: nightdrop script ls"


class ScriptFileError(InvalidError):
    """The script's file cannot be read."""

    code = "script_file"
    hint = "Check the path; a script is UTF-8 text."


def read_script(file: Path) -> str:
    """Return a script's code.

    Raises:
        ScriptFileError: no such file, not readable, or not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        raise ScriptFileError(f"{file} cannot be read.") from None
    except UnicodeDecodeError:
        raise ScriptFileError(f"{file} is not UTF-8 text.") from None


@click.group("script")
def script_command() -> None:
    """Store, list and run scripts."""


@script_command.command("push")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the script (default: the file's name without its ending).")
@common
def push_script(context: Context, file: Path, name: str | None) -> None:
    """Store a script, or a new version of it."""
    code = read_script(file)
    name = name or file.stem
    with context.client() as client:
        existing = _find(client, context, name)
        if existing is None:
            script = client.call("POST", f"{context.site_path}/scripts", body={"name": name, "code": code})
        else:
            script = client.call("PUT", f"{context.site_path}/scripts/{existing['id']}", body={"code": code})
    unchanged = existing is not None and existing["version"] == script["version"]
    text = f"Script {name} has not changed." if unchanged else f"Script {name}, version {script['version']}, stored."
    context.show(script, text)


@script_command.command("ls")
@common
def list_scripts(context: Context) -> None:
    """List the scripts."""
    with context.client() as client:
        path = f"{context.site_path}/scripts"
        found = pages(lambda cursor: client.get(path, cursor=cursor, limit=500))
        rows = [{**script, "updated": when(script["updated_ms"])} for script in found]
    empty = "There is no script yet. Add one with: nightdrop script push FILE"
    context.table(rows, [("name", "NAME"), ("version", "VERSION"), ("updated", "UPDATED")], empty)


@script_command.command("show")
@click.argument("name")
@common
def show_script(context: Context, name: str) -> None:
    """Print a script's code."""
    with context.client() as client:
        script = client.get(f"{context.site_path}/scripts/{_required(client, context, name)['id']}")
    context.show(script, script["code"].removesuffix("\n"))


@script_command.command("rm")
@click.argument("name")
@common
def remove_script(context: Context, name: str) -> None:
    """Remove a script. Its runs stay in the history."""
    with context.client() as client:
        client.call("DELETE", f"{context.site_path}/scripts/{_required(client, context, name)['id']}")
    context.show({"name": name, "removed": True}, f"Script {name} removed.")


@script_command.command("run")
@click.argument("name")
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter, as Params.K in the script.")
@click.option("--no-wait", is_flag=True, help="Print the run's id and return.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Time limit in seconds.")
@common
def run_script(context: Context, name: str, params: tuple[str, ...], no_wait: bool, timeout: float | None) -> None:
    """Run a script and print its log as it comes. Exit status 0 only when the run succeeded."""
    body: dict[str, Any] = {"script": name, "params": parse_params(params)}
    start(context, body, no_wait=no_wait, timeout=timeout)


def start(context: Context, body: dict[str, Any], *, no_wait: bool, timeout: float | None) -> None:
    """Queue a run and, unless told not to wait, follow it to its end."""
    if timeout is not None:
        body["timeout_s"] = timeout
    with context.client() as client:
        run = client.call("POST", f"{context.site_path}/runs", body=body)
        if no_wait:
            context.show(run, run["id"])
            return
        finish(client, context, follow(client, context, run["id"]))


def _find(client: Client, context: Context, name: str) -> dict[str, Any] | None:
    items = client.get(f"{context.site_path}/scripts", name=name)["items"]
    return items[0] if items else None


def _required(client: Client, context: Context, name: str) -> dict[str, Any]:
    script = _find(client, context, name)
    if script is None:
        raise ScriptMissingError(f"There is no script {name!r} in site {context.site}.")
    return script
