"""Many files: masks become files, and as many of them are on their way at once as the connection takes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from nightdrop.syncjs.remotes import names, tree, versions
from nightdrop.syncjs.remotes.known import WORTHWHILE, Known
from nightdrop.syncjs.remotes.link import Link
from nightdrop.syncjs.remotes.local import LocalFileError, LocalFiles
from nightdrop.syncjs.remotes.port import Item, ItemKind, Limits, RemoteError
from nightdrop.syncjs.remotes.progress import Progress
from nightdrop.syncjs.remotes.transfer import CodecError, Transfer

# What each place of a connection stands for: larger files take more of them, up to all, as their buffers are larger.
_PLACE_BYTES = 64 * 1024

Job = tuple[Item, str]


class Batch:
    """The transfers of one call. Each method returns whether everything went well."""

    def __init__(
        self,
        link: Link,
        files: LocalFiles,
        transfer: Transfer,
        progress: Progress,
        limits: Limits,
        *,
        suffix: str = "",
        stop_on_error: bool = False,
    ) -> None:
        self._link = link
        self._files = files
        self._transfer = transfer
        self._progress = progress
        self._limits = limits
        self._suffix = suffix
        self._stop = stop_on_error
        self._stopped = False
        self._known: dict[str, Known] = {}
        self._made: dict[str, asyncio.Task[None]] = {}

    async def upload(self, mask: str, folder: str, *, recursive: bool) -> bool:
        """Upload the local files that fit ``mask`` into the remote ``folder``."""
        return await self._run("upload", mask, self._prepared(mask, folder, recursive), self._upload)

    async def upload_with_path(self, path: str, folder: str, levels: int) -> bool:
        """Upload a local file, with the names of ``levels`` directories above it, into the remote ``folder``."""
        return await self._run("upload", path, self._local_job(path, folder, levels), self._upload)

    async def download(self, mask: str, folder: str, *, recursive: bool) -> bool:
        """Download the remote files that fit ``mask`` into the local ``folder``."""
        return await self._run("download", mask, self._remote_jobs(mask, folder, recursive), self._download)

    async def download_with_path(self, path: str, folder: str, levels: int) -> bool:
        """Download a remote file, with the names of ``levels`` directories above it, into the local ``folder``."""
        return await self._run("download", path, self._remote_job(path, folder, levels), self._download)

    async def _run(
        self, step: str, mask: str, jobs: AsyncIterator[Job], work: Callable[[Job], Awaitable[object]]
    ) -> bool:
        # To stop at the first failure, nothing may be under way beside it.
        gate = _Gate(1 if self._stop else self._link.remote.parallel)
        async with asyncio.TaskGroup() as group:
            try:
                async for job in jobs:
                    weight = await gate.enter(job[0].size)
                    if self._stopped:
                        break
                    group.create_task(self._one(step, job, work, gate, weight))
            except (RemoteError, LocalFileError) as exc:
                self._progress.fail(step, mask, reason(exc))
        await self._look_again()
        self._progress.close()
        return not self._progress.failed

    async def _one(
        self, step: str, job: Job, work: Callable[[Job], Awaitable[object]], gate: "_Gate", weight: int
    ) -> None:
        try:
            await work(job)
        except (RemoteError, LocalFileError, CodecError) as exc:
            self._progress.fail(step, job[0].path, reason(exc))
            self._stopped = self._stopped or self._stop
        finally:
            gate.leave(weight)

    async def _upload(self, job: Job) -> None:
        source, target = job
        folder = names.parent(target)
        await self._remote_dir(folder)
        await self._transfer.upload(source, target, self._known.get(folder))

    async def _download(self, job: Job) -> None:
        source, target = job
        self._files.make_dirs(names.parent(target))
        await self._transfer.download(source, target)

    async def _prepared(self, mask: str, folder: str, recursive: bool) -> AsyncIterator[Job]:
        """Yield the jobs; look first at the directories that many files go to."""
        jobs = [job async for job in self._local_jobs(mask, folder, recursive)]
        counts = Counter(names.parent(target) for _, target in jobs)
        for place, count in counts.items():
            if count >= WORTHWHILE:
                await self._remote_dir(place)
                self._known[place] = Known(self._link, place, count)
                if self._link.remote.exact_times or not self._transfer.compares_times:
                    await self._known[place].look()
        for job in jobs:
            yield job

    async def _look_again(self) -> None:
        for folder, known in self._known.items():
            try:
                for source, why in await known.missing():
                    self._progress.lost(source, why)
            except RemoteError as exc:
                self._progress.fail("upload", folder, f"whether all files arrived is not known: {reason(exc)}")

    async def _remote_dir(self, folder: str) -> None:
        """Make a directory once, however many files go there."""
        if folder not in self._made:
            self._made[folder] = asyncio.ensure_future(
                self._link.ask(lambda: tree.make_dirs(self._link.remote, folder))
            )
        await self._made[folder]

    async def _local_jobs(self, mask: str, folder: str, recursive: bool) -> AsyncIterator[Job]:
        start, pattern = names.split_mask(mask)
        target = names.checked("upload", folder)
        found = False
        for relative, item in self._local_walk(start, "", recursive):
            if names.matches(item.name, pattern):
                found = True
                yield item, names.below(names.below(target, relative) if relative else target, self._sealed(item.name))
        self._none(found, pattern)

    def _local_walk(self, folder: str, relative: str, recursive: bool, depth: int = 0) -> Iterator[tuple[str, Item]]:
        if depth > self._limits.depth:
            raise LocalFileError(f"directories are nested deeper than {self._limits.depth}")
        for item in self._files.list_dir(folder):
            if item.kind is ItemKind.FILE and not item.name.endswith(names.TEMPORARY):
                yield relative, item
            elif recursive and item.is_dir and item.name != versions.FOLDER:
                yield from self._local_walk(item.path, names.below(relative, item.name), recursive, depth + 1)

    async def _local_job(self, path: str, folder: str, levels: int) -> AsyncIterator[Job]:
        item = self._files.stat(path)
        if item is None or item.kind is not ItemKind.FILE:
            raise LocalFileError("no such file")
        above = _last_parts(names.parent(item.path), levels)
        target = names.checked("upload", folder)
        yield item, names.below(names.below(target, above) if above else target, self._sealed(names.base(item.path)))

    async def _remote_jobs(self, mask: str, folder: str, recursive: bool) -> AsyncIterator[Job]:
        start, pattern = names.split_mask(names.checked("download", mask))
        found = False
        # Listed to the end first: some protocols do one thing at a time, and sources may be deleted.
        listed = await self._link.ask(lambda: self._listed(start, pattern, recursive))
        for relative, item in sorted(listed, key=lambda entry: entry[1].path):
            wanted = item.kind is ItemKind.FILE and not item.name.endswith(names.TEMPORARY)
            if not wanted or not names.matches(self._opened(item.name), pattern):
                continue
            found = True
            if not all(names.is_local_name(part) for part in names.below(relative, self._opened(item.name)).split("/")):
                self._progress.fail("download", item.path, "a local file cannot have this name")
                self._stopped = self._stopped or self._stop
                continue
            yield item, names.below(names.below(folder, relative) if relative else folder, self._opened(item.name))
        self._none(found, pattern)

    async def _listed(self, start: str, pattern: str, recursive: bool) -> list[tuple[str, Item]]:
        return [entry async for entry in self._remote_walk(start, pattern, recursive)]

    async def _remote_walk(self, start: str, pattern: str, recursive: bool) -> AsyncIterator[tuple[str, Item]]:
        times = self._transfer.compares_source_times
        if recursive:
            async for relative, item in tree.walk(self._link.remote, start, self._limits, times=times):
                if versions.FOLDER not in names.below(relative, "").split("/"):
                    yield relative, item
        elif names.is_wild(pattern):
            budget = tree.Budget(self._limits)
            async for item in tree.entries(self._link.remote, start, budget, times=times):
                yield "", item
        else:
            # One name: a directory of a million files need not be listed for it.
            path = names.below(start, self._sealed(pattern))
            found = await self._link.remote.stat(path)
            if found:
                yield "", found

    async def _remote_job(self, path: str, folder: str, levels: int) -> AsyncIterator[Job]:
        path = names.checked("download", path)
        item = await self._link.ask(lambda: self._link.remote.stat(path))
        if item is None or item.kind is not ItemKind.FILE:
            raise RemoteError("download", "no such file")
        above = _last_parts(names.parent(path), levels)
        yield item, names.below(names.below(folder, above) if above else folder, self._opened(names.base(path)))

    def _none(self, found: bool, pattern: str) -> None:
        if not found and names.is_wild(pattern):
            self._progress.warn(f"no file fits {pattern}")
        elif not found:
            raise RemoteError("find", "no such file")

    def _sealed(self, name: str) -> str:
        return name + self._suffix

    def _opened(self, name: str) -> str:
        return name.removesuffix(self._suffix) if self._suffix else name


class _Gate:
    """Lets many small files in, or few large ones."""

    def __init__(self, places: int) -> None:
        self._places = self._free = places
        self._waiters: list[asyncio.Future[None]] = []

    async def enter(self, size: int) -> int:
        """Wait until there is room for a file of ``size`` bytes; return how many places it takes."""
        weight = min(self._places, 1 + size // _PLACE_BYTES)
        while self._free < weight:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        self._free -= weight
        return weight

    def leave(self, weight: int) -> None:
        self._free += weight
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


def reason(exc: BaseException) -> str:
    """Return why, in a sentence that may be logged."""
    if isinstance(exc, RemoteError):
        return exc.reason if exc.step in ("upload", "download", "find") else f"{exc.step}: {exc.reason}"
    return str(exc)


def _last_parts(folder: str, count: int) -> str:
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise RemoteError("path", "a path must not lead upwards")
    return "/".join(parts[len(parts) - count :]) if 0 < count < len(parts) else "/".join(parts) if count > 0 else ""
