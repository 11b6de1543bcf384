"""Amazon S3 and what speaks its REST API (S3 API Reference, 2006-03-01), over sockets from the broker."""

import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote_plus
from xml.sax.saxutils import escape

from nightdrop.syncjs.remotes import objecttimes, s3sign, xmltext
from nightdrop.syncjs.remotes.port import Dial, Limits, RemoteError
from nightdrop.syncjs.remotes.s3errors import refusal
from nightdrop.syncjs.remotes.s3sign import S3Key, encoded
from nightdrop.syncjs.remotes.store import Listed, Stored
from nightdrop.syncjs.remotes.web import Answer, Origin, Outgoing, Web

_META = "x-amz-meta-"
_KEPT = ("content-type", "content-encoding", "content-language", "content-disposition", "cache-control")
_PART_BYTES = 8 * 1024 * 1024
_MAX_PARTS = 10_000
# Larger objects are copied in parts.
_MAX_COPY_BYTES = 5 * 1024 * 1024 * 1024
_COPY_PART_BYTES = 512 * 1024 * 1024
# Answers without a single entry that a listing may have in a row: deleted versions can cause them.
_MAX_EMPTY = 100


@dataclass(frozen=True, slots=True)
class S3Place:
    """Where a bucket is; ``in_path`` puts its name into the path instead of the host."""

    origin: Origin
    bucket: str
    in_path: bool

    @property
    def root(self) -> str:
        return f"{self.origin.path}/{encoded(self.bucket)}" if self.in_path else self.origin.path


