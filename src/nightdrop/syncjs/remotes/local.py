"""The local side of transfers."""

import contextlib
import errno
import os
import stat as modes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol

from nightdrop.core.ownership import GivingRefusedError, give_away
from nightdrop.syncjs.files import FileProblem, Roots, steps
from nightdrop.syncjs.files.problem import reason_of
from nightdrop.syncjs.files.roots import Place
from nightdrop.syncjs.remotes.port import Item, ItemKind

# Gives an open file to an account; raises GivingRefusedError.
Give = Callable[[int, str], None]


class LocalFileError(Exception):
    """A local file cannot be used; the text says why and does not name the file."""


class LocalWriter(Protocol):
    """A new file that takes its place when it is complete."""

    def write(self, data: bytes) -> None: ...

    def commit(self, mtime: float | None, *, durable: bool) -> None:
        """Put the file in its place, over what is there; ``mtime`` in seconds since 1970 UTC.

        ``durable`` is for a file whose source will be deleted: it is on the disk when this returns.
        """
        ...

    def grant(self, user: str) -> None:
        """Say that ``commit`` shall give the file to an account of this machine."""
        ...

    def abort(self) -> None:
        """Remove what was written; never raises."""
        ...


class LocalFiles(Protocol):
    """Local files as a script names them. Every method raises ``LocalFileError`` and nothing else."""

    def list_dir(self, path: str) -> Iterator[Item]:
        """Yield what is in a directory; links are ``OTHER``."""
        ...

    def stat(self, path: str) -> Item | None:
        """Return what is at ``path``, ``None`` when there is nothing."""
        ...

    def open_read(self, path: str) -> BinaryIO: ...

    def open_write(self, path: str, temporary: str | None) -> LocalWriter:
        """Begin a file that will be ``path``; until then it is called ``temporary``, or something hidden."""
        ...

    def make_dirs(self, path: str) -> None:
        """Make a directory and its parents."""
        ...

    def rename(self, old: str, new: str) -> None: ...

    def remove(self, path: str) -> None: ...


class SiteFiles:
    """The files of a site, as ``syncjs.files`` keeps them inside: no link is followed, no path leads out."""

    def __init__(self, roots: Roots, give: Give = give_away) -> None:
        self._roots = roots
        self._give = give

    def list_dir(self, path: str) -> Iterator[Item]:
        with _trouble():
            place = self._roots.find(path)
            with steps.directory(place) as folder:
                names = sorted(name for name, _ in steps.names_in(folder))
                found = [_item(place.below(name), steps.info_at(folder, name)) for name in names]
        yield from (item for item in found if item)

    def stat(self, path: str) -> Item | None:
        try:
            place = self._roots.find(path)
            if not place.parts:
                return Item("", place.shown, ItemKind.DIR)
            with steps.folder_of(place) as folder:
                return _item(place, steps.info_at(folder, place.name))
        except FileProblem as problem:
            if problem.errno in (errno.ENOENT, errno.ENOTDIR):
                return None
            raise LocalFileError(problem.reason) from None

    def open_read(self, path: str) -> BinaryIO:
        with _trouble():
            place = self._roots.find(path)
            with steps.folder_of(place) as folder:
                return os.fdopen(steps.open_regular(folder, place.name, os.O_RDONLY), "rb", buffering=0)

    def open_write(self, path: str, temporary: str | None) -> LocalWriter:
        with _trouble():
            place = self._writable(path)
            with steps.folder_of(place) as folder:
                if temporary is None:
                    called, file = steps.open_temporary(folder, place.root.mode)
                else:
                    called = temporary
                    file = steps.open_regular(folder, called, os.O_WRONLY | os.O_CREAT, place.root.mode)
                    os.ftruncate(file, 0)
                return _FileWriter(os.dup(folder), file, called, place.name, self._give)

    def make_dirs(self, path: str) -> None:
        with _trouble():
            steps.make_dirs(self._writable(path))

    def rename(self, old: str, new: str) -> None:
        with _trouble():
            here, there = self._writable(old), self._writable(new)
            with steps.folder_of(here) as source, steps.folder_of(there) as target:
                os.rename(here.name, there.name, src_dir_fd=source, dst_dir_fd=target)

    def remove(self, path: str) -> None:
        with _trouble():
            place = self._writable(path)
            with steps.folder_of(place) as folder:
                os.unlink(place.name, dir_fd=folder)

    def _writable(self, path: str) -> Place:
        place = self._roots.find(path)
        if not place.root.writable:
            raise FileProblem(f"the site may only read in {place.root.path}")
        return place


class _FileWriter:
    def __init__(self, folder: int, file: int, called: str, name: str, give: Give) -> None:
        self._folder, self._file, self._called, self._name, self._give = folder, file, called, name, give
        self._owner = ""

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        with _trouble():
            while view:
                view = view[os.write(self._file, view) :]

    def grant(self, user: str) -> None:
        self._owner = user

    def commit(self, mtime: float | None, *, durable: bool) -> None:
        with _trouble():
            if mtime is not None:
                os.utime(self._file, (mtime, mtime))
            if durable:
                os.fsync(self._file)
            if self._owner:
                # Last: what is another's is not ours to change any more.
                self._give_away()
            os.rename(self._called, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            if durable:
                _sync_directory(self._folder)
        self._close()

    def _give_away(self) -> None:
        try:
            self._give(self._file, self._owner)
        except GivingRefusedError as refused:
            raise LocalFileError(f"OnDownloadGrantTo: {refused.message}") from None

    def abort(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._called, dir_fd=self._folder)
        self._close()

    def _close(self) -> None:
        os.close(self._file)
        os.close(self._folder)


def _sync_directory(folder: int) -> None:
    # The descriptor is O_PATH, and cannot be synced itself.
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _item(place: Place, info: os.stat_result | None) -> Item | None:
    if info is None:
        return None
    kinds = {modes.S_IFREG: ItemKind.FILE, modes.S_IFDIR: ItemKind.DIR}
    kind = kinds.get(modes.S_IFMT(info.st_mode), ItemKind.OTHER)
    permissions = modes.filemode(info.st_mode)[1:]
    size = info.st_size if kind is ItemKind.FILE else 0
    return Item(place.name, place.shown, kind, size, info.st_mtime, permissions, link=modes.S_ISLNK(info.st_mode))


@contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except FileProblem as problem:
        raise LocalFileError(problem.reason) from None
    except OSError as error:
        # Without the path, which is in str().
        raise LocalFileError(reason_of(error)) from None
