"""ZIP archives of a site's files (APPNOTE.TXT): written and unpacked as streams, within limits.

What an archive says about itself is not believed: sizes are counted while they are written, and no entry is
written before the names of all are known to be good.
"""

import os
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, BinaryIO

from nightdrop.syncjs.files import steps
from nightdrop.syncjs.files.problem import FileProblem, explained
from nightdrop.syncjs.files.roots import MAX_DEPTH, Place
from nightdrop.syncjs.files.tree import Entry, Files

MAX_FILES = 50_000
MAX_UNPACKED = 16 << 30
# Deflate makes at most 1,032 of one; texts get to 20, seldom to 100. Small archives may do what they like.
MAX_RATIO = 200
RATIO_FROM = 100 << 20
# An entry of the directory has 46 bytes and its name; the library reads all of it at once and keeps ten times that.
_MAX_DIRECTORY = 8 << 20
_ZIP64_FROM = 1 << 30
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 1
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    IndexError,
    KeyError,
    OverflowError,
)


def preload() -> None:
    """Load what the library loads late: names of old archives are in code page 437."""
    "".encode("cp437")


def pack(files: Files, masks: Sequence[str], target: str) -> int:
    """Write the files that ``masks`` mean into a new archive; return how many there are.

    Names in it begin where the fixed part of a mask ends.

    Raises:
        FileProblem: nothing was written.
    """
    place = files.find(target)
    entries = list(_chosen(files, masks, place))
    with files.replacing(target) as output, zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            _add(files, archive, entry)
    return len(entries)


def unpack(files: Files, source: str, target: str) -> int:
    """Unpack an archive into a directory, which is made when it is not there; return the number of files.

    Files that are there are replaced. First all is unpacked next to them, then moved into place.

    Raises:
        FileProblem: the archive is not good, and nothing was changed; or a file could not be replaced.
    """
    with files.reading(source) as input_, _library(), zipfile.ZipFile(_Capped(input_)) as archive:
        members = _members(archive)
        size = input_.seek(0, 2)
        with _drafts(files, target) as (place, folder):
            budget = _Budget(size)
            for number, member in enumerate(members):
                if not member.is_dir:
                    _extract(archive, member, steps.create(folder, str(number), place.root.mode), budget)
            _check_targets(place, members)
            _settle(place, members, folder)
    return sum(not member.is_dir for member in members)


@dataclass(frozen=True, slots=True)
class _Member:
    info: zipfile.ZipInfo
    parts: tuple[str, ...]
    is_dir: bool


class _Budget:
    """How much may still be written."""

    def __init__(self, packed: int) -> None:
        self._left = min(MAX_UNPACKED, max(RATIO_FROM, packed * MAX_RATIO))

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise FileProblem("unpacked, the archive is too large, or far too large for its own size")


