"""What can be done with the files of a site; how it is kept inside is said in ``steps``."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import BinaryIO

from nightdrop.syncjs.files import steps
from nightdrop.syncjs.files.problem import FileProblem, explained
from nightdrop.syncjs.files.roots import Place, Roots

_MISSING = {errno.ENOENT, errno.ENOTDIR}
_WILD = frozenset("*?[")
_ANY_DEPTH = "**"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory.

    ``path`` is what a script would write, ``inside`` the part of it below what was listed; ``size`` is in bytes,
    ``mtime_ns`` in nanoseconds since 1970.
    """

    name: str
    path: str
    inside: str
    is_dir: bool
    size: int
    mtime_ns: int
    mode: int
    inode: int


class Files:
    """The files of one site. Whatever cannot be done is a ``FileProblem``, with a reason for the log."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots

    def find(self, path: str) -> Place:
        """Return where a path leads; what is there is another question."""
        return self._roots.find(path)

    def look(self, path: str) -> Entry | None:
        """Return what is there, ``None`` when nothing is; links and devices are a problem."""
        place = self.find(path)
        try:
            with steps.folder_of(place) as folder:
                info = steps.info_at(folder, place.name) if place.parts else os.fstat(folder)
        except FileProblem as problem:
            if problem.errno in _MISSING:
                return None
            raise
        if info is None:
            return None
        if not stat.S_ISDIR(info.st_mode):
            steps.require_file(info)
        return _entry(place, info, place.shown)

    @contextmanager
    def reading(self, path: str) -> Iterator[BinaryIO]:
        """Open a file to read bytes from it."""
        place = self.find(path)
        with steps.folder_of(place) as folder:
            fd = steps.open_regular(folder, place.name, os.O_RDONLY)
        with steps.reader(fd) as file:
            yield file

    @contextmanager
    def appending(self, path: str) -> Iterator[BinaryIO]:
        """Open a file to write bytes at its end; it is made when there is none."""
        place = self._target(path)
        with steps.folder_of(place) as folder:
            fd = steps.open_regular(folder, place.name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, place.root.mode)
        with steps.writer(fd) as file:
            yield file

    @contextmanager
    def replacing(self, path: str, *, mtime_ns: int | None = None) -> Iterator[BinaryIO]:
        """Open a new file that takes the place of ``path`` when the block ends well, whole or not at all.

        It gets the permissions of the file that it replaces. ``mtime_ns`` becomes the time of its last change.
        """
        place = self._target(path)
        with steps.folder_of(place) as folder:
            mode = steps.permissions_to_keep(folder, place.name)
            temporary, fd = steps.open_temporary(folder, place.root.mode)
            try:
                with steps.writer(fd) as file:
                    yield file
                    file.flush()
                    _finish(fd, mode, mtime_ns)
                with explained():
                    os.rename(temporary, place.name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise

    def delete(self, path: str) -> None:
        """Delete a file."""
        place = self.writable(path)
        with steps.folder_of(place) as folder, explained():
            steps.require_file(os.stat(place.name, dir_fd=folder, follow_symlinks=False))
            os.unlink(place.name, dir_fd=folder)

    def copy(self, source: str, target: str) -> None:
        """Copy a file; a file at the target is replaced."""
        with self.reading(source) as from_file, self.replacing(target) as to_file:
            while data := from_file.read(steps.CHUNK):
                to_file.write(data)

    def move(self, source: str, target: str) -> None:
        """Move a file; a file at the target is replaced. Between file systems it is copied, then deleted."""
        try:
            self._rename(self.writable(source), self._target(target))
        except FileProblem as problem:
            if problem.errno != errno.EXDEV:
                raise
            self.copy(source, target)
            self.delete(source)

    def make_dir(self, path: str) -> None:
        """Make a directory and those above it; one that is there is fine."""
        steps.make_dirs(self.writable(path))

    def delete_dir(self, path: str) -> None:
        """Delete an empty directory."""
        place = self.writable(path)
        with steps.folder_of(place) as folder, explained():
            os.rmdir(place.name, dir_fd=folder)

    def delete_tree(self, path: str) -> None:
        """Delete a directory with everything in it; links in it are deleted, what they lead to stays."""
        place = self.writable(path)
        with steps.folder_of(place) as folder:
            steps.delete_tree(folder, place.name)

    def list(self, path: str) -> list[Entry]:
        """Return what is in a directory, by name; what is neither file nor directory is left out."""
        return list(self._listed(self.find(path), ()))

    def walk(self, path: str) -> Iterator[Entry]:
        """Return what is in a directory and in those below it, each directory before what is in it."""
        yield from self._walked(self.find(path), ())

    def match(self, mask: str) -> Iterator[Entry]:
        """Return the files that a mask means, by name.

        Its last part may have ``*``, ``?`` and ``[...]``. ``**`` before it, or as it, goes into directories below.
        """
        place = self.find(mask)
        *above, name = place.parts or ("*",)
        deep = name == _ANY_DEPTH or above[-1:] == [_ANY_DEPTH]
        if name == _ANY_DEPTH:
            name = "*"
        elif deep:
            above.pop()
        if any(_WILD & set(part) for part in above):
            raise FileProblem("only the last part of a mask may have wildcards")
        start = place.up_to(len(above))
        for entry in self._walked(start, ()) if deep else self._listed(start, ()):
            # A name may look like a mask itself.
            if not entry.is_dir and (entry.name == name or fnmatchcase(entry.name, name)):
                yield entry

    def writable(self, path: str) -> Place:
        """Return where a path leads, if the site may write there."""
        place = self.find(path)
        if not place.root.writable:
            raise FileProblem(f"the site may only read in {place.root.path}")
        return place

    def _target(self, path: str) -> Place:
        if path.endswith("/"):
            raise FileProblem("that is a directory: give the file's name too")
        return self.writable(path)

    def _rename(self, here: Place, there: Place) -> None:
        with steps.folder_of(here) as folder, steps.folder_of(there) as to_folder, explained():
            steps.require_file(os.stat(here.name, dir_fd=folder, follow_symlinks=False))
            steps.permissions_to_keep(to_folder, there.name)
            os.rename(here.name, there.name, src_dir_fd=folder, dst_dir_fd=to_folder)

    def _listed(self, place: Place, inside: tuple[str, ...]) -> Iterator[Entry]:
        with steps.directory(place) as folder:
            for name, _ in sorted(steps.names_in(folder)):
                info = steps.info_at(folder, name)
                if info is not None and (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)):
                    yield _entry(place.below(name), info, "/".join((*inside, name)))

    def _walked(self, place: Place, inside: tuple[str, ...]) -> Iterator[Entry]:
        # Listed whole before it goes deeper: else a descriptor would stay open for each level.
        for entry in list(self._listed(place, inside)):
            yield entry
            if entry.is_dir:
                yield from self._walked(place.below(entry.name), (*inside, entry.name))


def _finish(fd: int, mode: int | None, mtime_ns: int | None) -> None:
    with explained():
        if mode is not None:
            os.fchmod(fd, mode)
        if mtime_ns is not None:
            os.utime(fd, ns=(mtime_ns, mtime_ns))
        os.fsync(fd)


def _entry(place: Place, info: os.stat_result, inside: str) -> Entry:
    is_dir = stat.S_ISDIR(info.st_mode)
    name = place.parts[-1] if place.parts else place.shown
    size = 0 if is_dir else info.st_size
    return Entry(name, place.shown, inside, is_dir, size, info.st_mtime_ns, info.st_mode, info.st_ino)
