"""Where a PostgreSQL is: for its driver, and for the cage of a process that may reach nothing else."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from nightdrop.core.errors import InvalidError, UnavailableError

_DEFAULT_PORT: Final = 5432
# A host that vanished is noticed within 30 seconds, instead of the system's two hours.
KEEP_ALIVE: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


class DatabaseUrlError(InvalidError):
    """The address of the database is not valid."""

    code = "database_url"
    hint = "Write postgresql+psycopg://USER:PASSWORD@HOST:PORT/NAME, with special characters percent-encoded."


class DriverMissingError(UnavailableError):
    """The driver for PostgreSQL is not installed."""

    code = "database_driver_missing"
    hint = "Install it with: pip install 'nightdrop[postgres]'"


@dataclass(frozen=True, slots=True)
class Reach:
    """What a client of a database must be able to connect to."""

    ports: tuple[int, ...] = ()
    local_socket: bool = False


def parse_url(text: str) -> URL:
    """Return a database URL; a PostgreSQL one always names the driver.

    Raises:
        DatabaseUrlError: never repeats the text, which may hold a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise DatabaseUrlError from None
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise DatabaseUrlError
    return url


def conninfo(url: URL) -> str:
    """Return a PostgreSQL URL as libpq takes it.

    Raises:
        DriverMissingError, DatabaseUrlError.
    """
    try:
        import psycopg
        from psycopg.conninfo import make_conninfo
    except ImportError:
        raise DriverMissingError from None
    try:
        return make_conninfo(**_arguments(url))
    except psycopg.Error:
        raise DatabaseUrlError from None


def reach(url: URL) -> Reach:
    """Return what a client of ``url`` connects to; nothing for SQLite."""
    if url.get_backend_name() == "sqlite":
        return Reach()
    arguments = _arguments(url)
    # As libpq has it: lists with commas, one port may serve all hosts, and no host or a path is a local socket.
    hosts = str(arguments.get("host") or "").split(",")
    ports = str(arguments.get("port") or "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    local = [not host or host.startswith(("/", "@")) for host in hosts]
    tcp = {int(port or _DEFAULT_PORT) for port, is_local in zip(ports, local, strict=False) if not is_local}
    return Reach(tuple(sorted(tcp)), any(local))


def _arguments(url: URL) -> dict[str, Any]:
    try:
        _, arguments = url.get_dialect()().create_connect_args(url)
    except (ArgumentError, ValueError):
        raise DatabaseUrlError from None
    return dict(arguments)
