"""Object stores as directories and files: a slash in a key makes a directory.

A directory is what begins with its name and a slash. One that is made has a marker, an empty object named ``dir/``;
one that is not vanishes with its last file. Copies are made by the store itself.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import ClassVar

from nightdrop.syncjs.remotes import names
from nightdrop.syncjs.remotes.objectfile import ObjectReader, ObjectWriter
from nightdrop.syncjs.remotes.port import Item, ItemKind, Limits, RemoteError, clean
from nightdrop.syncjs.remotes.store import Listed, Store, Stored

_PARALLEL = 8


class ObjectRemote:
    """A bucket of any store."""

    renames_dirs: ClassVar[bool] = False
    # Files that break off are taken up again by reader and writer themselves.
    can_resume: ClassVar[bool] = False
    confirms_writes: ClassVar[bool] = False
    writes_whole: ClassVar[bool] = True
    writes_times: ClassVar[bool] = True
    tells_times: ClassVar[bool] = True
    dirs_vanish: ClassVar[bool] = True

    def __init__(self, store: Store, limits: Limits, warn: Callable[[str], None], *, real_times: bool) -> None:
        self.parallel = _PARALLEL
        self.exact_times = store.lists_times or real_times
        self._store = store
        self._limits = limits
        self._warn = warn
        self._asks_times = real_times and not store.lists_times
        # Keys that stat() found to be nothing: the writer need not look for a directory there again.
        self._free: set[str] = set()

    async def connect(self) -> None:
        try:
            async with asyncio.timeout(self._limits.connect_s):
                await self._store.check()
        except TimeoutError:
            await self._store.close()
            raise RemoteError("connect", "the server did not answer in time", lost=True) from None
        except RemoteError as exc:
            await self._store.close()
            raise RemoteError("connect", exc.reason, lost=exc.lost) from None

    async def close(self) -> None:
        self._free.clear()
        await self._store.close()

    async def list_dir(self, path: str, *, times: bool = True) -> AsyncGenerator[Item]:
        prefix = folder_key("list", path)
        found = not prefix
        asks = times and self._asks_times
        odd = _OddKeys()
        waiting: list[Item] = []
        async with aclosing(_checked(self._store, prefix)) as listing:
            async for listed in listing:
                found = True
                if listed.key == prefix and not listed.folder:
                    continue
                item = _item(path, prefix, listed)
                if not names.is_name(item.name) and "/" not in item.name:
                    odd.add(listed.key)
                elif asks:
                    waiting.append(item)
                else:
                    yield item
                if len(waiting) == self.parallel:
                    for item in await self._timed(waiting):
                        yield item
                    waiting = []
        for item in await self._timed(waiting):
            yield item
        odd.tell(self._warn)
        if not found:
            raise RemoteError("list", "no such directory")

    async def _timed(self, items: list[Item]) -> list[Item]:
        """Give files the times that are kept with them."""
        return list(await asyncio.gather(*(self._with_time(item) for item in items)))

    async def _with_time(self, item: Item) -> Item:
        if item.is_dir:
            return item
        stored = await self._store.head(key_of("list", item.path))
        return _file(item.path, stored) if stored else item

    async def stat(self, path: str) -> Item | None:
        key = key_of("stat", path)
        if not key:
            return Item(names.base(path), path, ItemKind.DIR)
        stored = await self._store.head(key)
        if stored:
            return _file(path, stored)
        if await self._is_dir(key):
            return Item(names.base(path), path, ItemKind.DIR)
        self._free.add(key)
        return None

    async def _is_dir(self, key: str) -> bool:
        return bool(await self._first(f"{key}/", 1))

    async def _first(self, prefix: str, count: int) -> list[str]:
        """Return the first keys that begin with ``prefix``."""
        found: list[str] = []
        async with aclosing(self._store.list(prefix, flat=True, most=count)) as listing:
            async for listed in listing:
                found.append(listed.key)
                if len(found) >= count:
                    break
        return found

    async def make_dir(self, path: str) -> None:
        key = folder_key("make directory", path)
        if key:
            await self._store.put(key, b"", None)

    async def remove_file(self, path: str) -> None:
        key = key_of("delete", path)
        await self._known("delete", key)
        await self._store.delete(key)

    async def _known(self, step: str, key: str) -> Stored:
        stored = await self._store.head(key) if key else None
        if stored is None:
            raise RemoteError(step, "no such file")
        return stored

    async def remove_dir(self, path: str) -> None:
        key = folder_key("delete", path)
        if not key:
            raise RemoteError("delete", "the whole server is not deleted at once")
        found = await self._first(key, 2)
        if not found:
            raise RemoteError("delete", "no such directory")
        if found != [key]:
            raise RemoteError("delete", "the directory is not empty")
        await self._store.delete(key)

    async def rename(self, old: str, new: str) -> None:
        source, target = key_of("rename", old), key_of("rename", new)
        stored = await self._known("rename", source)
        if not target or await self._is_dir(target):
            raise RemoteError("rename", "there is a directory of the new name")
        if source != target:
            await self._store.copy(source, target, stored)
            await self._store.delete(source)

    async def set_mtime(self, path: str, when: float) -> bool:
        """Return False: times are written with the data."""
        del path, when
        return False

    def note_no_directory(self, path: str) -> None:
        self._free.add(key_of("upload", path))

    async def open_read(self, path: str, offset: int = 0) -> ObjectReader:
        reader = ObjectReader(self._store, key_of("download", path), offset)
        await reader.open()
        return reader

    async def open_write(
        self, path: str, size: int | None, offset: int = 0, mtime: float | None = None
    ) -> ObjectWriter:
        key = key_of("upload", path)
        if offset:
            raise RemoteError("upload", "an object cannot be continued")
        if not key or (key not in self._free and await self._is_dir(key)):
            raise RemoteError("upload", "the target is a directory")
        self._free.discard(key)
        return ObjectWriter(self._store, key, size, mtime)


def key_of(step: str, path: str) -> str:
    """Return the key of a path: relative to the bucket, without ``.`` and doubled slashes.

    Raises:
        RemoteError: the path leads upwards.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise RemoteError(step, "a path must not lead upwards")
    return "/".join(parts)


