"""``nightdrop key``: fingerprints, rotation, recovery."""

import getpass
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from nightdrop.cli.client import Client, part
from nightdrop.cli.context import Context, common, of_site, when
from nightdrop.cli.errors import CodedError
from nightdrop.cli.usage import Group
from nightdrop.core.errors import ConflictError, NightdropError, UnavailableError

_POLL_S = 0.1
# A worker that was just started has not said yet that it lives.
_WORKER_S = 10.0
_KEYS = [("site", "SITE"), ("epoch", "EPOCH"), ("state", "STATE"), ("created", "CREATED"), ("key_id", "KEY")]


class UndecryptableError(ConflictError):
    """Some secrets cannot be opened, so the earlier key is kept for them."""

    code = "rotation_undecryptable"
    hint = (
        "Set their values again or remove them, and the rotation ends by itself. To delete all of them for good:"
        " nightdrop key rotate --drop-undecryptable"
    )


class RotationWaitsError(UnavailableError):
    """The rotation cannot go on now; it does so by itself as soon as it can."""

    code = "rotation_waits"
    hint = "See: nightdrop doctor"


@click.group("key", cls=Group)
def key_command() -> None:
    """Fingerprints; rotation of a site's key; hosts of an installation; recovery of a lost node key."""


@key_command.command("show")
@common
def show_keys(context: Context) -> None:
    """Show the fingerprints of the node key and of the keeper, and each site's keys with their state."""
    with context.client() as client:
        keeper = client.get("/status")["worker"].get("keeper") or {}
        names = [site["name"] for site in client.get("/sites")["items"]]
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
            click.echo(f"rotation  {name}: {_progress(rotation)}")


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
        rotation = client.call(
            "POST", f"{context.site_path}/rotations", body={"drop_undecryptable": drop_undecryptable}
        )
        if not no_wait:
            rotation = _follow(client, context, rotation)
    if rotation["state"] == "done":
        context.show(rotation, f"Site {context.site} has a new key, epoch {rotation['epoch']}. {_outcome(rotation)}")
    else:
        context.show(rotation, f"The rotation is under way. {_progress(rotation)} See: nightdrop key show")


def _follow(client: Client, context: Context, rotation: dict[str, Any]) -> dict[str, Any]:
    path = f"{context.site_path}/rotations/{rotation['epoch']}"
    said = ""
    patience = time.monotonic() + _WORKER_S
    while rotation["state"] == "running":
        if rotation["problem"] is not None:
            raise RotationWaitsError(f"{RotationWaitsError.__doc__} The reason: {rotation['problem']}.")
        if client.get("/status")["worker"].get("alive"):
            patience = time.monotonic() + _WORKER_S
        elif time.monotonic() > patience:
            raise RotationWaitsError("The worker does not run. The rotation begins when it does.")
        if not context.as_json and sys.stderr.isatty() and (now := _progress(rotation)) != said:
            said = now
            click.echo(f"\r\x1b[K{now}", nl=False, err=True)
        time.sleep(_POLL_S)
        rotation = client.get(path)
    if said:
        click.echo("", err=True)
    if rotation["state"] == "blocked":
        raise _undecryptable(rotation)
    return rotation


def _undecryptable(rotation: dict[str, Any]) -> NightdropError:
    names = ", ".join(rotation["undecryptable"])
    more = ", ..." if rotation["left"] > len(rotation["undecryptable"]) else ""
    count = f"{rotation['left']} {'secret' if rotation['left'] == 1 else 'secrets'}"
    return UndecryptableError(
        f"The other secrets have the new key. {count} cannot be opened, so the earlier key is kept: {names}{more}."
    )


def _progress(rotation: dict[str, Any]) -> str:
    text = (
        f"epoch {rotation['epoch']}, {rotation['moved']} of {rotation['moved'] + rotation['left']} secrets sealed anew."
    )
    return f"{text} Waits: {rotation['problem']}." if rotation["problem"] else text


def _outcome(rotation: dict[str, Any]) -> str:
    text = f"Secrets sealed anew: {rotation['moved']}."
    return f"{text} Deleted because they could not be opened: {rotation['dropped']}." if rotation["dropped"] else text


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
    path = _node_key_path(context, node_key)
    printed = getpass.getpass("Recovery key: ") if sys.stdin.isatty() else sys.stdin.readline()
    made = {"node": _keeper(context, "recover", path, printed), "node_key": str(path)}
    context.show(made, f"A new node key lies at {path}. Start nightdrop again.")


@key_command.command("rewrap")
@common
def rewrap_keys(context: Context) -> None:
    """Make a new node key; the one so far opens nothing any more. Stop nightdrop first.

    Secrets stay as they are: only the site keys are sealed anew. When others may know the old node key, rotate each
    site's key as well: with it and an old copy of keeper.db they have the site keys of that time.
    """
    path = _node_key_path(context, None)
    made = {"node": _keeper(context, "rewrap", path), "node_key": str(path)}
    context.show(made, f"A new node key lies at {path}. Start nightdrop again. Copies of the old one open nothing now.")


@key_command.command("nodes")
@common
def list_nodes(context: Context) -> None:
    """List the hosts that can open secrets, and those that ask to join. PostgreSQL only."""
    rows = json.loads(_keeper(context, "nodes", _node_key_path(context)))
    columns = [("node", "NODE"), ("home", "HOME"), ("state", "STATE"), ("asked_ms", "ASKED")]
    context.table(rows, columns, "There is no node.", _shown_node)


@key_command.command("approve")
@click.argument("fingerprint")
@common
def approve_node(context: Context, fingerprint: str) -> None:
    """Let another host open the secrets of every site, by the fingerprint that it printed.

    Get the fingerprint from that host itself, not from the database. Run this on a host that can open.
    """
    _keeper(context, "approve", _node_key_path(context), arguments=(fingerprint,))
    context.show({"node": fingerprint, "state": "approved"}, f"Approved {fingerprint}.")


def _node_key_path(context: Context, given: Path | None = None) -> Path:
    from nightdrop.core.config import load_config

    return (given or load_config(context.home).node_key_path(context.home)).absolute()


def _keeper(context: Context, command: str, node_key: Path, given: str = "", arguments: tuple[str, ...] = ()) -> str:
    """Run one command of the keeper's program, the only one that opens keys; return what it printed.

    Raises:
        CodedError: what the keeper gave as its code, sentence and hint.
    """
    argv = [sys.executable, "-I", "-m", "nightdrop.worker.keeper", command, "--home", str(context.home.root)]
    argv += ["--node-key", str(node_key), *(["--", *arguments] if arguments else [])]
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.strip()
    said = dict(line.split(": ", 1) for line in done.stderr.splitlines() if line.startswith(("error: ", "hint: ")))
    raise CodedError(said.get("error"), hint=said.get("hint"), code=done.stdout.strip())


def _shown_node(row: dict[str, Any]) -> dict[str, Any]:
    here = " (this host)" if row["here"] else ""
    return {**row, "state": row["state"] + here, "asked_ms": when(row["asked_ms"])}
