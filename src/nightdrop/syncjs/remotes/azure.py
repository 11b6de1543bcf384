"""Azure Blob Storage (Blob service REST API), over sockets from the broker."""

import asyncio
import base64
import hashlib
import re
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

from nightdrop.syncjs.remotes import azuresign, objecttimes, xmltext
from nightdrop.syncjs.remotes.azuresign import AzureKey, encoded
from nightdrop.syncjs.remotes.port import Dial, Limits, RemoteError
from nightdrop.syncjs.remotes.store import Listed, Stored
from nightdrop.syncjs.remotes.web import Answer, Origin, Outgoing, Web, parse_origin

_META = "x-ms-meta-"
_PART_BYTES = 8 * 1024 * 1024
_MAX_PARTS = 50_000
_MAX_EMPTY = 100
_COPY_PAUSE_S = 0.25
# Letters only: no credential and no signature looks like that.
_CODE = re.compile(r"[A-Z][A-Za-z]{2,59}")
_SENTENCES = {
    "AuthenticationFailed": "the server does not accept the account's key or signature",
    "AuthorizationFailure": "the server does not accept the account's key or signature, or not for this",
    "AuthorizationPermissionMismatch": "the signature may not do this",
    "BlobNotFound": "no such file",
    "ConditionNotMet": "the file changed while it was used",
    "ContainerNotFound": "there is no such container",
    "InsufficientAccountPermissions": "the account may not do this",
    "InvalidResourceName": "the name of the container or the path is not one",
    "ServerBusy": "the server is asked too often",
    "SnapshotsPresent": "the file has snapshots, which would be deleted with it",
}
_BY_STATUS = {
    403: "the server does not accept the account's key or signature",
    404: "no such file",
    412: "the file changed while it was used",
    503: "the server is asked too often",
}


@dataclass(frozen=True, slots=True)
class AzurePlace:
    """Where a container is."""

    origin: Origin
    container: str

    @property
    def root(self) -> str:
        return f"{self.origin.path}/{encoded(self.container, '$')}"


def find(endpoint: str, account: str, container: str) -> AzurePlace:
    """Return where requests go.

    Raises:
        RemoteError: a field is missing or wrong.
    """
    if not re.fullmatch(r"[a-z0-9](?:-?[a-z0-9]){2,62}|\$(?:root|web)", container):
        reason = "Container is not the name of a container" if container else "Container is not set"
        raise RemoteError("connect", reason)
    if endpoint:
        return AzurePlace(parse_origin(endpoint, "Endpoint"), container)
    return AzurePlace(Origin(f"{account}.blob.core.windows.net", 443, secure=True), container)


