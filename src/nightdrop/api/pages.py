"""The web pages: built files, read once at start, so that no path of a request ever meets the file system."""

import gzip
import mimetypes
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from nightdrop import __version__
from nightdrop.api.edge import HEADERS_KEY, SECURITY_HEADERS

BUILT = Path(__file__).resolve().parent.parent / "_web"
_INDEX = "/index.html"
# The build puts a hash of the content into these names, so what they hold never changes.
_HASHED = "/assets/"
_NONCE = b"__CSP_NONCE__"
_NOT_PAGES = ("/api", "/health", "/metrics")
_WORTH_PACKING = ("text/", "image/svg")
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_NOT_BUILT = """nightdrop {version}

Drop secrets in. Only your scripts take them out.

The web pages are not built: run script/build-ui. On this host, the nightdrop command works without them.
"""


@dataclass(frozen=True)
class File:
    """One built file."""

    content: bytes
    media_type: str

    @cached_property
    def packed(self) -> bytes | None:
        """The content for clients that take gzip; ``None`` where it is no shorter."""
        if not self.media_type.startswith(_WORTH_PACKING):
            return None
        packed = gzip.compress(self.content, 9, mtime=0)
        return packed if len(packed) < len(self.content) else None


def load_files(root: Path = BUILT) -> dict[str, File]:
    """Return the built files by their path in an address; empty when nothing was built."""
    found = {}
    for path in root.rglob("*") if root.is_dir() else ():
        name = path.relative_to(root)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            found[f"/{name.as_posix()}"] = File(path.read_bytes(), _media_type(name))
    return found


class Pages:
    """Answers what a browser opens; everything else goes to the application behind it."""

    def __init__(self, app: ASGIApp, files: Mapping[str, File]) -> None:
        self._app = app
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if scope["method"] not in {"GET", "HEAD"} or _is_under(path, _NOT_PAGES):
            await self._app(scope, receive, send)
            return
        await (self._page(path, scope) or self._app)(scope, receive, send)

    def _page(self, path: str, scope: Scope) -> Response | None:
        if _INDEX not in self._files:
            # Without pages "/" still says what this is.
            return PlainTextResponse(_NOT_BUILT.format(version=__version__)) if path == "/" else None
        file = self._files.get(path)
        if file is not None and path != _INDEX:
            return _static(path, file, scope)
        return None if _is_missing_file(path) else _index(self._files[_INDEX], scope)


def _is_missing_file(path: str) -> bool:
    """Tell a file that is not there, such as an asset of an older version, from the address of a page."""
    top = path.count("/") == 1 and "." in path and path != _INDEX
    return top or path.startswith((_HASHED, "/.")) or not {".", ".."}.isdisjoint(path.split("/"))


def _static(path: str, file: File, scope: Scope) -> Response:
    age = "public, max-age=31536000, immutable" if path.startswith(_HASHED) else "no-cache"
    scope[HEADERS_KEY] = _headers(secrets.token_urlsafe(16), age)
    headers = {"Vary": "Accept-Encoding"}
    content = file.content
    if file.packed is not None and _takes_gzip(scope):
        content, headers["Content-Encoding"] = file.packed, "gzip"
    return Response(content, headers=headers, media_type=file.media_type)


def _index(file: File, scope: Scope) -> Response:
    nonce = secrets.token_urlsafe(16)
    scope[HEADERS_KEY] = _headers(nonce, "no-store")
    return Response(file.content.replace(_NONCE, nonce.encode()), media_type=file.media_type)


def _headers(nonce: str, cache: str) -> list[tuple[bytes, bytes]]:
    own = {
        b"cache-control": cache.encode(),
        b"content-security-policy": _CSP.format(nonce=nonce).encode(),
        b"cross-origin-resource-policy": b"same-origin",
        b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    return [*{**dict(SECURITY_HEADERS), **own}.items()]


def _is_under(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def _takes_gzip(scope: Scope) -> bool:
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding")
    return any(part.strip().lower() == b"gzip" for part in accepted.replace(b";q=1.0", b"").split(b","))


def _media_type(name: Path) -> str:
    # Not the system's own table: it differs between hosts, and nosniff makes a wrong type fatal.
    return _TYPES.guess_type(name.name)[0] or "application/octet-stream"


_TYPES = mimetypes.MimeTypes()
_TYPES.add_type("text/javascript", ".js")
