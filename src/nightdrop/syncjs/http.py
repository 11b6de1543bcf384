"""HTTP for scripts: one request at a time, over sockets that the broker connected (RFC 9110, RFC 9112).

Built on httpx2's URLs and responses and httpcore2's pool, not on httpx2's client: a client keeps cookies, logs
whole URLs and reads the environment. After ``preload`` a request imports nothing and opens no file.
"""

import base64
import logging
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2

from nightdrop.syncjs import tls
from nightdrop.syncjs.files import FileProblem, Files
from nightdrop.syncjs.httprequest import Outgoing, parse, with_secret_headers
from nightdrop.syncjs.httptext import decode_text
from nightdrop.syncjs.httpwire import BrokeredBackend, HttpFailure
from nightdrop.syncjs.net import BrokerGoneError, ConnectError, Connector
from nightdrop.syncjs.secretcalls import KeeperGoneError

MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_KEEP_ALIVE_SECONDS = 15.0
_MAX_KEPT = 256
_SMALL = 64 * 1024

_context: ssl.SSLContext | None = None


def preload() -> None:
    """Load what a request will need, above all the certificate authorities; call before confining the process.

    Raises:
        TrustStoreMissingError: there is nothing to verify servers with.
    """
    global _context  # noqa: PLW0603 - one per process, inherited by every fork
    _context = tls.client_context()
    # A host name in another script draws in tables and codecs, in the URL and again for TLS.
    httpx2.URL("https://b\u00fccher.example/").host.encode("idna")
    # Both libraries log whole URLs or headers; neither may end up anywhere.
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True, repr=False)
class _Kept:
    body: bytearray
    content_type: str


class _Body(httpx2.SyncByteStream):
    def __init__(self, answer: httpcore2.Response, limit: int) -> None:
        self._answer = answer
        self._limit = limit

    def __iter__(self) -> Iterator[bytes]:
        # Also what is not decoded counts: zlib hoards what follows the end of a compressed body.
        received = 0
        for part in self._answer.iter_stream():
            received += len(part)
            if received > self._limit:
                raise _too_large(self._limit)
            yield part

    def close(self) -> None:
        self._answer.close()


