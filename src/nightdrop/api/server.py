"""The web process: one event loop, two listeners, no key."""

import argparse
import asyncio
import fcntl
import os
import pwd
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn

import structlog
import uvloop
from anyio.to_thread import current_default_thread_limiter

from nightdrop.api.app import create_app
from nightdrop.api.authenticate import Authenticator, always
from nightdrop.api.door import Door
from nightdrop.api.edge import Edge
from nightdrop.api.idempotency import Idempotent
from nightdrop.api.listeners import AdminProtocol, TcpProtocol, make_listener, silence_server_logs
from nightdrop.api.metrics import METRICS, MetricsApp
from nightdrop.api.pages import Pages, load_files
from nightdrop.api.peer import bind_admin_socket
from nightdrop.api.services import Services
from nightdrop.api.tls import Tls, check_listen, prepare_self_signed, tls_files
from nightdrop.core.caller import host_owner
from nightdrop.core.clock import SystemClock
from nightdrop.core.config import Config, load_config, split_address
from nightdrop.core.errors import NightdropError, UnavailableError
from nightdrop.core.home import Home, HomeReadOnlyError, open_home
from nightdrop.core.logging import configure_logging
from nightdrop.db.engine import Database
from nightdrop.db.migrate import require_head
from nightdrop.db.postgres import parse_url, reach
from nightdrop.sandbox.process import harden
from nightdrop.sandbox.web import confine_web, forbid_connections

log = structlog.get_logger()

# As many as the database has readers, and some that wait for the one writer.
_THREADS = 12


class WebRunningError(UnavailableError):
    """Another web process is running on this home."""

    code = "web_running"
    hint = "Stop it first."


class ListenFailedError(UnavailableError):
    """The address to listen on cannot be used."""

    code = "listen_failed"
    hint = "Another program may use the port: choose another with --listen HOST:PORT or `listen` in nightdrop.toml."


async def serve(home: Home, config: Config) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        DatabaseNotReadyError, DatabaseTooNewError: the schema is not this version's.
        ListenFailedError, WebRunningError, HomeReadOnlyError, TlsFilesError.
    """
    files = tls_files(home, config)
    tls = Tls(*files) if files is not None else None
    with lock_web(home), Database.open(config.database_url(home)) as db, bind_tcp(config.listen) as tcp:
        require_head(db)
        services = Services.over(db, home, config.model_copy(update={"listen": _bound(tcp)}), SystemClock(), tls)
        try:
            admin = bind_admin_socket(home.admin_socket)
        except OSError:
            raise HomeReadOnlyError from None
        try:
            forbid_connections(but_local_sockets=reach(db.url).local_socket)
            await _run(services, tcp, admin)
        finally:
            admin.close()
            with suppress(FileNotFoundError):
                home.admin_socket.unlink()
            services.bell.close()


async def _run(services: Services, tcp: socket.socket, admin: socket.socket) -> None:
    current_default_thread_limiter().total_tokens = _THREADS
    loop = asyncio.get_running_loop()
    # The default handler prints exceptions with their text.
    loop.set_exception_handler(_loop_failed)
    silence_server_logs()
    app = Pages(Idempotent(create_app(services), services.db, services.clock), load_files())
    owner = host_owner(_user_name())
    tls = services.tls
    TcpProtocol.most = services.config.max_connections
    door = Door(services.config, lambda: tls.names if tls is not None else ())
    outer = Edge(app, Authenticator(services.access.credentials), door)
    servers = {
        make_listener(Edge(app, always(owner)), AdminProtocol): admin,
        make_listener(outer, TcpProtocol, tls.context if tls is not None else None): tcp,
    }

    if services.config.metrics:
        metrics = bind_tcp(services.config.metrics)
        servers[make_listener(MetricsApp(services.db, METRICS), TcpProtocol)] = metrics
        log.info("metrics_ready", listen=_bound(metrics))

    def stop() -> None:
        services.watch.close()
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, _reload_tls, tls)
    watching = loop.create_task(services.watch.run())
    log.info("web_ready", listen=services.config.listen, pid=os.getpid())
    try:
        await asyncio.gather(*(server.serve([sock]) for server, sock in servers.items()))
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    log.info("web_stopped", pid=os.getpid())


def _reload_tls(tls: Tls | None) -> None:
    if tls is None:
        return
    try:
        tls.reload()
    except NightdropError as error:
        log.warning("tls_reload_failed", code=error.code, hint="The certificate stays as it was.")
        return
    log.info("tls_reloaded", fingerprint=tls.fingerprint)


def lock_web(home: Home) -> IO[bytes]:
    """Take the one web process's place on this home; held until the file is closed.

    Raises:
        WebRunningError: somebody else holds it.
        HomeReadOnlyError.
    """
    try:
        file = (home.run_dir / "web.lock").open("wb")
    except OSError:
        raise HomeReadOnlyError from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise WebRunningError from None
    return file


def bind_tcp(address: str) -> socket.socket:
    """Listen on HOST:PORT; port 0 takes any free one.

    Raises:
        ListenFailedError: the address is taken, or is none of this host.
    """
    host, port = split_address(address)
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError:
        raise ListenFailedError(f"nightdrop cannot listen on {address}.") from None


def _bound(tcp: socket.socket) -> str:
    host, port = tcp.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # containers run users that have no entry
        return str(os.geteuid())


def _loop_failed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("loop_error", exception=type(context.get("exception")).__qualname__)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the web process in the foreground; exit 0 after SIGTERM, 1 when it cannot start."""
    parser = argparse.ArgumentParser(prog="nightdrop web")
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args(arguments)
    harden(pdeathsig="NIGHTDROP_SUPERVISED" in os.environ)
    try:
        home = open_home(options.home)
        config = load_config(home)
        configure_logging(config.log_level)
        ports = reach(parse_url(config.database)).ports if config.database else ()
        check_listen(config)
        prepare_self_signed(home, config)
        reads = [home.root / "tls", *(tls_files(home, config) or ())]
        if not confine_web(home, config.node_key_path(home), connect_ports=ports, reads=reads):
            log.warning("web_not_confined", reason="this kernel has no Landlock")
        uvloop.run(serve(home, config))
    except NightdropError as error:
        sys.stderr.write(f"error: {error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        sys.exit(1)
    sys.exit(0)