def folder_key(step: str, path: str) -> str:
    """Return what all keys in a directory begin with, ``""`` for the bucket itself."""
    key = key_of(step, path)
    return f"{key}/" if key else ""


class _OddKeys:
    """Keys that make no path, such as ``a//b`` or ``../c``: owners of buckets may well have some."""

    def __init__(self) -> None:
        self._count = 0
        self._first = ""

    def add(self, key: str) -> None:
        self._count += 1
        self._first = self._first or key

    def tell(self, warn: Callable[[str], None]) -> None:
        if self._count:
            what = "1 key is" if self._count == 1 else f"{self._count} keys are"
            warn(f"{what} left out of a listing, as no path leads there; the first begins with {clean(self._first)!r}")


async def _checked(store: Store, prefix: str) -> AsyncGenerator[Listed]:
    async for listed in store.list(prefix, flat=False):
        rest = listed.key.removeprefix(prefix) if listed.key.startswith(prefix) else None
        if rest is None or (listed.folder and not rest.endswith("/")):
            raise RemoteError("list", "the server lists what it was not asked for")
        yield listed


def _item(path: str, prefix: str, listed: Listed) -> Item:
    name = listed.key[len(prefix) :]
    if listed.folder:
        name = name[:-1]
        return Item(name, names.below(path, name), ItemKind.DIR)
    return Item(name, names.below(path, name), ItemKind.FILE, listed.size, listed.mtime)


def _file(path: str, stored: Stored) -> Item:
    return Item(names.base(path), path, ItemKind.FILE, stored.size, stored.mtime)
