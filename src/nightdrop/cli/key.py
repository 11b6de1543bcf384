"""``nightdrop key``."""

import getpass
import subprocess
import sys
from pathlib import Path

import click

from nightdrop.cli.context import Context, common
from nightdrop.cli.usage import Group


@click.group("key", cls=Group)
def key_command() -> None:
    """Fingerprints; recovery of a lost node key."""


@key_command.command("show")
@common
def show_keys(context: Context) -> None:
    """Show the fingerprints of the node key and of the keeper."""
    with context.client() as client:
        keeper = client.get("/status")["worker"].get("keeper") or {}
    shown = {"node": keeper.get("node"), "identity": keeper.get("identity"), "problem": keeper.get("problem")}
    lines = [f"node      {shown['node'] or '-'}", f"keeper    {shown['identity'] or '-'}"]
    if shown["problem"]:
        lines.append(f"problem   {keeper.get('message') or shown['problem']}")
    context.show(shown, "\n".join(lines))


@key_command.command("recover")
@click.option(
    "--node-key",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where the new node key goes. Default: where the configuration says.",
)
@common
def recover_keys(context: Context, node_key: Path | None) -> None:
    """Make a new node key with the recovery key that `init` printed. Stop nightdrop first.

    The recovery key comes from a prompt or from standard input.
    """
    from nightdrop.core.config import load_config

    home = context.home
    path = (node_key or load_config(home).node_key_path(home)).absolute()
    argv = [sys.executable, "-I", "-m", "nightdrop.worker.keeper", "recover", "--home", str(home.root)]
    argv += ["--node-key", str(path)]
    printed = getpass.getpass("Recovery key: ") if sys.stdin.isatty() else sys.stdin.readline()
    done = subprocess.run(argv, input=printed, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        # The keeper has said why on standard error.
        sys.exit(1)
    made = {"node": done.stdout.strip(), "node_key": str(path)}
    context.show(made, f"A new node key lies at {path}. Start nightdrop again.")
