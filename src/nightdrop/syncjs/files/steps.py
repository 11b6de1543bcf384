"""The steps that work with a site's files is made of.

A place is walked from a directory of the site, part by part, and no step follows a symbolic link or goes up: what
another process swaps meanwhile changes where a step leads, but not out. Only regular files are opened, and only
those without a second name: a hard link may be what somebody made of a file that he may not read himself. Landlock
stands behind all this.
"""

import io
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from nightdrop.core.directories import open_below
from nightdrop.syncjs.files.problem import FileProblem, explained
from nightdrop.syncjs.files.roots import MAX_DEPTH, Place

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

MAX_LISTED = 100_000
CHUNK = 1 << 20
SAFE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_LISTING = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def directory(place: Place) -> Iterator[int]:
    """Open the directory at ``place`` (O_PATH).

    Raises:
        FileProblem
    """
    with explained():
        fd = os.dup(place.root.descriptor())
    try:
        for name in place.parts:
            with explained():
                below = open_below(fd, name)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


@contextmanager
def folder_of(place: Place) -> Iterator[int]:
    """Open the directory in which ``place`` is; see ``directory``."""
    with directory(place.above()) as fd:
        yield fd


def info_at(folder: int, name: str) -> os.stat_result | None:
    """Return the metadata of what has this name, ``None`` when nothing has.

    Raises:
        FileProblem
    """
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError:
        with explained():
            raise


def require_file(info: os.stat_result) -> None:
    """Check that this is a regular file.

    Raises:
        FileProblem
    """
    if stat.S_ISDIR(info.st_mode):
        raise FileProblem("it is a directory")
    if stat.S_ISLNK(info.st_mode):
        raise FileProblem("it is a symbolic link, and these are not followed")
    if not stat.S_ISREG(info.st_mode):
        raise FileProblem("it is not a regular file")


def open_regular(folder: int, name: str, flags: int, mode: int = 0) -> int:
    """Open a regular file that has one name; ``mode`` is for one that is made.

    Raises:
        FileProblem
    """
    # Opening can do something by itself, or wait: with a device, with a pipe.
    if (info := info_at(folder, name)) is not None:
        _require_only_name(info)
    with explained():
        fd = os.open(name, flags | SAFE, mode, dir_fd=folder)
    try:
        _require_only_name(os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise
    return fd


def permissions_to_keep(folder: int, name: str) -> int | None:
    """Return the permissions of the file that is to be replaced, ``None`` when there is none.

    Raises:
        FileProblem: what is there is not a file.
    """
    if (info := info_at(folder, name)) is None:
        return None
    require_file(info)
    return stat.S_IMODE(info.st_mode) & 0o777


def create(folder: int, name: str, mode: int) -> int:
    """Make a new file; return a descriptor to write to.

    Raises:
        FileProblem
    """
    with explained():
        return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE, mode, dir_fd=folder)


def open_temporary(folder: int, mode: int) -> tuple[str, int]:
    """Make a file that is not finished; return its name and a descriptor to write to.

    Raises:
        FileProblem
    """
    name = temporary_name()
    return name, create(folder, name, mode)


def temporary_name() -> str:
    """Return the name of what is not finished."""
    return f".{secrets.token_hex(8)}.part"


def make_dirs(place: Place) -> int:
    """Make a directory and those above it; return how many of them were not there.

    Raises:
        FileProblem
    """
    made, mode = 0, 0o700 if place.root.private else 0o777
    with directory(Place(place.root, (), "")) as start, explained():
        fd = os.dup(start)
        try:
            for name in place.parts:
                made += _make_dir(fd, name, mode)
                below = open_below(fd, name)
                os.close(fd)
                fd = below
        finally:
            os.close(fd)
    return made


@contextmanager
def temporary_directory(folder: int) -> Iterator[int]:
    """Make a directory for what is not finished; it is deleted at the end of the block, with what is left in it.

    Raises:
        FileProblem
    """
    name = temporary_name()
    with explained():
        os.mkdir(name, 0o700, dir_fd=folder)
    try:
        with explained():
            fd = open_below(folder, name)
        try:
            yield fd
        finally:
            os.close(fd)
    finally:
        delete_tree(folder, name)


def delete_tree(folder: int, name: str, depth: int = 0) -> None:
    """Delete the directory ``name`` with everything in it; links are deleted, what they lead to stays.

    Raises:
        FileProblem
    """
    if depth > MAX_DEPTH:
        raise FileProblem("its directories are nested too deeply")
    with explained():
        inner = open_below(folder, name)
        try:
            for below, is_dir in names_in(inner):
                if is_dir:
                    delete_tree(inner, below, depth + 1)
                else:
                    os.unlink(below, dir_fd=inner)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=folder)


def names_in(folder: int) -> list[tuple[str, bool]]:
    """Return the names in a directory, and which are directories themselves.

    Raises:
        FileProblem: it cannot be read, or holds too many.
    """
    with explained():
        fd = os.open(".", _LISTING, dir_fd=folder)
        try:
            found: list[tuple[str, bool]] = []
            with os.scandir(fd) as entries:
                for entry in entries:
                    if len(found) == MAX_LISTED:
                        raise FileProblem(f"the directory has more than {MAX_LISTED} entries")
                    found.append((entry.name, entry.is_dir(follow_symlinks=False)))
            return found
        finally:
            os.close(fd)


def reader(fd: int) -> BinaryIO:
    """Return a file object that reads from ``fd`` and closes it; its failures are ``FileProblem``."""
    return cast("BinaryIO", io.BufferedReader(_Input(fd, "rb")))


def writer(fd: int) -> BinaryIO:
    """Return a file object that writes to ``fd`` and closes it; its failures are ``FileProblem``."""
    return cast("BinaryIO", io.BufferedWriter(_Output(fd, "wb")))


class _Input(io.FileIO):
    # So that who reads here and writes to a socket can tell which of the two failed.
    def readinto(self, buffer: "WriteableBuffer") -> int:
        with explained():
            return super().readinto(buffer)


class _Output(io.FileIO):
    def write(self, data: "ReadableBuffer") -> int:
        with explained():
            return super().write(data)


def _make_dir(folder: int, name: str, mode: int) -> int:
    try:
        os.mkdir(name, mode, dir_fd=folder)
    except FileExistsError:
        return 0
    return 1


def _require_only_name(info: os.stat_result) -> None:
    require_file(info)
    if info.st_nlink > 1:
        raise FileProblem("it has a second name (a hard link), so it may be a file from elsewhere")
