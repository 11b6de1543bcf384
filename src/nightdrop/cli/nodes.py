"""``nightdrop key nodes``, ``approve``, ``remove``: the hosts of an installation on PostgreSQL."""

import json
from typing import Any

import click

from nightdrop.cli.client import Client, part
from nightdrop.cli.confirm import confirm_removal
from nightdrop.cli.context import Context, common, when
from nightdrop.cli.keeper_program import node_key_path, run_keeper
from nightdrop.cli.rotation import follow_rotation, start_rotation
from nightdrop.core.errors import NightdropError

_COLUMNS = [("node", "NODE"), ("home", "HOME"), ("state", "STATE"), ("asked_ms", "ASKED")]
# A rotation that was under way when the node was removed ends with a key that the node knows too.
_ROUNDS = 3


@click.command("nodes")
@common
def list_nodes(context: Context) -> None:
    """List the hosts that can open secrets, ask to join, or were removed. PostgreSQL only."""
    context.table(_nodes(context), _COLUMNS, "There is no node.", _shown_node)


@click.command("approve")
@click.argument("fingerprint")
@common
def approve_node(context: Context, fingerprint: str) -> None:
    """Let another host open the secrets of every site, by the fingerprint that it printed.

    Get the fingerprint from that host itself, not from the database. Run this on a host that can open.
    """
    run_keeper(context, "approve", node_key_path(context), arguments=(fingerprint,))
    context.show({"node": fingerprint, "state": "approved"}, f"Approved {fingerprint}.")


@click.command("remove")
@click.argument("fingerprint")
@click.option("--rotate", is_flag=True, help="Give each site whose key it knows a new one at once.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def remove_node(context: Context, fingerprint: str, rotate: bool, yes: bool) -> None:
    """Take another host off the list of those that can open secrets: nothing new is sealed to it.

    It knows each site's key so far until that key is rotated, and the passwords of the database until you change
    them. Run this on a host that can open. Interrupted, run it again.
    """
    found = next((each for each in _nodes(context) if each["node"] == fingerprint), None)
    if rotate:
        # Without a server there is no rotation: say so before anything is removed.
        with context.client() as client:
            client.get("/status")
    if found is not None and found["state"] == "approved" and not found["here"] and not yes:
        confirm_removal(f"Remove {fingerprint} of home {found['home']}?")
    removed = json.loads(run_keeper(context, "remove", node_key_path(context), arguments=(fingerprint,)))
    if not context.as_json:
        click.echo(f"Removed {fingerprint}. Nothing new is sealed to it.")
    if rotate:
        removed = _rotate_all(context, removed)
    context.show(removed, _advice(removed))


def _rotate_all(context: Context, removed: dict[str, Any]) -> dict[str, Any]:
    with context.client() as client:
        for _ in range(_ROUNDS):
            if removed["knows"]:
                _rotate(context, client, removed["knows"])
                removed = next(each for each in _nodes(context) if each["node"] == removed["node"])
    return removed


def _rotate(context: Context, client: Client, sites: list[str]) -> None:
    # All are asked for first: then they happen, whatever becomes of this command.
    begun = [(path := f"/sites/{part(site)}", start_rotation(client, path)) for site in sites]
    problem: NightdropError | None = None
    for path, rotation in begun:
        try:
            follow_rotation(client, context, path, rotation)
        except NightdropError as error:
            problem = error
    if problem is not None:
        raise problem


def _nodes(context: Context) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(run_keeper(context, "nodes", node_key_path(context)))
    return listed


def _advice(removed: dict[str, Any]) -> str:
    if count := len(removed["knows"]):
        first = f"It still knows the {_keys(count)}: run this again with --rotate, or rotate each site's key.\n"
    else:
        first = "Every site has a key that it does not know.\n"
    return first + "It knows the passwords of the database too: change those of both roles."


def _keys(count: int) -> str:
    return "key of 1 site" if count == 1 else f"keys of {count} sites"


def _shown_node(row: dict[str, Any]) -> dict[str, Any]:
    state = row["state"]
    if row["knows"]:
        state += f", knows the {_keys(len(row['knows']))}"
    return {**row, "state": state + (" (this host)" if row["here"] else ""), "asked_ms": when(row["asked_ms"])}
