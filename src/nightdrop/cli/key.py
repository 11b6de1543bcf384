"""``nightdrop key``: fingerprints, rotation, recovery."""

import getpass
import sys
from pathlib import Path

import click

from nightdrop.cli.client import part
from nightdrop.cli.context import Context, all_sites, common, of_site, when
from nightdrop.cli.keeper_program import node_key_path, run_keeper
from nightdrop.cli.nodes import approve_node, list_nodes, remove_node
from nightdrop.cli.rotation import follow_rotation, outcome, progress, start_rotation
from nightdrop.cli.usage import Group

_KEYS = [("site", "SITE"), ("epoch", "EPOCH"), ("state", "STATE"), ("created", "CREATED"), ("key_id", "KEY")]


@click.group("key", cls=Group)
def key_command() -> None:
    """Fingerprints; rotation of a site's key; hosts of an installation; recovery of a lost node key."""


@key_command.command("show")
@common
def show_keys(context: Context) -> None:
    """Show the fingerprints of the node key and of the keeper, and each site's keys with their state."""
    with context.client() as client:
        keeper = client.get("/status")["worker"].get("keeper") or {}
        names = [site["name"] for site in all_sites(client)]
        sites = {name: client.get(f"/sites/{part(name)}/keys") for name in names}
    shown = {"node": keeper.get("node"), "identity": keeper.get("identity"), "problem": keeper.get("problem")}
    lines = [f"node      {shown['node'] or '-'}", f"keeper    {shown['identity'] or '-'}"]
    if shown["problem"]:
        lines.append(f"problem   {keeper.get('message') or shown['problem']}")
    if context.as_json:
        context.show({**shown, "sites": sites})
        return
    click.echo("\n".join(lines))
    rows = [{**key, "site": name, "created": when(key["created_ms"])} for name in names for key in sites[name]["keys"]]
    context.table(rows, _KEYS, "No site has a key yet.")
    for name in names:
        if (rotation := sites[name]["rotation"]) is not None:
            click.echo(f"rotation  {name}: {progress(rotation)}")


@key_command.command("rotate")
@click.option("--drop-undecryptable", is_flag=True, help="Delete the secrets that cannot be opened, for good.")
@click.option("--no-wait", is_flag=True, help="Do not wait for its end.")
@of_site
def rotate_key(context: Context, drop_undecryptable: bool, no_wait: bool) -> None:
    """Give the site a new key: its secrets are sealed anew, and the old key is destroyed for good.

    Scripts go on reading their secrets. It goes on in the background when this command is interrupted, and after a
    crash. Backups from before can be restored only together with a backup of keeper.db from before.
    """
    with context.client() as client:
        rotation = start_rotation(client, context.site_path, drop_undecryptable=drop_undecryptable)
        if not no_wait:
            rotation = follow_rotation(client, context, context.site_path, rotation)
    if rotation["state"] == "done":
        context.show(rotation, f"Site {context.site} has a new key, epoch {rotation['epoch']}. {outcome(rotation)}")
    else:
        context.show(rotation, f"The rotation is under way. {progress(rotation)} See: nightdrop key show")


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
    path = node_key_path(context, node_key)
    printed = getpass.getpass("Recovery key: ") if sys.stdin.isatty() else sys.stdin.readline()
    made = {"node": run_keeper(context, "recover", path, printed), "node_key": str(path)}
    context.show(made, f"A new node key lies at {path}. Start nightdrop again.")


@key_command.command("rewrap")
@common
def rewrap_keys(context: Context) -> None:
    """Make a new node key; the one so far opens nothing any more. Stop nightdrop first.

    Secrets stay as they are: only the site keys are sealed anew. When others may know the old node key, rotate each
    site's key as well: with it and an old copy of keeper.db they have the site keys of that time.
    """
    path = node_key_path(context, None)
    made = {"node": run_keeper(context, "rewrap", path), "node_key": str(path)}
    context.show(made, f"A new node key lies at {path}. Start nightdrop again. Copies of the old one open nothing now.")


for _command in (list_nodes, approve_node, remove_node):
    key_command.add_command(_command)
