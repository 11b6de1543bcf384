"""The methods of a connected client, as a script calls them."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nightdrop.syncjs.remotes import names, tree
from nightdrop.syncjs.remotes.batch import Batch
from nightdrop.syncjs.remotes.link import Link
from nightdrop.syncjs.remotes.local import LocalFiles
from nightdrop.syncjs.remotes.options import Options
from nightdrop.syncjs.remotes.port import Item, ItemKind, Limits, Remote, RemoteError
from nightdrop.syncjs.remotes.progress import Log, Progress
from nightdrop.syncjs.remotes.transfer import Codec, Transfer

LIST_ALL, LIST_FILES, LIST_DIRS = 0, 1, 2
_MAX_LEVELS = 100


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument; ``default`` makes it optional."""

    name: str
    kind: type[str] | type[int] = str
    default: str | int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One method: its arguments, its result when it fails, and what it does.

    ``again`` marks those that are simply done again when the connection turns out to be lost.
    """

    parameters: tuple[Parameter, ...]
    failed: Any
    act: Callable[..., Awaitable[Any]]
    again: bool = False


class Session:
    """What the methods work with during one call."""

    def __init__(
        self, remote: Remote, files: LocalFiles, options: Options, log: Log, limits: Limits, codec: Codec | None
    ) -> None:
        self.remote = remote
        self._files, self._options, self._log, self._limits, self._codec = files, options, log, limits, codec
        self._progress: list[Progress] = []

    @property
    def moved(self) -> int:
        """How many bytes of files have been moved."""
        return sum(progress.bytes for progress in self._progress)

    def batch(self, doing: str, done: str) -> Batch:
        progress = Progress(self._log, doing, done, time.monotonic)
        self._progress.append(progress)
        link = Link(self.remote)
        transfer = Transfer(link, self._files, self._options, progress, self._codec)
        return Batch(
            link,
            self._files,
            transfer,
            progress,
            self._limits,
            suffix=self._options.suffix,
            stop_on_error=self._options.stop_on_error,
        )

    async def perform(self, call: Call, values: list[Any]) -> Any:
        """Return the result of a method."""
        if not call.again:
            return await call.act(self, *values)
        return await Link(self.remote).ask(lambda: call.act(self, *values))

    async def list_dir(self, folder: str, types: int) -> list[dict[str, Any]]:
        budget = tree.Budget(self._limits)
        found = [item async for item in tree.entries(self.remote, names.checked("list", folder), budget)]
        return self._shown(item for item in found if _wanted(item, types))

    async def list_dir_r(self, folder: str, types: int) -> list[dict[str, Any]]:
        walk = tree.walk(self.remote, names.checked("list", folder), self._limits)
        return self._shown([item async for _, item in walk if _wanted(item, types)])

    async def list_files(self, folder: str, mask: str) -> list[dict[str, Any]]:
        budget = tree.Budget(self._limits)
        found = [item async for item in tree.entries(self.remote, names.checked("list", folder), budget)]
        return self._shown(i for i in found if i.kind is ItemKind.FILE and names.matches(i.name, mask))

    async def list_files_r(self, folder: str, mask: str) -> list[dict[str, Any]]:
        walk = tree.walk(self.remote, names.checked("list", folder), self._limits)
        return self._shown([i async for _, i in walk if i.kind is ItemKind.FILE and names.matches(i.name, mask)])

    def _shown(self, items: Any) -> list[dict[str, Any]]:
        shown, hidden = [], 0
        for item in sorted(items, key=lambda item: item.path):
            if names.is_text(item.path):
                shown.append(as_json(item))
            else:
                hidden += 1
        if hidden:
            self._log("warn", f"{hidden} names are left out of a list, as they are not UTF-8")
        return shown

    async def make_dir(self, folder: str) -> bool:
        await tree.make_dirs(self.remote, names.checked("make directory", folder))
        return True

    async def rename_dir(self, old: str, new: str) -> bool:
        old, new = names.checked("rename", old), names.checked("rename", new)
        await self._expect(old, directory=True)
        await self._expect_nothing(new)
        await tree.rename_dir(self.remote, old, new, self._limits)
        return True

    async def rename_file(self, old: str, new: str) -> bool:
        old, new = names.checked("rename", old), names.checked("rename", new)
        await self._expect(old, directory=False)
        await self._expect_nothing(new)
        await self.remote.rename(old, new)
        return True

    async def delete_dir(self, folder: str) -> bool:
        await self.remote.remove_dir(names.checked("delete", folder))
        return True

    async def delete_tree(self, folder: str) -> bool:
        folder = names.checked("delete", folder)
        await self._expect(folder, directory=True)
        await tree.delete_tree(self.remote, folder, self._limits)
        return True

    async def delete_file(self, path: str) -> bool:
        await self.remote.remove_file(names.checked("delete", path))
        return True

    async def stat(self, path: str) -> dict[str, Any] | None:
        item = await self.remote.stat(names.checked("stat", path))
        return as_json(item) if item else None

    async def exists(self, path: str) -> bool:
        return await self.remote.stat(names.checked("stat", path)) is not None

    async def upload(self, mask: str, folder: str) -> bool:
        return await self.batch("uploading", "uploaded").upload(mask, folder, recursive=False)

    async def upload_r(self, mask: str, folder: str) -> bool:
        return await self.batch("uploading", "uploaded").upload(mask, folder, recursive=True)

    async def upload_with_path(self, path: str, folder: str, levels: int) -> bool:
        return await self.batch("uploading", "uploaded").upload_with_path(path, folder, levels)

    async def download(self, mask: str, folder: str) -> bool:
        return await self.batch("downloading", "downloaded").download(mask, folder, recursive=False)

    async def download_r(self, mask: str, folder: str) -> bool:
        return await self.batch("downloading", "downloaded").download(mask, folder, recursive=True)

    async def download_with_path(self, path: str, folder: str, levels: int) -> bool:
        return await self.batch("downloading", "downloaded").download_with_path(path, folder, levels)

    async def _expect(self, path: str, *, directory: bool) -> None:
        item = await self.remote.stat(path)
        if item is None:
            raise RemoteError("find", "no such directory" if directory else "no such file")
        if item.is_dir is not directory:
            raise RemoteError("find", "this is a file" if directory else "this is a directory")

    async def _expect_nothing(self, path: str) -> None:
        if await self.remote.stat(path):
            raise RemoteError("rename", "there is something of the new name already")


_FOLDER, _PATH = Parameter("dir"), Parameter("path")
_TYPES = Parameter("types", int, LIST_ALL)
_LEVELS = Parameter("levels", int, _MAX_LEVELS)

CALLS: Mapping[str, Call] = {
    "ListDir": Call((_FOLDER, _TYPES), [], Session.list_dir, again=True),
    "ListDirR": Call((_FOLDER, _TYPES), [], Session.list_dir_r, again=True),
    "ListFiles": Call((_FOLDER, Parameter("mask", str, "*")), [], Session.list_files, again=True),
    "ListFilesR": Call((_FOLDER, Parameter("mask", str, "*")), [], Session.list_files_r, again=True),
    "MakeDir": Call((_FOLDER,), False, Session.make_dir, again=True),
    "RenDir": Call((Parameter("what"), Parameter("toWhere")), False, Session.rename_dir),
    "DelDir": Call((_FOLDER,), False, Session.delete_dir),
    "DelTree": Call((_FOLDER,), False, Session.delete_tree),
    "RenFile": Call((Parameter("what"), Parameter("toWhere")), False, Session.rename_file),
    "DelFile": Call((_PATH,), False, Session.delete_file),
    "Stat": Call((_PATH,), None, Session.stat, again=True),
    "Exists": Call((_PATH,), False, Session.exists, again=True),
    "Upload": Call((Parameter("localMask"), Parameter("remoteDir")), False, Session.upload),
    "UploadR": Call((Parameter("localMask"), Parameter("remoteDir")), False, Session.upload_r),
    "UploadWithPath": Call((Parameter("localFile"), Parameter("remoteDir"), _LEVELS), False, Session.upload_with_path),
    "Download": Call((Parameter("remoteMask"), Parameter("localDir")), False, Session.download),
    "DownloadR": Call((Parameter("remoteMask"), Parameter("localDir")), False, Session.download_r),
    "DownloadWithPath": Call(
        (Parameter("remoteFile"), Parameter("localDir"), _LEVELS), False, Session.download_with_path
    ),
}


def arguments(call: Call, given: list[Any]) -> list[Any]:
    """Return the arguments of a call, with defaults.

    Raises:
        RemoteError: one is missing or of the wrong type.
    """
    values: list[Any] = []
    for at, parameter in enumerate(call.parameters):
        value = given[at] if at < len(given) and given[at] is not None else parameter.default
        if parameter.kind is int and isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, parameter.kind):
            kind = "text" if parameter.kind is str else "a whole number"
            raise RemoteError("arguments", f"{parameter.name} must be {kind}")
        values.append(value)
    return values


def as_json(item: Item) -> dict[str, Any]:
    """Return a ``DirListItem``; ``TimeStamp`` in milliseconds since 1970 UTC, or null."""
    return {
        "Name": item.name,
        "Path": item.path,
        "Type": item.kind.value,
        "Size": item.size,
        "TimeStamp": None if item.mtime is None else item.mtime * 1000,
        "Permissions": item.permissions,
    }


def _wanted(item: Item, types: int) -> bool:
    return types == LIST_ALL or item.kind is (ItemKind.DIR if types == LIST_DIRS else ItemKind.FILE)
