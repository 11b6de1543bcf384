"""What a script asks for, checked and made ready to send; and what becomes of it after a redirect."""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import httpx2

from nightdrop import __version__
from nightdrop.core.header_template import TemplateError, fill_in, secret_names
from nightdrop.syncjs.httpwire import HttpFailure

DEFAULT_TIMEOUT = 30.0
_MAX_TIMEOUT = 3600.0
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# How the message is framed is ours to say: a second opinion in a header is how requests get smuggled.
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"trailer", b"te", b"connection", b"upgrade"})
# What may go to another origin after a redirect. A list of what is harmless, not of what is secret: keys also travel
# in headers of their own, such as X-Api-Key.
_HARMLESS = frozenset(
    {b"accept", b"accept-encoding", b"accept-language", b"cache-control", b"content-type", b"range", b"user-agent"}
)

Header = tuple[bytes, bytes]
Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True, repr=False)
class Outgoing:
    """A request that can be sent; has no repr, as it holds credentials."""

    method: str
    url: httpx2.URL
    headers: tuple[Header, ...]
    body: bytes | None
    timeout: float
    follow: bool
    # Headers that hold values of secrets, in lower case.
    secret: frozenset[bytes] = frozenset()

    @property
    def origin(self) -> Origin:
        return self.url.scheme, self.url.raw_host.decode("ascii"), self.port

    @property
    def port(self) -> int:
        return self.url.port or (443 if self.url.scheme == "https" else 80)

    @property
    def where(self) -> str:
        """The address without user, password, query and fragment: those may be secret."""
        path = self.url.raw_path.partition(b"?")[0].decode("ascii")
        return f"{self.url.scheme}://{self.url.netloc.decode('ascii')}{path}"[:300]

    def wire_headers(self) -> list[Header]:
        """Return the headers with those that every request has."""
        names = {name.lower() for name, _ in self.headers}
        defaults = [
            (b"Host", self.url.netloc),
            (b"User-Agent", f"nightdrop/{__version__}".encode()),
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"gzip, deflate"),
        ]
        if self.body is not None or self.method in ("POST", "PUT", "PATCH"):
            defaults.append((b"Content-Length", str(len(self.body or b"")).encode()))
        return [header for header in defaults if header[0].lower() not in names] + list(self.headers)

    def redirected(self, status: int, location: str) -> "Outgoing":
        """Return the request that follows a redirect (RFC 9110, 15.4), the way browsers do it.

        Raises:
            HttpFailure: it leads where we do not go.
        """
        target = _without_userinfo(_join(self.url, location))
        get = (status == 303 and self.method != "HEAD") or (status in (301, 302) and self.method == "POST")
        body = None if get else self.body
        following = replace(self, url=target, method="GET" if get else self.method, body=body)
        if self.url.scheme == "https" and target.scheme == "http" and body:
            raise HttpFailure("it was redirected from https to http, which would send the body unencrypted")
        if following.origin != self.origin:
            following = replace(following, headers=_only(self.headers, _HARMLESS - self.secret))
        if get:
            content = frozenset(name for name, _ in self.headers if name.lower().startswith(b"content-"))
            following = replace(following, headers=tuple(h for h in following.headers if h[0] not in content))
        return following


def parse(spec: Mapping[str, Any]) -> Outgoing:
    """Check what a script asks for.

    Raises:
        HttpFailure: it cannot be sent; the reason names no header value, no query and no credential.
    """
    method = _text(spec.get("method"), "The method").upper()
    if not _TOKEN.fullmatch(method) or len(method) > 40 or method == "CONNECT":
        raise HttpFailure("the method is not one that can be sent")
    url = _parse_url(_text(spec.get("url"), "the URL"))
    body, content_type = _body(spec)
    headers = [(name, value) for name, value in _headers(spec.get("headers")) if name.lower() not in _FRAMING]
    if content_type and b"content-type" not in {name.lower() for name, _ in headers}:
        headers.append((b"Content-Type", content_type))
    if authorization := _authorization(spec, url):
        headers = [header for header in headers if header[0].lower() != b"authorization"]
        headers.append((b"Authorization", authorization))
    url = _with_query(_without_userinfo(url), _pairs(spec.get("query"), "the query"))
    follow = spec.get("redirects") is not False
    return Outgoing(method, url, tuple(headers), body, _timeout(spec.get("timeout")), follow)


def with_secret_headers(outgoing: Outgoing, spec: Mapping[str, Any], secret: Callable[[str], str]) -> Outgoing:
    """Put in what a script may send but not see.

    Args:
        outgoing: what ``parse`` made of ``spec``.
        spec: from the script.
        secret: returns the value of a secret, ``""`` when there is none; asked only for what can be sent otherwise.

    Raises:
        HttpFailure: see ``parse``.
    """
    templates = _pairs(spec.get("secret_headers"), "headers from secrets")
    _check_templates(templates)
    filled = _headers([[name, _filled(name, template, secret)] for name, template in templates])
    names = frozenset(name.lower() for name, _ in filled)
    kept = tuple(header for header in outgoing.headers if header[0].lower() not in names)
    return replace(outgoing, headers=(*kept, *filled), secret=names)