class S3Store:
    """One bucket; ``part_bytes`` and ``max_copy`` are for tests with small objects."""

    lists_times = False

    def __init__(
        self,
        place: S3Place,
        key: S3Key,
        dial: Dial,
        limits: Limits,
        context: Callable[[], ssl.SSLContext],
        *,
        max_copy: int = _MAX_COPY_BYTES,
        copy_part: int = _COPY_PART_BYTES,
    ) -> None:
        self._place, self._key = place, key
        self._max_copy, self._copy_part = max_copy, copy_part
        self._web = Web(place.origin, dial, limits, context)

    async def close(self) -> None:
        await self._web.close()

    async def check(self) -> None:
        # Not repeated: what is refused or wrong now is so in a second, too.
        await self._listing("connect", {"max-keys": "1"}, again=False)

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
        """Send a signed request; ``Web.send`` says the rest."""
        path = f"{self._place.root}/{encoded(key, '/')}"
        query = s3sign.query(pairs or {})
        # Over TLS nobody changes a body on its way.
        unsigned = self._place.origin.secure and body
        payload = s3sign.UNSIGNED if unsigned else s3sign.digest(body)

        def make() -> Outgoing:
            given = {"Host": self._place.origin.authority, **(headers or {})}
            signed = s3sign.sign(self._key, method, path, query, given, payload, datetime.now(UTC))
            return Outgoing(method, f"{path}?{query}" if query else path, signed, body)

        return await self._web.send(step, make, stream=stream, again=again)

    async def _good(self, step: str, answer: Answer) -> Answer:
        if not answer.ok:
            await answer.close()
            raise refusal(step, answer)
        return answer

    async def _listing(self, step: str, pairs: Mapping[str, str], *, again: bool = True) -> xmltext.Element:
        more = {"list-type": "2", "encoding-type": "url", **pairs}
        answer = await self._good(step, await self.ask(step, "GET", pairs=more, again=again))
        return document(step, answer)

    async def list(self, prefix: str, *, flat: bool, most: int = 1000) -> AsyncGenerator[Listed]:
        pairs = {"prefix": prefix, "max-keys": str(most)}
        if not flat:
            pairs["delimiter"] = "/"
        empty = 0
        while True:
            page = await self._listing("list", pairs)
            entries = _entries(page)
            empty = 0 if entries else empty + 1
            for entry in entries:
                yield entry
            token = page.value("NextContinuationToken")
            if page.value("IsTruncated") != "true" or not token:
                return
            if token == pairs.get("continuation-token") or empty > _MAX_EMPTY:
                raise RemoteError("list", "the server's listing does not end")
            pairs["continuation-token"] = token

    async def head(self, key: str) -> Stored | None:
        answer = await self.ask("stat", "HEAD", key)
        if answer.status == 404:
            return None
        return stored(await self._good("stat", answer))

    async def get(self, key: str, offset: int, tag: str) -> Answer:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        if tag:
            headers["If-Match"] = tag
        answer = await self._good("download", await self.ask("download", "GET", key, headers=headers, stream=True))
        if offset and answer.status != 206:
            await answer.close()
            raise RemoteError("download", "the server does not send parts of a file")
        return answer

    def stored_of(self, answer: Answer) -> Stored:
        return stored(answer)

    async def put(self, key: str, data: bytes, mtime: float | None) -> None:
        headers = {"Content-Type": "application/octet-stream", **_times(mtime)}
        await self._good("upload", await self.ask("upload", "PUT", key, headers=headers, body=data))

    def part_bytes(self, size: int | None, number: int) -> int:
        if size is not None:
            return max(_PART_BYTES, -(-size // _MAX_PARTS))
        # A file of unknown size gets larger parts as it goes on, to end below the greatest number of them.
        return _PART_BYTES << (number // 1000)

    async def begin(self, key: str, size: int | None, mtime: float | None) -> "S3Parts":
        del size
        return await self._begin(key, {"Content-Type": "application/octet-stream", **_times(mtime)}, "upload")

    async def _begin(self, key: str, headers: Mapping[str, str], step: str) -> "S3Parts":
        # Not repeated when its connection is lost: the parts of the first one would stay.
        answer = await self.ask(step, "POST", key, {"uploads": ""}, headers, again=False)
        ident = document(step, await self._good(step, answer)).value("UploadId")
        if not ident:
            raise RemoteError(step, "the server's answer is not one of S3")
        return S3Parts(self, key, ident, step)

    async def copy(self, old: str, new: str, stored: Stored) -> None:
        source = {"x-amz-copy-source": f"/{encoded(self._place.bucket)}/{encoded(old, '/')}"}
        if stored.tag:
            source["x-amz-copy-source-if-match"] = stored.tag
        if stored.size <= self._max_copy:
            answer = await self._good("rename", await self.ask("rename", "PUT", new, headers=source))
            finished("rename", answer)
            return
        parts = await self._begin(new, stored.kept, "rename")
        try:
            for number, start in enumerate(range(0, stored.size, self._copy_part), 1):
                end = min(start + self._copy_part, stored.size) - 1
                await parts.copy(number, {**source, "x-amz-copy-source-range": f"bytes={start}-{end}"})
            await parts.complete()
        except BaseException:
            await parts.abort()
            raise

    async def delete(self, key: str) -> None:
        await self._good("delete", await self.ask("delete", "DELETE", key))


class S3Parts:
    """A multipart upload."""

    parallel = 4

    def __init__(self, store: S3Store, key: str, ident: str, step: str) -> None:
        self._store, self._key, self._ident, self._step = store, key, ident, step
        self._tags: dict[int, str] = {}

    async def part(self, number: int, data: bytes, *, last: bool) -> None:
        del last
        answer = await self._ask("PUT", number, {}, data)
        self._tags[number] = answer.headers.get("etag", "")

    async def copy(self, number: int, headers: Mapping[str, str]) -> None:
        answer = await self._ask("PUT", number, headers, b"")
        self._tags[number] = finished(self._step, answer).value("ETag")

    async def _ask(self, method: str, number: int, headers: Mapping[str, str], body: bytes) -> Answer:
        pairs = {"partNumber": str(number), "uploadId": self._ident}
        answer = await self._store.ask(self._step, method, self._key, pairs, headers, body)
        if not answer.ok:
            raise refusal(self._step, answer)
        return answer

    async def complete(self) -> None:
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in sorted(self._tags.items())
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        answer = await self._store.ask(self._step, "POST", self._key, {"uploadId": self._ident}, body=body)
        if answer.status == 404 and answer.attempts > 1:
            # The first attempt did it, and only its answer was lost; the file is looked at afterwards anyway.
            return
        if not answer.ok:
            raise refusal(self._step, answer)
        finished(self._step, answer)

    async def abort(self) -> None:
        try:
            await self._store.ask(self._step, "DELETE", self._key, {"uploadId": self._ident})
        except RemoteError:
            # The reason why it is aborted is told; a lifecycle rule of the bucket removes what stays.
            return


def document(step: str, answer: Answer) -> xmltext.Element:
    """Return the XML of an answer."""
    try:
        return xmltext.parse(answer.body)
    except xmltext.XmlError:
        raise RemoteError(step, "the server's answer is not one of S3") from None


def finished(step: str, answer: Answer) -> xmltext.Element:
    """Return the XML of an answer that was begun before its outcome was known, and so is always a good one."""
    root = document(step, answer)
    if root.name == "Error":
        raise refusal(step, answer)
    return root


def stored(answer: Answer) -> Stored:
    """Return what the headers of an answer say about an object."""
    headers = answer.headers
    mtime = objecttimes.kept(headers.get(_META + objecttimes.MTIME, ""))
    if mtime is None:
        mtime = objecttimes.listed(headers.get("last-modified", ""))
    keeps = {name: value for name, value in headers.items() if name in _KEPT or name.startswith(_META)}
    return Stored(answer.number("content-length") or 0, mtime, headers.get("etag", ""), keeps)


def _times(mtime: float | None) -> dict[str, str]:
    return {} if mtime is None else {_META + objecttimes.MTIME: objecttimes.as_seconds(mtime)}


def _entries(page: xmltext.Element) -> list[Listed]:
    is_url = page.value("EncodingType") == "url"

    def name(text: str) -> str:
        return unquote_plus(text, errors="surrogateescape") if is_url else text

    folders = [Listed(name(each.value("Prefix")), folder=True) for each in page.all("CommonPrefixes")]
    files = [
        Listed(
            name(each.value("Key")),
            size=int(size) if (size := each.value("Size")).isascii() and size.isdigit() and len(size) < 19 else 0,
            mtime=objecttimes.listed(each.value("LastModified")),
        )
        for each in page.all("Contents")
    ]
    return folders + files
