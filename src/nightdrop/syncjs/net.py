"""Outgoing connections of a run: the gateway cannot create sockets, so it asks the broker for connected ones."""

import socket
from typing import Any, Protocol

from nightdrop.core.errors import UnavailableError
from nightdrop.core.wire import Channel, ChannelClosedError

# The broker keeps to the timeout itself; only one that hangs is noticed by this.
_GRACE = 10.0
_MAX_TIMEOUT = 120.0


class ConnectError(UnavailableError):
    """The connection could not be made.

    ``code`` is one of ``egress_denied``, ``dns_failed``, ``refused``, ``timeout``, ``unreachable``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc] # the broker names the reason, not the class


class BrokerGoneError(UnavailableError):
    """The process that makes connections is gone."""

    code = "broker_gone"


class Connector(Protocol):
    """Gives connected TCP sockets."""

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Return a blocking socket connected to ``host``; ``timeout`` in seconds covers lookup and connect.

        Raises:
            ConnectError: there is no such connection to be had.
            BrokerGoneError: nobody is left to ask; the run cannot go on.
        """
        ...


class BrokerConnector:
    """Asks the broker on the run's channel; one request at a time."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def connect(self, host: str, port: int, timeout: float, *, again: bool = False) -> socket.socket:
        """Return a connected socket; ``again``: to the address that this run was connected to under this name before.

        Raises:
            ConnectError, BrokerGoneError.
        """
        timeout = min(timeout, _MAX_TIMEOUT)
        self._channel.sock.settimeout(timeout + _GRACE)
        try:
            request = {"op": "connect", "host": host, "port": port, "timeout": timeout}
            self._channel.send_json({**request, "again": True} if again else request)
            frame = self._channel.recv()
        except (ChannelClosedError, OSError):
            raise BrokerGoneError from None
        answer: dict[str, Any] = frame.json()
        if not answer["ok"]:
            raise ConnectError(str(answer["code"]), str(answer["message"]))
        family = socket.AF_INET6 if ":" in answer["address"] else socket.AF_INET
        return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=frame.fds[0])
