"""``nightdrop script``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nightdrop.cli.client import Client
from nightdrop.cli.context import Context, of_site, pages, when
from nightdrop.cli.errors import ApiError, reason
from nightdrop.cli.follow import attend
from nightdrop.cli.usage import PAIR, SECONDS, TEXT, Group, pairs
from nightdrop.core.errors import InvalidError, NotFoundError
from nightdrop.core.script_text import MAX_CODE, ScriptTooLargeError, check_code


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
        ScriptEmptyError, ScriptTooLargeError, ScriptNotTextError.
    """
    try:
        with file.open("rb") as source:
            data = source.read(MAX_CODE + 1)
    except OSError as error:
        raise ScriptFileError(f"{file} cannot be read: {reason(error)}.") from None
    if len(data) > MAX_CODE:
        raise ScriptTooLargeError
    try:
        code = data.decode()
    except UnicodeDecodeError:
        raise ScriptFileError(f"{file} is not UTF-8 text.") from None
    check_code(code)
    return code


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a run, and those of every command of a site."""
    options = (
        click.option(
            "--param", "params", multiple=True, type=PAIR, metavar="K=V", help="A parameter: Params.K in the script."
        ),
        click.option("--no-wait", is_flag=True, help="Print the run's id and return."),
        click.option(
            "--timeout",
            type=SECONDS,
            metavar="S",
            help="Time limit in seconds; the site's limit stays the most.",
        ),
    )
    command = of_site(function)
    for option in reversed(options):
        command = option(command)
    return command


@click.group("script", cls=Group)
def script_command() -> None:
    """Store, list and run scripts."""


@script_command.command("push")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE|DIR")
@click.option("--name", type=TEXT, help="Name of the script (default: the file's name without its ending).")
@click.option("--force", is_flag=True, help="Of a directory: let it win where the server has changed as well.")
@click.option("--delete", is_flag=True, help="Of a directory: delete the scripts whose files are gone from it.")
@of_site
def push_script(context: Context, file: Path, name: str | None, force: bool, delete: bool) -> None:
    """Store a script, or a new version of it; of a directory, every script that has changed there.

    A directory is made by nightdrop script pull. Of a script that has changed there
    and on the server, neither is lost: it is left, and the exit status is 1.
    """
    if file.is_dir():
        from nightdrop.cli.script_sync import push_folder

        if name is not None:
            raise click.BadParameter("The scripts of a directory have their own names.", param_hint="--name")
        push_folder(context, file, force=force, delete=delete)
        return
    if force or delete:
        raise click.UsageError("--force and --delete are for directories.")
    code = read_script(file)
    name = file.stem if name is None else name
    with context.client() as client:
        existing = _find(client, context, name)
        try:
            script = _push(client, context, existing, name, code)
        except ApiError as error:
            # Somebody pushed or removed the same name between our look and our write.
            if error.given_code not in {"script_exists", "script_not_found"}:
                raise
            existing = _find(client, context, name)
            script = _push(client, context, existing, name, code)
    unchanged = existing is not None and existing["version"] == script["version"]
    text = f"Script {name} has not changed." if unchanged else f"Script {name}, version {script['version']}, stored."
    context.show(script, text)


@script_command.command("ls")
@of_site
def list_scripts(context: Context) -> None:
    """List the scripts."""
    with context.client() as client:
        path = f"{context.site_path}/scripts"
        found = pages(lambda cursor: client.get(path, cursor=cursor, limit=500))
        rows = list(found)
    empty = "There is no script yet. Add one with: nightdrop script push FILE"
    columns = [("name", "NAME"), ("version", "VERSION"), ("updated", "UPDATED")]
    context.table(rows, columns, empty, lambda script: {**script, "updated": when(script["updated_ms"])})


@script_command.command("show")
@click.argument("name", type=TEXT)
@of_site
def show_script(context: Context, name: str) -> None:
    """Print a script's code."""
    with context.client() as client:
        script = client.get(f"{context.site_path}/scripts/{required_script(client, context, name)['id']}")
    context.show(script, script["code"].removesuffix("\n"))


@script_command.command("set")
@click.argument("name", type=TEXT)
@click.argument("settings", nargs=-1, required=True, type=PAIR, metavar="KEY=VALUE...")
@of_site
def set_script(context: Context, name: str, settings: tuple[str, ...]) -> None:
    """Change what is said about a script: name=, description=, idempotent=yes or no.

    idempotent=yes says that running it twice does no harm, so a trigger may try it again.
    """
    changes: dict[str, Any] = {key.strip(): value.strip() for key, value in pairs(settings, "KEY=VALUE").items()}
    if "idempotent" in changes:
        changes["idempotent"] = _yes_or_no(changes["idempotent"])
    with context.client() as client:
        path = f"{context.site_path}/scripts/{required_script(client, context, name)['id']}"
        changed = client.call("PATCH", path, body=changes)
    context.show(changed, f"Script {changed['name']}: {', '.join(changes)} set.")


def _yes_or_no(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise click.BadParameter("idempotent is yes or no.")
    return text == "yes"


@script_command.command("rm")
@click.argument("name", type=TEXT)
@of_site
def remove_script(context: Context, name: str) -> None:
    """Remove a script. Its runs stay in the history."""
    with context.client() as client:
        client.call("DELETE", f"{context.site_path}/scripts/{required_script(client, context, name)['id']}")
    context.show({"name": name, "removed": True}, f"Script {name} removed.")


@script_command.command("run")
@click.argument("name", type=TEXT)
@run_options
def run_script(context: Context, name: str, params: tuple[str, ...], no_wait: bool, timeout: float | None) -> None:
    """Run a script and print its log as it comes.

    Exit status 0 only when the run succeeded. Ctrl-C cancels the run.
    """
    body: dict[str, Any] = {"script": name, "params": pairs(params, "--param")}
    start(context, body, no_wait=no_wait, timeout=timeout)


def _push(client: Client, context: Context, existing: dict[str, Any] | None, name: str, code: str) -> dict[str, Any]:
    path = f"{context.site_path}/scripts"
    if existing is None:
        stored: dict[str, Any] = client.call("POST", path, body={"name": name, "code": code})
    else:
        stored = client.call("PUT", f"{path}/{existing['id']}", body={"code": code})
    return stored


def start(context: Context, body: dict[str, Any], *, no_wait: bool, timeout: float | None) -> None:
    """Queue a run and, unless told not to wait, follow it to its end."""
    if timeout is not None:
        body["timeout_s"] = timeout
    with context.client() as client:
        run = client.call("POST", f"{context.site_path}/runs", body=body)
        if no_wait:
            context.show(run, run["id"])
            return
        attend(client, context, run["id"])


def _find(client: Client, context: Context, name: str) -> dict[str, Any] | None:
    items = client.get(f"{context.site_path}/scripts", name=name)["items"]
    return items[0] if items else None


def required_script(client: Client, context: Context, name: str) -> dict[str, Any]:
    """Return what the server says about a script.

    Raises:
        ScriptMissingError
    """
    script = _find(client, context, name)
    if script is None:
        raise ScriptMissingError(f"There is no script {name!r} in site {context.site}.")
    return script
