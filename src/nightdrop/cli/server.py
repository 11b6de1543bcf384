"""``nightdrop up``, ``nightdrop web``, ``nightdrop worker``."""

import fcntl
import http.client
import shlex
import shutil
import sys
from typing import IO, Any

import click

from nightdrop.cli.admin import first_setup_link
from nightdrop.cli.client import Client
from nightdrop.cli.context import Context, common
from nightdrop.cli.keeper import keeper_problem
from nightdrop.cli.processes import Supervisor, become
from nightdrop.cli.schema import is_current
from nightdrop.cli.setup import install
from nightdrop.cli.usage import LISTEN
from nightdrop.core.errors import NightdropError, UnavailableError
from nightdrop.core.home import Home


class ServerRunningError(UnavailableError):
    """nightdrop is running on this home already."""

    code = "server_running"
    hint = "Use it, stop it first, or choose another home with --home."


_listen = click.option(
    "--listen",
    type=LISTEN,
    metavar="HOST:PORT",
    help="Address of the web process. Default: the configuration's, else 127.0.0.1:8420.",
)


_self_signed = click.option(
    "--self-signed", is_flag=True, help="Use TLS with a certificate that nightdrop makes for itself, in the home."
)


def _environment(listen: str | None, *, self_signed: bool) -> dict[str, str]:
    settings = {} if listen is None else {"NIGHTDROP_LISTEN": listen}
    return {**settings, "NIGHTDROP_SELF_SIGNED": "true"} if self_signed else settings


@click.command("up")
@_listen
@_self_signed
@common
def up_command(context: Context, listen: str | None, *, self_signed: bool) -> None:
    """Run nightdrop: web and worker, until Ctrl-C.

    Prints what to type next when it is ready; with --json one line, the status.
    """
    home = context.home
    client = Client(home.admin_socket)

    def status_now() -> dict[str, Any] | None:
        try:
            status: dict[str, Any] = client.get("/status")
        except (NightdropError, OSError, http.client.HTTPException):
            return None
        return status

    def ready(web: int, worker: int) -> bool:
        return is_ready(status_now() or {}, web=web, worker=worker, instance=home.instance)

    if (other := status_now()) is not None:
        raise ServerRunningError(f"nightdrop is running on this home already, on {other['url']}.")

    def announce() -> None:
        status = client.get("/status")
        link = first_setup_link(client, status["url"])
        client.close()
        context.show({**status, "setup_link": link}, _ready_text(status, context, link))
        sys.stdout.flush()
        if (problem := keeper_problem(status)) is not None:
            click.echo(f"warning: No secret can be opened. {problem[0]}\nhint: {problem[1]}", err=True)

    # Both parts refuse a database of an earlier version; the one who starts them brings it here.
    if not is_current(home):
        install("migrate", "--home", str(home.root))
    # Without it two that start at the same moment could each get one part, and both would give up.
    _lock = lock_start(home)
    sys.exit(Supervisor(home.root, _environment(listen, self_signed=self_signed)).run(announce, ready))


def lock_start(home: Home) -> IO[bytes]:
    """Take the place of the one ``up`` on this home; held as long as the file is open.

    Raises:
        ServerRunningError: somebody else holds it.
    """
    file = (home.run_dir / "up.lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ServerRunningError("nightdrop is being started on this home already.") from None
    return file


def is_ready(status: dict[str, Any], *, web: int, worker: int, instance: str) -> bool:
    """Tell whether a status is that of the processes ``web`` and ``worker`` of the home ``instance``, which serve."""
    said = status.get("worker", {})
    # Another server on this home answers at the same socket. On PostgreSQL there are workers of other homes, and in
    # another container one may have the same process id.
    ours = status.get("web_pid") == web and said.get("home") == instance and said.get("pid") == worker
    return ours and bool(said.get("alive"))


@click.command("web")
@_listen
@_self_signed
@common
def web_command(context: Context, listen: str | None, *, self_signed: bool) -> None:
    """Run only the web process."""
    become("web", context.home.root, _environment(listen, self_signed=self_signed))


@click.command("worker")
@common
def worker_command(context: Context) -> None:
    """Run only the worker with its keeper, broker and zygote."""
    become("worker", context.home.root, {})


def _ready_text(status: dict[str, object], context: Context, link: str | None) -> str:
    worker = status["worker"]
    assert isinstance(worker, dict)
    # Whoever typed script/up need not have the command in their path.
    name = "nightdrop" if shutil.which("nightdrop") else shlex.quote(sys.argv[0])
    where = f" --home {shlex.quote(str(context.root))}"
    lines = [
        f"nightdrop is ready on {status['url']}  (sandbox: {worker['sandbox']})",
        "",
        "In another terminal:",
        f"  {name} secret set my-api-key{where}",
        f"  {name} exec my-script.js{where}",
        f"  {name} doctor{where}",
    ]
    if (fingerprint := status["tls_fingerprint"]) is not None:
        lines[1:1] = [f"Its certificate has the fingerprint (SHA-256) {fingerprint}"]
    if link is not None:
        lines[1:1] = ["", "Make your account (the link works once, for 24 hours):", f"  {link}"]
    return "\n".join(lines)