def _parse_url(text: str) -> httpx2.URL:
    try:
        return _check_url(httpx2.URL(text.strip()))
    except (httpx2.InvalidURL, ValueError, TypeError):
        raise HttpFailure("the URL is not valid") from None


def _join(base: httpx2.URL, location: str) -> httpx2.URL:
    try:
        return _check_url(base.join(location))
    except (httpx2.InvalidURL, ValueError, TypeError):
        raise HttpFailure("it was redirected to a URL that is not valid") from None


def _check_url(url: httpx2.URL) -> httpx2.URL:
    if url.scheme not in ("http", "https"):
        raise HttpFailure("only http:// and https:// URLs can be used")
    if not url.raw_host:
        raise HttpFailure("the URL has no host")
    if url.port is not None and not 1 <= url.port <= 65535:
        raise HttpFailure("the port is not a number from 1 to 65535")
    return url


def _without_userinfo(url: httpx2.URL) -> httpx2.URL:
    return httpx2.URL(scheme=url.scheme, host=url.host, port=url.port, raw_path=url.raw_path)


def _with_query(url: httpx2.URL, pairs: Sequence[tuple[str, str]]) -> httpx2.URL:
    if not pairs:
        return url
    query = urlencode(pairs, errors="replace").encode("ascii")
    try:
        return url.copy_with(query=url.query + b"&" + query if url.query else query)
    except httpx2.InvalidURL:
        raise HttpFailure("the query is too long") from None


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise HttpFailure(f"{what.lower()} is missing")
    return value


def _check_templates(templates: Sequence[tuple[str, str]]) -> None:
    """Refuse what could not be sent before any secret is asked for."""
    for name, template in templates:
        try:
            secret_names(template)
        except TemplateError as error:
            raise HttpFailure(f"{_header_from_secret(name)}: {error}") from None
        _headers([[name, template]])
        if name.lower().encode("ascii") in _FRAMING:
            raise HttpFailure(f"{_header_from_secret(name)}: nightdrop sets this header itself")


def _filled(name: str, template: str, secret: Callable[[str], str]) -> str:
    def value(secret_name: str) -> str:
        # Files end with a line break, and no header may hold one.
        if found := secret(secret_name).strip():
            return found
        raise HttpFailure(f"{_header_from_secret(name)}: there is no value for the secret {secret_name!r:.140}")

    return fill_in(template, value)


def _header_from_secret(name: str) -> str:
    return f"HeaderFromSecret({name[:80]})"


def _pairs(value: Any, what: str) -> list[tuple[str, str]]:
    pairs = value or []
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in pairs
    ):
        raise HttpFailure(f"{what} must be pairs of text")
    return [(name, text) for name, text in pairs]


def _headers(value: Any) -> list[Header]:
    headers = []
    for name, text in _pairs(value, "headers"):
        if not _TOKEN.fullmatch(name):
            raise HttpFailure("a header name has characters that are not allowed")
        if _CONTROL.search(text):
            raise HttpFailure(f"the value of the header {name[:80]} has line breaks or control characters")
        headers.append((name.encode("ascii"), text.strip(" \t").encode("utf-8", "replace")))
    return headers


def _authorization(spec: Mapping[str, Any], url: httpx2.URL) -> bytes | None:
    basic, bearer = spec.get("basic"), spec.get("bearer")
    if basic is not None:
        ((user, password),) = _pairs([basic], "user and password")
        return _basic(user, password)
    if bearer is not None:
        token = _text(bearer, "the bearer token").strip()
        if not token.isascii() or not token.isprintable():
            raise HttpFailure("the bearer token has characters that are not allowed")
        return b"Bearer " + token.encode("ascii")
    if url.username or url.password:
        return _basic(url.username, url.password)
    return None


def _basic(user: str, password: str) -> bytes:
    if ":" in user or _CONTROL.search(user + password):
        raise HttpFailure("the user or the password has characters that basic authentication does not allow")
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode("utf-8", "replace"))


def _body(spec: Mapping[str, Any]) -> tuple[bytes | None, bytes | None]:
    """Return the body and the content type that comes with its kind, if any."""
    text, coded, form = spec.get("body"), spec.get("body_b64"), spec.get("form")
    if sum(part is not None for part in (text, coded, form)) > 1:
        raise HttpFailure("it has more than one body")
    if form is not None:
        fields = urlencode(_pairs(form, "the form"), errors="replace").encode("ascii")
        return fields, b"application/x-www-form-urlencoded"
    try:
        if coded is not None:
            return base64.b64decode(coded, validate=True), None
        return (None if text is None else text.encode("utf-8", "replace")), None
    except (binascii.Error, ValueError, TypeError, AttributeError):
        raise HttpFailure("the body is neither text nor bytes") from None


def _timeout(value: Any) -> float:
    if value is None or value == 0:
        return DEFAULT_TIMEOUT
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise HttpFailure("the timeout is not a number of seconds")
    return min(float(value), _MAX_TIMEOUT)


def _only(headers: Sequence[Header], names: frozenset[bytes]) -> tuple[Header, ...]:
    return tuple(header for header in headers if header[0].lower() in names)