class HttpService:
    """The HTTP requests of one run; keeps connections and the bodies of recent answers."""

    def __init__(
        self,
        connect: Connector,
        *,
        body_limit: int,
        log: Callable[[str, str], None],
        files: Files | None,
        secret: Callable[[str], str],
    ) -> None:
        """Make it ready.

        Args:
            connect: gives connected sockets.
            body_limit: bytes that one answer may have after decompression; also what all kept bodies may have together.
            log: takes a level and a line; lines name method, scheme, host, port and path, nothing else of a request.
            files: where ``save`` writes to, ``None`` for nowhere.
            secret: returns the value of a secret for a header, ``""`` when there is none.
        """
        if _context is None:
            preload()
        self._backend = BrokeredBackend(connect)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_context, keepalive_expiry=_KEEP_ALIVE_SECONDS, network_backend=self._backend
        )
        self._limit = body_limit
        self._log = log
        self._files = files
        self._secret = secret
        # Bytes of bodies, in both directions.
        self.moved = 0
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._last_id = 0

    def request(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Send a request and read its whole answer; a failure is a result with ``valid`` false, and a line in the log.

        Raises:
            BrokerGoneError: nobody is left to connect; the run cannot go on.
            KeeperGoneError: nobody is left to open secrets; the run cannot go on.
        """
        self._last_id += 1
        started = time.monotonic()
        what = "HTTP request"
        result = {"id": self._last_id, "valid": False, "status": 0, "headers": [], "url": "", "error": None}
        try:
            outgoing = parse(spec)
            what = f"{outgoing.method} {outgoing.where}"
            result |= self._follow(with_secret_headers(outgoing, spec, self._secret))
        except (BrokerGoneError, KeeperGoneError):
            raise
        except Exception as error:  # noqa: BLE001 - what a hostile server provokes must not end the run
            result["error"] = f"{what} failed: {_reason(error)}."
            self._log("error", str(result["error"]))
        result["ms"] = int((time.monotonic() - started) * 1000)
        return result

    def body_text(self, response_id: int) -> str:
        """Return a body as text, in the charset it came with, else UTF-8; ``""`` when it is not kept any more."""
        kept = self._get(response_id)
        return decode_text(kept.body, kept.content_type) if kept else ""

    def body_b64(self, response_id: int) -> str:
        """Return a body as base64; ``""`` when it is not kept any more."""
        kept = self._get(response_id)
        return base64.b64encode(kept.body).decode("ascii") if kept else ""

    def save(self, response_id: int, path: str) -> bool:
        """Write a body to a file of the site, whole or not at all; tell whether that worked."""
        kept = self._get(response_id)
        if kept is None:
            return False
        if self._files is None:
            self._log("error", "The answer was not saved: this run has no directory.")
            return False
        try:
            with self._files.replacing(path) as file:
                file.write(kept.body)
        except FileProblem as problem:
            self._log("error", f"The answer was not saved to {path!r:.200}: {problem.reason}.")
            return False
        return True

    def close(self) -> None:
        """Close all connections and forget all bodies."""
        self._pool.close()
        self._kept.clear()

    def _follow(self, outgoing: Outgoing) -> dict[str, Any]:
        self._backend.start(outgoing.timeout)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._send(outgoing)
            try:
                location = answer.headers.get("location")
                if answer.status_code not in _REDIRECTS or location is None or not outgoing.follow:
                    return self._accept(outgoing, answer)
                self._discard(answer)
            finally:
                answer.close()
            outgoing = outgoing.redirected(answer.status_code, location)
        raise HttpFailure(f"it was redirected more than {MAX_REDIRECTS} times")

    def _send(self, outgoing: Outgoing) -> httpx2.Response:
        """Send one request and return once the headers of its answer are there."""
        url = outgoing.url
        request = httpcore2.Request(
            method=outgoing.method,
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=outgoing.wire_headers(),
            content=outgoing.body,
        )
        before = self._backend.connections
        self.moved += len(outgoing.body or b"")
        with _explained():
            try:
                answer = self._pool.handle_request(request)
            except (httpcore2.RemoteProtocolError, httpcore2.NetworkError):
                # The server may close a kept connection just when we use it again: not a failure of this request.
                if self._backend.connections != before or outgoing.method not in _REPEATABLE:
                    raise
                answer = self._pool.handle_request(request)
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(answer, self._limit))

    def _accept(self, outgoing: Outgoing, answer: httpx2.Response) -> dict[str, Any]:
        body = self._read(outgoing, answer)
        self.moved += len(body)
        headers = [[_decode(name), _decode(value)] for name, value in answer.headers.raw]
        self._keep(_Kept(body, answer.headers.get("content-type", "")))
        status, url = answer.status_code, str(outgoing.url)
        return {"valid": True, "status": status, "headers": headers, "url": url}

    def _read(self, outgoing: Outgoing, answer: httpx2.Response) -> bytearray:
        """Return the decoded body, piece by piece so that neither size nor expansion gets past the limit."""
        # Each further coding multiplies the work for a byte received, and nobody sends two.
        if "," in answer.headers.get("content-encoding", ""):
            raise HttpFailure("the answer has more than one content encoding")
        declared = answer.headers.get("content-length", "")
        if outgoing.method != "HEAD" and declared.isdecimal() and int(declared[:20]) > self._limit:
            raise _too_large(self._limit)
        body = bytearray()
        with _explained():
            for part in answer.iter_bytes():
                self._backend.remaining()
                if len(body) + len(part) > self._limit:
                    raise _too_large(self._limit)
                body += part
        return body

    def _discard(self, answer: httpx2.Response) -> None:
        """Read the short body of a redirect, so that its connection can be used again."""
        declared = answer.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) <= _SMALL:
            with _explained():
                for _ in answer.iter_raw():
                    pass

    def _keep(self, kept: _Kept) -> None:
        self._kept[self._last_id] = kept
        while len(self._kept) > _MAX_KEPT or sum(len(old.body) for old in self._kept.values()) > self._limit:
            self._kept.popitem(last=False)

    def _get(self, response_id: int) -> _Kept | None:
        kept = self._kept.get(response_id)
        if kept is None:
            self._log("error", "The body of this answer is not kept any more: read it before sending more requests.")
        return kept


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the libraries raise into plain reasons; their own texts may repeat what the server sent."""
    try:
        yield
    except httpcore2.RemoteProtocolError:
        raise HttpFailure("the server closed the connection early, or its answer is not valid HTTP") from None
    except httpcore2.NetworkError:
        raise HttpFailure("the connection broke") from None
    except httpcore2.LocalProtocolError:
        raise HttpFailure("the request is not valid HTTP") from None
    except httpx2.DecodingError:
        raise HttpFailure("the compressed answer is damaged") from None


def _reason(error: Exception) -> str:
    if isinstance(error, HttpFailure):
        return error.reason
    if isinstance(error, ConnectError):
        return error.message.removesuffix(".")
    return f"internal error ({type(error).__name__})"


def _too_large(limit: int) -> HttpFailure:
    return HttpFailure(f"the answer is larger than the {limit} bytes that are allowed")


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
