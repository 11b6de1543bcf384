"""The command line's HTTP client: ``/api/v1`` over the admin socket. Standard library only, it must start fast."""

import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

from nightdrop.cli.errors import ApiError, ServerDownError
from nightdrop.core.errors import NightdropError

TIMEOUT_S = 90.0


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        # A socket address holds 107 bytes (unix(7)); through the directory's descriptor any depth works.
        directory = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
        finally:
            os.close(directory)


class Client:
    """Speaks to one server; keeps its connection."""

    _connection: http.client.HTTPConnection

    def __init__(self, admin_socket: Path) -> None:
        self._path = admin_socket
        self._connection = _SocketConnection(admin_socket)
        self._headers: dict[str, str] = {}

    @property
    def target(self) -> str:
        """Return what the keeper's fingerprint is remembered under."""
        return f"home:{self._path.parent.parent}"

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, query=query)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Make one request and return the decoded answer.

        Raises:
            ApiError: the server answered with problem details.
            ServerDownError: nobody listens, or the server went away.
        """
        response = self._send(method, path, query, body, headers or {})
        data = _read(response)
        if response.status >= 400:
            raise ApiError(_problem(data), response.status)
        return json.loads(data) if data else None

    def events(self, path: str, **query: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """Follow a stream of server-sent events as (event, data) until the server ends it."""
        response = self._send("GET", path, query, None, {"Accept": "text/event-stream"})
        if response.status >= 400:
            raise ApiError(_problem(_read(response)), response.status)
        event, data = "message", ""
        for raw in _lines(response):
            line = raw.decode().rstrip("\r\n")
            if line.startswith("event:"):
                event = line[6:].strip()
            elif line.startswith("data:"):
                data += line[5:].strip()
            elif not line and data:
                yield event, json.loads(data)
                event, data = "message", ""

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(
        self, method: str, path: str, query: dict[str, Any] | None, body: Any, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        target = "/api/v1" + path
        if wanted := {k: v for k, v in (query or {}).items() if v is not None}:
            target += "?" + urlencode(wanted, errors="replace")
        payload = None if body is None else json.dumps(body).encode()
        all_headers = {"Content-Type": "application/json", **self._headers, **headers}
        try:
            self._connection.request(method, target, payload, all_headers)
            return self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> NightdropError:
        """Return what it means that there was no answer."""
        if isinstance(error, PermissionError):
            return ServerDownError(
                "You may not use this home's admin socket.", hint="Run this as the user who owns the home directory."
            )
        if isinstance(error, TimeoutError):
            return ServerDownError("The server did not answer in time.", hint="See: nightdrop doctor")
        return ServerDownError()


def part(text: str) -> str:
    """Return ``text`` as one path segment."""
    return quote(text, safe="", errors="replace")


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        yield from response
    except (OSError, http.client.HTTPException):
        raise ServerDownError from None


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read()
    except (OSError, http.client.HTTPException):
        raise ServerDownError from None


def _problem(data: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(data)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
