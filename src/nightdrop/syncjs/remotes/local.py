"""The local side of transfers: files below one directory, out of which no path and no link leads."""

import contextlib
import os
import secrets
import stat as modes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from nightdrop.syncjs.remotes.port import Item, ItemKind

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


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
        """Give the file to an account of this machine."""
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


class FilesBelow:
    """Files below ``root``; ``/`` at a path's start means ``root``. No symbolic link is followed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def list_dir(self, path: str) -> Iterator[Item]:
        folder = "/".join(_parts(path))
        with _trouble(), self._directory(_parts(path)) as fd:
            names = os.listdir(fd)  # noqa: PTH208 - of an open directory
            found = [_entry(fd, name, f"{folder}/{name}" if folder else name) for name in sorted(names)]
        yield from (item for item in found if item)

    def stat(self, path: str) -> Item | None:
        parts = _parts(path)
        if not parts:
            return Item("", "", ItemKind.DIR)
        try:
            with self._directory(parts[:-1]) as fd:
                return _entry(fd, parts[-1], "/".join(parts))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as exc:
            raise _local_error(exc) from None

    def open_read(self, path: str) -> BinaryIO:
        with _trouble(), self._parent(path) as (fd, name):
            # Not to wait for the other end of a pipe.
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=fd)
            if not modes.S_ISREG(os.fstat(file).st_mode):
                os.close(file)
                raise LocalFileError("not a regular file")
            return os.fdopen(file, "rb", buffering=0)

    def open_write(self, path: str, temporary: str | None) -> LocalWriter:
        with _trouble(), self._parent(path) as (fd, name):
            exclusive = 0 if temporary else os.O_EXCL
            called = temporary or f".{name[:200]}.{secrets.token_hex(4)}.part"
            file = os.open(called, _NEW | exclusive, 0o666, dir_fd=fd)
            if not modes.S_ISREG(os.fstat(file).st_mode):
                os.close(file)
                raise LocalFileError("not a regular file")
            os.ftruncate(file, 0)
            return _FileWriter(os.dup(fd), file, called, name)

    def make_dirs(self, path: str) -> None:
        parts = _parts(path)
        with _trouble():
            for count in range(1, len(parts) + 1):
                with self._directory(parts[: count - 1]) as fd, contextlib.suppress(FileExistsError):
                    os.mkdir(parts[count - 1], dir_fd=fd)
            with self._directory(parts):
                pass

    def rename(self, old: str, new: str) -> None:
        with _trouble(), self._parent(old) as (source, name), self._parent(new) as (target, other):
            os.rename(name, other, src_dir_fd=source, dst_dir_fd=target)

    def remove(self, path: str) -> None:
        with _trouble(), self._parent(path) as (fd, name):
            os.unlink(name, dir_fd=fd)

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        *folders, name = _parts(path) or [""]
        if not name:
            raise LocalFileError("a file name is missing")
        with self._directory(folders) as fd:
            yield fd, name

    @contextmanager
    def _directory(self, folders: list[str]) -> Iterator[int]:
        fd = os.open(self._root, _DIRECTORY)
        try:
            for folder in folders:
                inner = os.open(folder, _DIRECTORY, dir_fd=fd)
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)


class _FileWriter:
    def __init__(self, folder: int, file: int, called: str, name: str) -> None:
        self._folder, self._file, self._called, self._name = folder, file, called, name

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        with _trouble():
            while view:
                view = view[os.write(self._file, view) :]

    def grant(self, user: str) -> None:
        import pwd

        try:
            account = pwd.getpwnam(user)
            os.fchown(self._file, account.pw_uid, account.pw_gid)
        except KeyError:
            raise LocalFileError("OnDownloadGrantTo: there is no such account") from None
        except OSError:
            raise LocalFileError("OnDownloadGrantTo: only a worker that runs as root may give files away") from None

    def commit(self, mtime: float | None, *, durable: bool) -> None:
        with _trouble():
            if mtime is not None:
                os.utime(self._file, (mtime, mtime))
            if durable:
                os.fsync(self._file)
            os.rename(self._called, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            if durable:
                os.fsync(self._folder)
        self._close()

    def abort(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._called, dir_fd=self._folder)
        self._close()

    def _close(self) -> None:
        os.close(self._file)
        os.close(self._folder)


def _parts(path: str) -> list[str]:
    if "\x00" in path:
        raise LocalFileError("a path must not hold a zero byte")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise LocalFileError("a path must not lead upwards")
    return parts


def _entry(folder: int, name: str, path: str) -> Item | None:
    try:
        found = os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None
    kind = {modes.S_IFREG: ItemKind.FILE, modes.S_IFDIR: ItemKind.DIR}.get(modes.S_IFMT(found.st_mode), ItemKind.OTHER)
    permissions = modes.filemode(found.st_mode)[1:]
    size = found.st_size if kind is ItemKind.FILE else 0
    return Item(name, path, kind, size, found.st_mtime, permissions, link=modes.S_ISLNK(found.st_mode))


@contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as exc:
        raise _local_error(exc) from None


def _local_error(exc: Exception) -> LocalFileError:
    # The system's own words, without the path that is in str().
    reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "not a path"
    return LocalFileError(reason[:1].lower() + reason[1:])
