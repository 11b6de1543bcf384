"""The bytes of HTTP: sockets from the run's connector, one deadline over every step."""

import select
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore2

from nightdrop.syncjs.net import Connector


class HttpFailure(Exception):  # noqa: N818 - an expected outcome: it becomes a result, not an error of the script
    """A request that got no answer; the message is a plain clause that names no value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DeadlineError(HttpFailure):
    """The time for the whole request is over."""

    def __init__(self) -> None:
        super().__init__("there was no complete answer in time")


class BrokeredBackend(httpcore2.NetworkBackend):
    """Connects through the run's connector; whatever it does ends at the deadline."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._deadline = 0.0
        self.connections = 0

    def start(self, seconds: float) -> None:
        """Give the next request ``seconds`` for everything: lookup, connect, TLS, redirects, body."""
        self._deadline = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds left, more than 0; raises DeadlineError."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise DeadlineError
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline is stricter
        local_address: str | None = None,  # noqa: ARG002 - the broker chooses
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - the broker sets them
    ) -> httpcore2.NetworkStream:
        self.connections += 1
        return DeadlineStream(self._connector.connect(host, port, self.remaining()), self)


class DeadlineStream(httpcore2.NetworkStream):
    """One connection, with or without TLS."""

    def __init__(self, sock: socket.socket, backend: BrokeredBackend) -> None:
        self._sock = sock
        self._backend = backend
        self._ended = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline is stricter
        self._sock.settimeout(self._backend.remaining())
        try:
            data = self._sock.recv(max_bytes)
        except TimeoutError:
            raise DeadlineError from None
        except OSError:
            raise httpcore2.ReadError("read") from None
        self._ended = not data
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the deadline is stricter
        self._sock.settimeout(self._backend.remaining())
        try:
            # settimeout makes sendall's limit one for the whole buffer.
            self._sock.sendall(buffer)
        except TimeoutError:
            raise DeadlineError from None
        except OSError:
            raise httpcore2.WriteError("write") from None

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the deadline is stricter
    ) -> httpcore2.NetworkStream:
        try:
            self._sock.settimeout(self._backend.remaining())
            # Ragged ends are errors: without length or chunks, a cut connection must not pass for a whole body.
            name = (server_hostname or "").removesuffix(".")
            secured = ssl_context.wrap_socket(self._sock, server_hostname=name, suppress_ragged_eofs=False)
        except TimeoutError:
            raise DeadlineError from None
        except ssl.SSLCertVerificationError as error:
            raise HttpFailure(f"its certificate was not accepted: {error.verify_message}".rstrip(".")) from None
        except (OSError, ValueError):
            raise HttpFailure("the TLS handshake failed") from None
        else:
            return DeadlineStream(secured, self._backend)
        finally:
            # Without effect after success: the TLS socket has taken the descriptor over.
            self._sock.close()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            # The pool asks whether an idle connection is of no use any more. After the end of TLS nothing is left to
            # read, and it would take the connection for a good one.
            return self._ended or _readable(self._sock)
        if info == "ssl_object" and isinstance(self._sock, ssl.SSLSocket):
            return self._sock
        return None


def _readable(sock: socket.socket) -> bool:
    if sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
