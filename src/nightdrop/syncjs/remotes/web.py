"""HTTP for the object stores: signed anew for each attempt, repeated where a server asks for it, and bounded.

Redirects are not followed: a request is signed for one host, and no store needs them. Nothing that a server says in
words gets out of here, as it may repeat what it was sent.
"""

import asyncio
import logging
import random
import re
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpcore2

from nightdrop.syncjs.remotes.port import Dial, Limits, RemoteError
from nightdrop.syncjs.remotes.webwire import DialledBackend

_CONNECTIONS = 16
_KEEP_ALIVE_S = 15.0
_MAX_BODY = 8 * 1024 * 1024
_ATTEMPTS = 6
_FIRST_PAUSE_S = 0.2
BUSY = frozenset({408, 429, 500, 502, 503, 504})

# Both log headers.
for _name in ("httpcore2", "httpx2"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


def preload() -> None:
    """Load what requests load late, by making one to ourselves: a confined process finds no module."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        asyncio.run(_ask_once(ours))


async def _ask_once(sock: socket.socket) -> None:
    web = Web(Origin("localhost", 80, secure=False), lambda *_, **_how: sock, Limits(), _unused)
    await web.send("preload", lambda: Outgoing("GET", "/", {}))
    await web.close()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go; ``path`` stands before every other one, without a slash at its end."""

    host: str
    port: int
    secure: bool
    path: str = ""

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_origin(text: str, name: str) -> Origin:
    """Return the origin of a URL of the field ``name``.

    Raises:
        RemoteError: it is not one: ``http`` or ``https``, a host, perhaps a port and a path.
    """
    wrong = RemoteError("connect", f"{name} is not an address like https://host:port")
    try:
        parts = urlsplit(text.strip())
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode() if parts.hostname else ""
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise wrong
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", host) or not re.fullmatch(r"[A-Za-z0-9._~/-]*", parts.path):
        raise wrong
    secure = parts.scheme == "https"
    return Origin(host, port or (443 if secure else 80), secure, parts.path.rstrip("/"))


@dataclass(frozen=True, slots=True, repr=False)
class Outgoing:
    """One request; ``target`` is path and query, encoded."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(slots=True, repr=False)
class Answer:
    """An answer; ``body`` is there unless it was asked for as a stream. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    # How often it was asked for.
    attempts: int = 1
    _response: httpcore2.Response | None = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def number(self, name: str) -> int | None:
        """Return the value of a header that is a number of bytes."""
        text = self.headers.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    async def pieces(self, step: str) -> AsyncGenerator[bytes]:
        """Yield the body piece by piece.

        Raises:
            RemoteError: it broke off.
        """
        if self._response is not None:
            with explained(step):
                async for piece in self._response.aiter_stream():
                    yield piece

    async def close(self) -> None:
        """Free the connection; never raises."""
        response, self._response = self._response, None
        if response is not None:
            await response.aclose()


class Web:
    """Requests to one origin over a few connections that are kept."""

    def __init__(self, origin: Origin, dial: Dial, limits: Limits, context: Callable[[], ssl.SSLContext]) -> None:
        self.origin = origin
        self._limits = limits
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context() if origin.secure else _unused(),
            max_connections=_CONNECTIONS,
            keepalive_expiry=_KEEP_ALIVE_S,
            network_backend=DialledBackend(dial, limits.connect_s),
        )

    async def close(self) -> None:
        await self._pool.aclose()
        # The loop closes the sockets in its next turn.
        await asyncio.sleep(0)

    async def send(
        self, step: str, make: Callable[[], Outgoing], *, stream: bool = False, again: bool = True, repeat: bool = True
    ) -> Answer:
        """Send a request and return its answer, whatever its status.

        Args:
            step: what is being done, for the error.
            make: returns the request; called for every attempt.
            stream: leave the body of a good answer to be read with ``pieces``; ``close`` it then.
            again: whether the request may be repeated after its connection was lost.
            repeat: whether it may be repeated when the server is busy.

        Raises:
            RemoteError: there is no answer.
        """
        ends = time.monotonic() + self._limits.answer_s
        attempt = 0
        while True:
            attempt += 1
            answer: Answer | None = None
            try:
                answer = await self._once(step, make(), stream=stream)
                answer.attempts = attempt
                if answer.status not in BUSY or not repeat:
                    return answer
            except RemoteError as exc:
                failure = exc
                if not exc.lost or not again:
                    raise
            pause = pause_s(attempt, answer)
            if attempt < _ATTEMPTS and time.monotonic() + pause < ends:
                await asyncio.sleep(pause)
            elif answer:
                return answer
            else:
                raise failure

    async def _once(self, step: str, outgoing: Outgoing, *, stream: bool) -> Answer:
        origin = self.origin
        headers = {"Host": origin.authority, "User-Agent": "nightdrop", "Accept-Encoding": "identity"}
        headers |= outgoing.headers
        if outgoing.body or outgoing.method in ("PUT", "POST"):
            headers["Content-Length"] = str(len(outgoing.body))
        wait = self._limits.answer_s
        request = httpcore2.Request(
            method=outgoing.method,
            url=httpcore2.URL(
                scheme="https" if origin.secure else "http",
                host=origin.host,
                port=origin.port,
                target=outgoing.target,
            ),
            headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()],
            content=outgoing.body,
            extensions={"timeout": {"read": wait, "write": wait}},
        )
        with explained(step):
            response = await self._pool.handle_async_request(request)
            got = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            answer = Answer(response.status, got, _response=response)
            try:
                if outgoing.method != "HEAD":
                    _check_framed(step, answer)
                if not (stream and answer.ok):
                    answer.body = await _read(step, answer)
                    await answer.close()
            except BaseException:
                await answer.close()
                raise
        return answer


def pause_s(attempt: int, answer: Answer | None) -> float:
    """Return how long to wait after a failed attempt: longer each time, and as long as the server says."""
    said = float(answer.number("retry-after") or 0) if answer else 0.0
    spread = random.uniform(0.5, 1.5)  # noqa: S311 - keeps clients apart, and is no secret
    return max(said, _FIRST_PAUSE_S * (1 << (attempt - 1)) * spread)


def _unused() -> ssl.SSLContext:
    # Without a context the pool would make one for connections that it will not make.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _check_framed(step: str, answer: Answer) -> None:
    """Refuse a body that ends with its connection: one that was cut would pass for a whole one."""
    framed = "content-length" in answer.headers or "transfer-encoding" in answer.headers
    if not framed and answer.status not in (204, 304):
        raise RemoteError(step, "the server does not say how long its answer is")


async def _read(step: str, answer: Answer) -> bytes:
    body = bytearray()
    async for piece in answer.pieces(step):
        body += piece
        if len(body) > _MAX_BODY:
            raise RemoteError(step, f"the server's answer is longer than {_MAX_BODY} bytes")
    return bytes(body)


@contextmanager
def explained(step: str) -> Iterator[None]:
    """Turn what httpcore2 raises into ``RemoteError``."""
    try:
        yield
    except (httpcore2.ReadTimeout, httpcore2.WriteTimeout, httpcore2.ConnectTimeout):
        raise RemoteError(step, "the server did not answer in time", lost=True) from None
    except httpcore2.RemoteProtocolError:
        raise RemoteError(step, "the server closed the connection early, or does not speak HTTP", lost=True) from None
    except (httpcore2.NetworkError, OSError):
        raise RemoteError(step, "the connection was lost", lost=True) from None
    except (httpcore2.LocalProtocolError, UnicodeError):
        raise RemoteError(step, "the request cannot be expressed in HTTP") from None
