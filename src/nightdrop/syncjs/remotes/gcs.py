"""Google Cloud Storage (JSON API v1), over sockets from the broker."""

import contextlib
import json
import re
import secrets
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from nightdrop.syncjs.remotes import gcsauth, objecttimes
from nightdrop.syncjs.remotes.gcsupload import GcsParts
from nightdrop.syncjs.remotes.port import Dial, Limits, RemoteError
from nightdrop.syncjs.remotes.store import Listed, Stored
from nightdrop.syncjs.remotes.web import Answer, Origin, Outgoing, Web, parse_origin

# A multiple of 256 KiB, as the service wants it.
_PART_BYTES = 8 * 1024 * 1024
_MAX_EMPTY = 100
_MAX_STEPS = 100_000
# Letters only: no credential looks like that.
_CODE = re.compile(r"[a-z][A-Za-z]{2,39}")
_BY_STATUS = {
    401: "the server does not accept the credentials",
    403: "the service account may not do this",
    404: "no such file",
    412: "the file changed while it was used",
    429: "the server is asked too often",
    503: "the server is asked too often",
}


def find(endpoint: str, *, signed: bool) -> Origin:
    """Return where requests go.

    Raises:
        RemoteError: it is no address, or one where a token could be read on its way.
    """
    if not endpoint:
        if not signed:
            raise RemoteError("connect", "neither Credentials nor CredentialsFile is set")
        return Origin("storage.googleapis.com", 443, secure=True)
    origin = parse_origin(endpoint, "Endpoint")
    if signed and not origin.secure:
        raise RemoteError("connect", "with credentials, Endpoint has to be an https address")
    return origin


class GcsStore:
    """One bucket; without an account nothing is signed, which only emulators accept."""

    # Listings say what is kept with the objects.
    lists_times = True

    def __init__(
        self,
        origin: Origin,
        bucket: str,
        account: gcsauth.ServiceAccount | None,
        dial: Dial,
        limits: Limits,
        context: Callable[[], ssl.SSLContext],
    ) -> None:
        if not re.fullmatch(r"[a-z0-9](?:[a-z0-9._-]{1,220}[a-z0-9])", bucket):
            raise RemoteError("connect", "Bucket is not the name of a bucket" if bucket else "Bucket is not set")
        self.origin = origin
        self._bucket = bucket
        self._web = Web(origin, dial, limits, context)
        self._tokens = gcsauth.Tokens(account, dial, limits, context) if account else None

    async def close(self) -> None:
        await self._web.close()
        if self._tokens:
            await self._tokens.close()

    async def check(self) -> None:
        try:
            await self._page("connect", {"maxResults": "1"})
        except _MissingError:
            raise RemoteError("connect", "there is no such bucket") from None

    def _path(self, key: str = "", prefix: str = "/storage/v1") -> str:
        path = f"{self.origin.path}{prefix}/b/{quote(self._bucket, safe='')}/o"
        return f"{path}/{_encoded(key)}" if key else path

    async def send(
        self,
        step: str,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        stream: bool = False,
        once: bool = False,
    ) -> Answer:
        """Send a request with a token and return its answer, whatever its status; ``Web.send`` says the rest."""
        given = dict(headers or {})
        if self._tokens:
            given["Authorization"] = f"Bearer {await self._tokens.get()}"
        return await self._web.send(
            step, lambda: Outgoing(method, target, given, body), stream=stream, again=not once, repeat=not once
        )

    async def ask(
        self,
        step: str,
        method: str,
        path: str,
        pairs: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        stream: bool = False,
    ) -> Answer:
        """Send a request; only a good answer is returned."""
        target = f"{path}?{urlencode(pairs)}" if pairs else path
        answer = await self.send(step, method, target, headers, body, stream=stream)
        if not answer.ok:
            await answer.close()
            raise refusal(step, answer)
        return answer

    async def _page(self, step: str, pairs: Mapping[str, str]) -> dict[str, Any]:
        fields = "prefixes,nextPageToken,items(name,size,updated,generation,metadata)"
        return content(step, await self.ask(step, "GET", self._path(), {"fields": fields, **pairs}))

    async def list(self, prefix: str, *, flat: bool, most: int = 1000) -> AsyncGenerator[Listed]:
        pairs = {"prefix": prefix, "maxResults": str(most)}
        if not flat:
            pairs["delimiter"] = "/"
        empty = 0
        while True:
            page = await self._page("list", pairs)
            entries = _entries(page)
            empty = 0 if entries else empty + 1
            for entry in entries:
                yield entry
            token = page.get("nextPageToken")
            if not token:
                return
            if token == pairs.get("pageToken") or empty > _MAX_EMPTY or not isinstance(token, str):
                raise RemoteError("list", "the server's listing does not end")
            pairs["pageToken"] = token

    async def head(self, key: str) -> Stored | None:
        try:
            answer = await self.ask("stat", "GET", self._path(key))
        except _MissingError:
            return None
        return _stored(content("stat", answer))

    async def get(self, key: str, offset: int, tag: str) -> Answer:
        pairs = {"alt": "media"}
        if tag:
            pairs["ifGenerationMatch"] = tag
        # What is stored compressed stays so.
        headers = {"Accept-Encoding": "gzip"} | ({"Range": f"bytes={offset}-"} if offset else {})
        answer = await self.ask("download", "GET", self._path(key), pairs, headers, stream=True)
        if offset and answer.status != 206:
            await answer.close()
            raise RemoteError("download", "the server does not send parts of a file")
        return answer

    def stored_of(self, answer: Answer) -> Stored:
        return Stored(answer.number("content-length") or 0, None, answer.headers.get("x-goog-generation", ""))

    async def put(self, key: str, data: bytes, mtime: float | None) -> None:
        border = secrets.token_hex(16)
        body = (
            f"--{border}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{_resource(key, mtime)}\r\n"
            f"--{border}\r\nContent-Type: application/octet-stream\r\n\r\n"
        ).encode()
        headers = {"Content-Type": f"multipart/related; boundary={border}"}
        path, pairs = self._path(prefix="/upload/storage/v1"), {"uploadType": "multipart"}
        await self.ask("upload", "POST", path, pairs, headers, body + data + f"\r\n--{border}--\r\n".encode())

    def part_bytes(self, size: int | None, number: int) -> int:
        del size, number
        return _PART_BYTES

    async def begin(self, key: str, size: int | None, mtime: float | None) -> GcsParts:
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "X-Upload-Content-Type": "application/octet-stream",
        }
        path, pairs = self._path(prefix="/upload/storage/v1"), {"uploadType": "resumable"}
        answer = await self.ask("upload", "POST", path, pairs, headers, _resource(key, mtime).encode())
        return GcsParts(self.send, refusal, _own_target(self.origin, answer.headers.get("location", "")), size)

    async def copy(self, old: str, new: str, stored: Stored) -> None:
        path = f"{self._path(old)}/rewriteTo/b/{quote(self._bucket, safe='')}/o/{_encoded(new)}"
        pairs = {"ifSourceGenerationMatch": stored.tag}
        for _ in range(_MAX_STEPS):
            answer = content("rename", await self.ask("rename", "POST", path, pairs))
            if answer.get("done") is True:
                return
            token = answer.get("rewriteToken")
            if not isinstance(token, str) or not token:
                break
            pairs["rewriteToken"] = token
        raise RemoteError("rename", "the server did not copy the file")

    async def delete(self, key: str) -> None:
        await self.ask("delete", "DELETE", self._path(key))


