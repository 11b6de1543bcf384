"""One file from here to there, or back, with all that the options ask for.

A source is deleted, and a target replaced, only after the server (or the disk) has confirmed every byte.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum, auto
from functools import partial
from typing import BinaryIO, Protocol, TypeVar

from nightdrop.syncjs.remotes import names, versions
from nightdrop.syncjs.remotes.known import Known, differs
from nightdrop.syncjs.remotes.link import Link
from nightdrop.syncjs.remotes.local import LocalFiles
from nightdrop.syncjs.remotes.options import Options
from nightdrop.syncjs.remotes.policies import Policy, Side, why_skip
from nightdrop.syncjs.remotes.port import Item, RemoteError
from nightdrop.syncjs.remotes.progress import Progress
from nightdrop.syncjs.remotes.resume import Download, Upload

_PIECE_BYTES = 1024 * 1024

Begun = TypeVar("Begun")


class Coder(Protocol):
    """Encrypts or decrypts one file."""

    def update(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class Codec(Protocol):
    """On-the-fly encryption. Its methods, and its coders', raise ``CodecError`` and nothing else.

    ``slow``: beginning a file takes a second of computing and much memory, as with a passphrase.
    """

    slow: bool

    def encoder(self) -> Coder: ...

    def decoder(self) -> Coder: ...

    def sealed_size(self, size: int) -> int:
        """Return how many bytes ``size`` bytes become."""
        ...


class CodecError(Exception):
    """The key or the encrypted file is not right; the text is one of our own sentences."""


class Outcome(Enum):
    DONE = auto()
    SKIPPED = auto()


class Transfer:
    """Transfers single files over one connection."""

    def __init__(
        self, link: Link, files: LocalFiles, options: Options, progress: Progress, codec: Codec | None = None
    ) -> None:
        self._link = link
        self._files = files
        self._options = options
        self._progress = progress
        self._codec = codec
        self._warned_time = False
        self._one_begins = asyncio.Lock()

    @property
    def compares_times(self) -> bool:
        """Whether an upload depends on the time of what is there."""
        return self._options.up.policy is Policy.OVERWRITE_IF_NEWER

    @property
    def compares_source_times(self) -> bool:
        """Whether a download depends on the time of the remote file; else it is told with the file itself."""
        return self._options.down.policy is Policy.OVERWRITE_IF_NEWER

    async def upload(self, source: Item, target: str, known: Known | None = None) -> Outcome:
        """Upload a local file; ``known`` is its directory if many files go there.

        Raises:
            RemoteError, LocalFileError, CodecError: it is not uploaded; its source is untouched.
        """
        chosen = self._options.up
        existing = await self._existing(target, known)
        if existing:
            sealed = self._codec.sealed_size(source.size) if self._codec else source.size
            reason = why_skip(chosen.policy, Side(sealed, source.mtime), Side(existing.size, existing.mtime))
            if reason:
                self._progress.skip(source.path, reason)
                return Outcome.SKIPPED
        with self._files.open_read(source.path) as file:
            before = os.fstat(file.fileno())
            await self._put(file, before, source, target, existing, known)
            after = os.fstat(file.fileno())
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise RemoteError("upload", "the source changed while it was read; what arrived may be incomplete")
        if chosen.delete_source:
            self._delete_local(source, before)
        self._progress.finished()
        return Outcome.DONE

    async def _existing(self, target: str, known: Known | None) -> Item | None:
        chosen = self._options.up
        asks = not (known and known.looked)
        if asks and chosen.policy is Policy.ALWAYS_OVERWRITE and not chosen.versioned:
            return None
        if known:
            existing = await known.existing(target)
        else:
            existing = await self._link.ask(lambda: self._link.remote.stat(target))
        if existing and existing.is_dir:
            raise RemoteError("upload", "the target is a directory")
        return existing

    async def _put(
        self,
        file: BinaryIO,
        before: os.stat_result,
        source: Item,
        target: str,
        existing: Item | None,
        known: Known | None,
    ) -> None:
        chosen = self._options.up
        remote = self._link.remote
        written = target + names.TEMPORARY if chosen.temp_name else target
        kept = await self._put_aside(target) if existing and chosen.versioned and not chosen.temp_name else None
        mtime = before.st_mtime if chosen.adjust_time else None
        upload = Upload(self._link, written, self._sealed(before.st_size), mtime)
        try:
            sent = 0
            encoder = await self._begin(self._codec.encoder) if self._codec else None
            for piece in _encoded(_pieces(file, before.st_size), encoder):
                await upload.write(piece)
                sent += len(piece)
                self._progress.moved(source.path, len(piece), sent, upload.total)
            await upload.finish()
            if known and not (chosen.temp_name or chosen.versioned or chosen.delete_source):
                known.sent(source.path, written, sent)
            else:
                await self._check_arrived(written, sent)
            if mtime is not None and not remote.writes_times:
                await self._keep_time(written, mtime)
            if chosen.temp_name:
                if existing and chosen.versioned:
                    kept = await self._put_aside(target)
                await remote.rename(written, target)
        except BaseException:
            await upload.abort()
            if upload.touched or kept:
                await self._take_back(written, target, kept)
            raise
        if kept:
            await self._prune_remote(target)

    def _sealed(self, size: int) -> int:
        return self._codec.sealed_size(size) if self._codec else size

    async def _begin(self, start: Callable[[], Begun]) -> Begun:
        """Begin to encrypt or decrypt a file, one at a time and beside the connection when that is slow."""
        if not self._codec or not self._codec.slow:
            return start()
        async with self._one_begins:
            return await asyncio.to_thread(start)

    async def _check_arrived(self, path: str, sent: int) -> None:
        there = await self._link.ask(lambda: self._link.remote.stat(path))
        if there is None or there.size != sent:
            raise RemoteError("upload", differs(sent, there))

    async def _keep_time(self, path: str, mtime: float) -> None:
        kept = await self._link.ask(lambda: self._link.remote.set_mtime(path, mtime))
        if not kept and not self._warned_time:
            self._warned_time = True
            self._progress.warn("this server does not let times be set; files have the time of their upload")

    async def _put_aside(self, target: str) -> str:
        """Move the remote file to ``.ver/``; return where it is now."""
        remote = self._link.remote
        folder = names.below(names.parent(target), versions.FOLDER)
        if not await remote.stat(folder):
            await remote.make_dir(folder)
        kept = names.below(folder, versions.version_name(names.base(target), datetime.now(UTC)))
        await remote.rename(target, kept)
        return kept

    async def _take_back(self, written: str, target: str, kept: str | None) -> None:
        """Undo what a failed upload did, as far as the connection still allows."""
        remote = self._link.remote
        try:
            if await remote.stat(written):
                await remote.remove_file(written)
            if kept:
                await remote.rename(kept, target)
        except RemoteError as exc:
            where = f"; the previous file is {kept}" if kept else ""
            self._progress.warn(f"a partial file may remain as {written}: {exc.reason}{where}")

    async def _prune_remote(self, target: str) -> None:
        folder = names.below(names.parent(target), versions.FOLDER)
        found = [item.name async for item in self._link.remote.list_dir(folder)]
        for name in versions.superfluous(found, names.base(target), self._options.up.versions):
            await self._link.remote.remove_file(names.below(folder, name))

    def _delete_local(self, source: Item, before: os.stat_result) -> None:
        now = self._files.stat(source.path)
        if now is None or (now.size, now.mtime) != (before.st_size, before.st_mtime):
            raise RemoteError("delete source", "the source changed after it was read, so it stays")
        self._files.remove(source.path)

    async def download(self, source: Item, target: str) -> Outcome:
        """Download a remote file to the local path ``target``.

        Raises:
            RemoteError, LocalFileError, CodecError: it is not downloaded; source and target are untouched.
        """
        chosen = self._options.down
        remote = self._link.remote
        needed = chosen.adjust_time or chosen.delete_source
        if not remote.exact_times and (self.compares_source_times or (needed and not remote.tells_times)):
            source = await self._exact(source)
        existing = self._files.stat(target)
        if existing:
            if existing.is_dir:
                raise RemoteError("download", "the target is a directory")
            reason = why_skip(
                chosen.policy, Side(source.size, source.mtime), Side(self._sealed(existing.size), existing.mtime)
            )
            if reason:
                self._progress.skip(source.path, reason)
                return Outcome.SKIPPED
        source = await self._get(source, target, existing)
        if chosen.delete_source:
            await self._delete_remote(source)
        self._progress.finished()
        return Outcome.DONE

    async def _exact(self, source: Item) -> Item:
        there = await self._link.ask(lambda: self._link.remote.stat(source.path))
        if there is None:
            raise RemoteError("download", "no such file or directory")
        return there

    async def _get(self, source: Item, target: str, existing: Item | None) -> Item:
        """Download; return ``source`` with the time that the server told."""
        chosen = self._options.down
        download = Download(self._link, source)
        await download.open()
        try:
            if download.mtime is not None:
                source = replace(source, mtime=download.mtime)
            temporary = names.base(target) + names.TEMPORARY if chosen.temp_name else None
            local = self._files.open_write(target, temporary)
            try:
                async for piece in self._decoded(download):
                    local.write(piece)
                if self._options.grant_to:
                    local.grant(self._options.grant_to)
                if existing and chosen.versioned:
                    self._put_aside_local(target)
                local.commit(source.mtime if chosen.adjust_time else None, durable=chosen.delete_source)
            except BaseException:
                local.abort()
                raise
        finally:
            await download.close()
        return source

    async def _decoded(self, download: Download) -> AsyncIterator[bytes]:
        decoder = self._codec.decoder() if self._codec else None
        begun = False
        while piece := await download.read():
            self._progress.moved(download.item.path, len(piece), download.at, download.size)
            if decoder is None:
                yield piece
                continue
            plain = decoder.update(piece) if begun else await self._begin(partial(decoder.update, piece))
            if plain:
                begun = True
                yield plain
        download.check_complete()
        if decoder:
            yield decoder.finish()

    def _put_aside_local(self, target: str) -> None:
        folder = names.below(names.parent(target), versions.FOLDER)
        self._files.make_dirs(folder)
        name = names.base(target)
        self._files.rename(target, names.below(folder, versions.version_name(name, datetime.now(UTC))))
        found = [item.name for item in self._files.list_dir(folder)]
        for old in versions.superfluous(found, name, self._options.down.versions):
            self._files.remove(names.below(folder, old))

    async def _delete_remote(self, source: Item) -> None:
        now = await self._link.ask(lambda: self._link.remote.stat(source.path))
        if now is None or (now.size, now.mtime) != (source.size, source.mtime):
            raise RemoteError("delete source", "the source changed while it was read, so it stays")
        await self._link.remote.remove_file(source.path)


def _pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the ``size`` bytes that the file had when it was opened."""
    left = size
    while left:
        try:
            piece = file.read(min(_PIECE_BYTES, left))
        except OSError:
            raise RemoteError("upload", "the source cannot be read") from None
        if not piece:
            raise RemoteError("upload", "the source became shorter while it was read")
        left -= len(piece)
        yield piece


def _encoded(pieces: Iterator[bytes], encoder: Coder | None) -> Iterator[bytes]:
    if not encoder:
        yield from pieces
        return
    for piece in pieces:
        if sealed := encoder.update(piece):
            yield sealed
    yield encoder.finish()
