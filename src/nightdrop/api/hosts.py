"""Which names a request may be for: a page of another site that points its name at us (DNS rebinding) gets nothing."""

import ipaddress
from collections.abc import Callable, Iterable

from starlette.types import Scope

from nightdrop.core.errors import InvalidError


class HostUnknownError(InvalidError):
    """This server is not reached under this name."""

    code = "host_unknown"
    hint = "Use one of its names, or add this one to `hosts` in nightdrop.toml."


class Hosts:
    """The names of one server: ``names``, and those of a certificate, which may be replaced while it runs.

    A name that begins with ``*.`` stands for every one with one more label.
    """

    def __init__(self, names: Iterable[str], certificate_names: Callable[[], Iterable[str]] = tuple) -> None:
        self._names = frozenset(map(_plain, names)) | {"localhost"}
        self._certificate_names = certificate_names

    def check(self, scope: Scope) -> None:
        """Compare the Host header, whatever its port is: between a browser and us there may be a forwarded one.

        Raises:
            HostUnknownError: another name, none, or several.
        """
        found = [value for name, value in scope["headers"] if name == b"host"]
        if len(found) != 1 or not self._knows(_host_of(found[0].decode("latin-1")), scope):
            raise HostUnknownError

    def _knows(self, host: str, scope: Scope) -> bool:
        wanted = {host, "*." + host.partition(".")[2]}
        if not wanted.isdisjoint(self._names) or not wanted.isdisjoint(map(_plain, self._certificate_names())):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        # An address is nobody's to point elsewhere: the one that the connection came to is ours.
        server = scope.get("server")
        return address.is_loopback or (server is not None and str(address) == _plain(str(server[0])))


def _host_of(value: str) -> str:
    if value.startswith("["):
        host, _, rest = value[1:].partition("]")
        return _plain(host) if not rest or rest.startswith(":") else ""
    host, _, port = value.partition(":")
    return _plain(host) if not port or port.isdigit() else ""


def _plain(name: str) -> str:
    name = name.strip("[]").lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