class _MissingError(RemoteError):
    """There is no such object or bucket."""


def _encoded(key: str) -> str:
    return quote(key.encode("utf-8", "surrogateescape"), safe="")


def _resource(key: str, mtime: float | None) -> str:
    kept = {} if mtime is None else {"metadata": {objecttimes.MTIME: objecttimes.as_rfc3339(mtime)}}
    return json.dumps({"name": key, "contentType": "application/octet-stream", **kept})


def _own_target(origin: Origin, location: str) -> str:
    """Return path and query of the address of a session: with a token we go nowhere else.

    Raises:
        RemoteError: it is elsewhere.
    """
    begin = f"{'https' if origin.secure else 'http'}://{origin.authority}/"
    if not location.startswith(begin) or not re.fullmatch(r"[!-~]+", location):
        raise RemoteError("upload", "the server sends uploads elsewhere")
    return location[len(begin) - 1 :]


def content(step: str, answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RemoteError(step, "the server's answer is not one of Google Cloud Storage")
    return found


def refusal(step: str, answer: Answer) -> RemoteError:
    """Return the error for an answer; of the server's words only a code is taken."""
    if answer.status == 404:
        return _MissingError(step, _BY_STATUS[404])
    if answer.status in _BY_STATUS:
        return RemoteError(step, _BY_STATUS[answer.status])
    code = ""
    with contextlib.suppress(ValueError, RecursionError, LookupError, TypeError):
        code = str(json.loads(answer.body)["error"]["errors"][0]["reason"])
    return RemoteError(step, f"the server answered {answer.status}" + (f" ({code})" if _CODE.fullmatch(code) else ""))


def _time(found: Mapping[str, Any]) -> float | None:
    kept = found.get("metadata")
    mtime = objecttimes.kept(str(kept.get(objecttimes.MTIME, ""))) if isinstance(kept, dict) else None
    return objecttimes.listed(str(found.get("updated", ""))) if mtime is None else mtime


def _size(found: Mapping[str, Any]) -> int:
    text = str(found.get("size", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _stored(found: Mapping[str, Any]) -> Stored:
    return Stored(_size(found), _time(found), str(found.get("generation", "")))


def _entries(page: Mapping[str, Any]) -> list[Listed]:
    prefixes, items = page.get("prefixes", []), page.get("items", [])
    if not isinstance(prefixes, list) or not isinstance(items, list):
        raise RemoteError("list", "the server's answer is not one of Google Cloud Storage")
    folders = [Listed(str(prefix), folder=True) for prefix in prefixes]
    files = [
        Listed(str(item.get("name", "")), size=_size(item), mtime=_time(item))
        for item in items
        if isinstance(item, dict)
    ]
    return folders + files