class AzureStore:
    """One container.

    Blocks of an upload that failed are invisible, and the service throws them away after a week; it has no request
    for that.
    """

    def __init__(
        self,
        place: AzurePlace,
        key: AzureKey,
        dial: Dial,
        limits: Limits,
        context: Callable[[], ssl.SSLContext],
        *,
        real_times: bool,
    ) -> None:
        self.lists_times = real_times
        self._place, self._key = place, key
        self._patience_s = limits.answer_s
        self._web = Web(place.origin, dial, limits, context)

    async def close(self) -> None:
        await self._web.close()

    async def check(self) -> None:
        await self._listing("connect", {"maxresults": "1"}, again=False)

    async def ask(
        self,
        step: str,
        method: str,
        key: str = "",
        pairs: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        stream: bool = False,
        again: bool = True,
    ) -> Answer:
        """Send an authenticated request; ``Web.send`` says the rest. Only good answers are returned."""
        path = f"{self._place.root}/{encoded(key, '/')}" if key else self._place.root
        given = dict(headers or {})
        if body:
            given["Content-Length"] = str(len(body))
            if not self._place.origin.secure:
                # The signature covers it, and so the body.
                given["Content-MD5"] = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()

        def make() -> Outgoing:
            target, signed = azuresign.sign(self._key, method, path, pairs or {}, given, datetime.now(UTC))
            return Outgoing(method, target, signed, body)

        answer = await self._web.send(step, make, stream=stream, again=again)
        if not answer.ok:
            await answer.close()
            raise _refusal(step, answer)
        return answer

    async def _listing(self, step: str, pairs: Mapping[str, str], *, again: bool = True) -> xmltext.Element:
        more = {"restype": "container", "comp": "list", **pairs}
        answer = await self.ask(step, "GET", pairs=more, again=again)
        try:
            return xmltext.parse(answer.body)
        except xmltext.XmlError:
            raise RemoteError(step, "the server's answer is not one of Azure") from None

    async def list(self, prefix: str, *, flat: bool, most: int = 1000) -> AsyncGenerator[Listed]:
        pairs = {"prefix": prefix, "maxresults": str(most)}
        if not flat:
            pairs["delimiter"] = "/"
        if self.lists_times:
            pairs["include"] = "metadata"
        empty = 0
        while True:
            page = await self._listing("list", pairs)
            entries = _entries(page)
            empty = 0 if entries else empty + 1
            for entry in entries:
                yield entry
            marker = page.value("NextMarker")
            if not marker:
                return
            if marker == pairs.get("marker") or empty > _MAX_EMPTY:
                raise RemoteError("list", "the server's listing does not end")
            pairs["marker"] = marker

    async def head(self, key: str) -> Stored | None:
        try:
            return _stored(await self.ask("stat", "HEAD", key))
        except _MissingError:
            return None

    async def get(self, key: str, offset: int, tag: str) -> Answer:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        if tag:
            headers["If-Match"] = tag
        answer = await self.ask("download", "GET", key, headers=headers, stream=True)
        if offset and answer.status != 206:
            await answer.close()
            raise RemoteError("download", "the server does not send parts of a file")
        return answer

    def stored_of(self, answer: Answer) -> Stored:
        return _stored(answer)

    async def put(self, key: str, data: bytes, mtime: float | None) -> None:
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream", **_times(mtime)}
        await self.ask("upload", "PUT", key, headers=headers, body=data)

    def part_bytes(self, size: int | None, number: int) -> int:
        if size is not None:
            return max(_PART_BYTES, -(-size // _MAX_PARTS))
        return _PART_BYTES << (number // 5000)

    async def begin(self, key: str, size: int | None, mtime: float | None) -> "AzureParts":
        del size
        return AzureParts(self, key, mtime)

    async def copy(self, old: str, new: str, stored: Stored) -> None:
        origin = self._place.origin
        source = f"{'https' if origin.secure else 'http'}://{origin.authority}{self._place.root}/{encoded(old, '/')}"
        headers = {"x-ms-copy-source": f"{source}?{self._key.sas}" if self._key.sas else source}
        if stored.tag:
            headers["x-ms-source-if-match"] = stored.tag
        answer = await self.ask("rename", "PUT", new, headers=headers)
        ends, progress = time.monotonic() + self._patience_s, ""
        while (status := answer.headers.get("x-ms-copy-status")) == "pending":
            if time.monotonic() > ends:
                raise RemoteError("rename", "the server did not copy the file in time")
            await asyncio.sleep(_COPY_PAUSE_S)
            answer = await self.ask("rename", "HEAD", new)
            if (now := answer.headers.get("x-ms-copy-progress", "")) != progress:
                ends, progress = time.monotonic() + self._patience_s, now
        if status != "success":
            raise RemoteError("rename", "the server did not copy the file")

    async def delete(self, key: str) -> None:
        await self.ask("delete", "DELETE", key)


class AzureParts:
    """A blob that is made of blocks."""

    parallel = 4

    def __init__(self, store: AzureStore, key: str, mtime: float | None) -> None:
        self._store, self._key, self._mtime = store, key, mtime
        self._count = 0

    async def part(self, number: int, data: bytes, *, last: bool) -> None:
        del last
        self._count = max(self._count, number)
        await self._store.ask("upload", "PUT", self._key, {"comp": "block", "blockid": _block(number)}, body=data)

    async def complete(self) -> None:
        listed = "".join(f"<Latest>{_block(number)}</Latest>" for number in range(1, self._count + 1))
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
        headers = {"x-ms-blob-content-type": "application/octet-stream", **_times(self._mtime)}
        await self._store.ask("upload", "PUT", self._key, {"comp": "blocklist"}, headers, body)

    async def abort(self) -> None:
        """Do nothing: the service forgets blocks by itself."""


class _MissingError(RemoteError):
    """There is no such blob."""


def _block(number: int) -> str:
    return base64.b64encode(f"{number:08d}".encode()).decode()


def _refusal(step: str, answer: Answer) -> RemoteError:
    code = answer.headers.get("x-ms-error-code", "")
    if code == "BlobNotFound" or (answer.status == 404 and not code):
        return _MissingError(step, "no such file")
    known = _SENTENCES.get(code)
    if known is None and _CODE.fullmatch(code):
        known = f"the server answered {answer.status} ({code})"
    return RemoteError(step, known or _BY_STATUS.get(answer.status, f"the server answered {answer.status}"))


def _stored(answer: Answer) -> Stored:
    headers = answer.headers
    mtime = objecttimes.kept(headers.get(_META + objecttimes.MTIME, ""))
    if mtime is None:
        mtime = objecttimes.listed(headers.get("last-modified", ""))
    return Stored(answer.number("content-length") or 0, mtime, headers.get("etag", ""))


def _times(mtime: float | None) -> dict[str, str]:
    return {} if mtime is None else {_META + objecttimes.MTIME: objecttimes.as_rfc3339(mtime)}


def _entries(page: xmltext.Element) -> list[Listed]:
    found = []
    blobs = page.get("Blobs")
    for each in blobs.children if blobs else ():
        name = each.get("Name")
        key = name.text if name else ""
        if name and name.attributes.get("Encoded") == "true":
            key = unquote(key, errors="surrogateescape")
        if each.name == "BlobPrefix":
            found.append(Listed(key, folder=True))
        elif each.name == "Blob":
            found.append(_blob(key, each))
    return found


def _blob(key: str, each: xmltext.Element) -> Listed:
    mtime = objecttimes.kept(each.value("Metadata", objecttimes.MTIME))
    if mtime is None:
        mtime = objecttimes.listed(each.value("Properties", "Last-Modified"))
    size = each.value("Properties", "Content-Length")
    return Listed(key, size=int(size) if size.isascii() and size.isdigit() and len(size) < 19 else 0, mtime=mtime)