class _Capped:
    """A file that nobody reads without bounds, whatever its own length fields say."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.close = file.seek, file.tell, file.close
        self.seekable, self.readable = file.seekable, file.readable

    def read(self, count: int = -1) -> bytes:
        if count < 0:
            here = self._file.tell()
            count = self._file.seek(0, 2) - here
            self._file.seek(here)
        if count > _MAX_DIRECTORY:
            raise FileProblem("the archive's directory is too large")
        return self._file.read(count)


@contextmanager
def _library() -> Iterator[None]:
    try:
        yield
    except _DAMAGED:
        raise FileProblem("the archive is damaged, or is not a ZIP archive") from None


def _chosen(files: Files, masks: Sequence[str], target: Place) -> Iterator[Entry]:
    seen: set[str] = set()
    for mask in masks:
        found = 0
        for entry in files.match(mask):
            if entry.path == target.shown:
                continue
            found += 1
            if entry.inside in seen:
                raise FileProblem("two files would have this name in the archive", about=entry.inside)
            seen.add(entry.inside)
            if len(seen) > MAX_FILES:
                raise FileProblem(f"there are more than {MAX_FILES} files")
            yield entry
        if not found:
            raise FileProblem("no file fits it", about=mask)


def _add(files: Files, archive: zipfile.ZipFile, entry: Entry) -> None:
    # The format knows no time before 1980 and none after 2107.
    when = time.localtime(min(max(entry.mtime_ns // 10**9, 315_619_200), 4_354_732_800))
    info = zipfile.ZipInfo(_archive_name(entry.inside), when[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (stat.S_IFREG | stat.S_IMODE(entry.mode) & 0o777) << 16
    try:
        with (
            files.reading(entry.path) as source,
            archive.open(info, "w", force_zip64=entry.size >= _ZIP64_FROM) as sink,
        ):
            _pour(source, sink)
    except FileProblem as problem:
        raise FileProblem(problem.reason, problem.errno, about=entry.path) from None
    except RuntimeError:
        raise FileProblem("it grew while it was read", about=entry.path) from None


def _archive_name(inside: str) -> str:
    try:
        inside.encode()
    except UnicodeEncodeError:
        raise FileProblem("the name is not UTF-8", about=inside) from None
    return inside


def _pour(source: IO[bytes], sink: IO[bytes]) -> None:
    while data := source.read(steps.CHUNK):
        sink.write(data)


def _members(archive: zipfile.ZipFile) -> list[_Member]:
    infos = archive.infolist()
    if len(infos) > MAX_FILES:
        raise FileProblem(f"the archive has more than {MAX_FILES} entries")
    members = [_member(info) for info in infos]
    files = [member.parts for member in members if not member.is_dir]
    taken = set(files)
    if len(taken) != len(files):
        raise FileProblem("two entries of the archive have the same name")
    for member in members:
        if (member.is_dir and member.parts in taken) or any(
            member.parts[:count] in taken for count in range(1, len(member.parts))
        ):
            raise FileProblem("this entry is a file and a directory", about=member.info.filename)
    return members


def _member(info: zipfile.ZipInfo) -> _Member:
    # Some archives from Windows have backslashes; a name with one means the same here as there.
    name = info.filename.replace("\\", "/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    is_dir = name.endswith("/") or kind == stat.S_IFDIR
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if (not parts and not is_dir) or ".." in parts or name.startswith("/") or "\0" in name or len(parts) > MAX_DEPTH:
        raise FileProblem("this entry does not stay in the directory", about=info.filename)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise FileProblem("this entry is a link or a device", about=info.filename)
    if info.flag_bits & _ENCRYPTED:
        raise FileProblem("this entry is encrypted", about=info.filename)
    if info.compress_type not in _METHODS:
        raise FileProblem("this entry is compressed in a way that is not supported", about=info.filename)
    return _Member(info, parts, is_dir)


@contextmanager
def _drafts(files: Files, target: str) -> Iterator[tuple[Place, int]]:
    """Make the target directory and one in it for what is not in place yet; take away what was made for nothing."""
    place = files.writable(target)
    made = steps.make_dirs(place)
    try:
        with steps.directory(place) as folder, steps.temporary_directory(folder) as drafts:
            yield place, drafts
    except BaseException:
        _take_away(place, made)
        raise


def _take_away(place: Place, made: int) -> None:
    for _ in range(made):
        with suppress(OSError, FileProblem), steps.folder_of(place) as folder:
            os.rmdir(place.name, dir_fd=folder)
        place = place.above()


def _extract(archive: zipfile.ZipFile, member: _Member, fd: int, budget: _Budget) -> None:
    with steps.writer(fd) as sink, archive.open(member.info) as source:
        while data := source.read(steps.CHUNK):
            budget.spend(len(data))
            sink.write(data)


def _check_targets(place: Place, members: Sequence[_Member]) -> None:
    """Check that what is there already is what an entry can replace, before anything is replaced."""
    for member in members:
        inner = place
        for position, part in enumerate(member.parts, 1):
            with steps.directory(inner) as folder:
                info = steps.info_at(folder, part)
            if info is None:
                break
            last = position == len(member.parts) and not member.is_dir
            if last:
                try:
                    steps.require_file(info)
                except FileProblem as problem:
                    raise FileProblem(problem.reason, about=inner.below(part).shown) from None
            elif not stat.S_ISDIR(info.st_mode):
                raise FileProblem("it is there already and is not a directory", about=inner.below(part).shown)
            inner = inner.below(part)


def _settle(place: Place, members: Sequence[_Member], drafts: int) -> None:
    for number, member in enumerate(members):
        inner = place
        for part in member.parts if member.is_dir else member.parts[:-1]:
            inner = inner.below(part)
        steps.make_dirs(inner)
        if not member.is_dir:
            with steps.directory(inner) as folder, explained():
                os.rename(str(number), member.parts[-1], src_dir_fd=drafts, dst_dir_fd=folder)
