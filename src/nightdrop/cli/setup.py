"""``nightdrop init``."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from nightdrop.cli.context import Context, common
from nightdrop.cli.errors import CodedError


class InstallError(CodedError):
    """The home could not be made or looked at."""

    code = "install_failed"
    hint = "See the lines above."


def install(command: str, *arguments: str, input_text: str | None = None) -> dict[str, Any]:
    """Run one command of ``nightdrop.install`` in a process of its own and return its JSON answer.

    Raises:
        InstallError: with the code, message and hint that it gave.
    """
    argv = [sys.executable, "-I", "-m", "nightdrop.install", command, *arguments]
    done = subprocess.run(argv, input=input_text, stdout=subprocess.PIPE, text=True, check=False)
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise InstallError from None
    if "error" in answer:
        error = answer["error"]
        raise InstallError(error["message"], hint=error["hint"], code=error["code"])
    return answer


def _show_joined(context: Context, made: dict[str, Any]) -> None:
    from nightdrop.keys import pins

    lines = [f"Home      {made['home']}"]
    if made["node"] is None:
        lines += ["", f"Next: nightdrop web --home {made['home']}"]
    else:
        pins.pin(f"home:{made['home']}", made["identity"])
        lines += [f"Node key  {made['node_key']}", f"Keeper    {made['identity']}", ""]
        lines += ["Compare the keeper's fingerprint with the one on the first host. There, let this host in:", ""]
        lines += [f"    nightdrop key approve {made['node']}"]
    context.show(made, "\n".join(lines))


@click.command("init")
@click.option(
    "--node-key",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where the node key goes. Default: your configuration directory, outside the home.",
)
@click.option("--join", is_flag=True, help="Join the installation in NIGHTDROP_DATABASE, as one more host of it.")
@common
def init_command(context: Context, node_key: Path | None, *, join: bool) -> None:
    """Make a home: databases, keys, the site `default`.

    Prints the recovery key once. It opens everything that the node key opens, and is kept nowhere.

    For PostgreSQL set NIGHTDROP_DATABASE, and for the keeper's data NIGHTDROP_KEEPER_DATABASE, to their URLs: they are
    written down in the home.
    """
    from nightdrop.keys import pins

    arguments = ["--home", str(context.root)]
    if node_key is not None:
        arguments += ["--node-key", str(node_key.absolute())]
    if join:
        _show_joined(context, install("init", "--join", *arguments))
        return
    made = install("init", *arguments)
    pins.pin(f"home:{made['home']}", made["identity"])
    if context.as_json:
        context.show(made)
        return
    click.echo(f"Home      {made['home']}")
    click.echo(f"Node key  {made['node_key']}")
    click.echo(f"Keeper    {made['identity']}")
    click.echo("")
    click.echo("Recovery key, shown this once:")
    click.echo("")
    click.echo(f"    {made['recovery_key']}")
    click.echo("")
    click.echo("Write it down and keep it away from this host. Without it, a lost node key means lost secrets.")
    if os.environ.get("NIGHTDROP_HOME") is None and made["home"] != str(Path("var").absolute()):
        click.echo(f"\nNext: nightdrop up --home {made['home']}")
