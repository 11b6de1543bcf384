"""Proxies in front: whose word about the client is taken, and who may connect at all."""

import ipaddress
from collections.abc import Iterable

from starlette.types import Scope

from nightdrop.core.errors import DeniedError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotThroughProxyError(DeniedError):
    """This server is only reached through its proxy."""

    code = "not_through_proxy"
    hint = "Use the proxy's address. Its own address belongs into `proxies` in nightdrop.toml."


class Proxies:
    """The proxies of one server."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def apply(self, scope: Scope) -> None:
        """Put the client and the scheme that a proxy names into the place of the proxy's own.

        Raises:
            NotThroughProxyError: the request comes from elsewhere; it would go over the network in the clear.
        """
        peer = _address(scope["client"][0]) if scope["client"] else None
        if peer is None or not self._is_proxy(peer):
            if peer is not None and peer.is_loopback:
                return
            raise NotThroughProxyError
        if client := self._client(_values(scope, b"x-forwarded-for")):
            scope["client"] = (str(client), 0)
        # The last one is what the proxy in front of us said.
        if protocols := _values(scope, b"x-forwarded-proto"):
            scope["scheme"] = "https" if protocols[-1].lower() == "https" else "http"

    def _client(self, chain: list[str]) -> _Address | None:
        """Return the nearest address that is no proxy's: what stands left of it anybody may have written."""
        client = None
        for part in reversed(chain):
            found = _address(part)
            if found is None:
                return client
            client = found
            if not self._is_proxy(found):
                return client
        return client

    def _is_proxy(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)


def _address(text: str) -> _Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket for both families shows IPv4 so.
    return getattr(found, "ipv4_mapped", None) or found


def _values(scope: Scope, wanted: bytes) -> list[str]:
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
    return [part.strip() for line in lines for part in line.split(",")]
