"""What a request over TCP meets first. The admin socket has none of it: the kernel says who is there."""

from collections.abc import Callable, Iterable
from time import monotonic

from starlette.types import Scope

from nightdrop.api.hosts import Hosts
from nightdrop.api.proxies import Proxies
from nightdrop.api.rates import Rates
from nightdrop.core.caller import Caller
from nightdrop.core.config import Config

_HSTS = (b"strict-transport-security", b"max-age=31536000")


class Door:
    """Checks that come before and right after it is known who calls."""

    def __init__(
        self,
        config: Config,
        certificate_names: Callable[[], Iterable[str]] = tuple,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._proxies = Proxies(config.proxies) if config.behind_proxy else None
        self._hosts = Hosts((config.address[0], *config.hosts), certificate_names)
        self._rates = Rates(config, now)
        # A browser that would not let anybody past a warning could not reach a certificate of our own making.
        self._lasting_tls = not config.self_signed

    def arrived(self, scope: Scope) -> None:
        """Judge a request by where it comes from and what it is for.

        Raises:
            NotThroughProxyError, RateLimitedError, HostUnknownError.
        """
        if self._proxies is not None:
            self._proxies.apply(scope)
        self._rates.arrived(scope)
        self._hosts.check(scope)

    def recognised(self, caller: Caller) -> None:
        """Judge a request by who makes it.

        Raises:
            RateLimitedError
        """
        self._rates.recognised(caller)

    def headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the headers that only this listener's answers have."""
        return [_HSTS] if self._lasting_tls and scope["scheme"] == "https" else []
