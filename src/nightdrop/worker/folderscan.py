"""Looks at what is in a directory of a site; no link leads out of it, and nothing is opened but directories."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from nightdrop.core.directories import open_below, open_directory
from nightdrop.core.site_paths import split_entry
from nightdrop.syncjs.remotes.names import TEMPORARY, is_text, matches
from nightdrop.triggers.folders import Stamp, Watched

MAX_FILES = 100_000
MAX_DEPTH = 32
_READ = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class ScanError(Exception):
    """The folder cannot be watched; the text is one of our own sentences."""


def scan(watched: Watched, site_files: Path, problem: Callable[[str], str | None]) -> dict[str, Stamp]:
    """Return the files of a watched folder, by their paths below it.

    Hidden files are left out, those that are being transferred, links, and names that are not UTF-8.

    Args:
        watched: the folder.
        site_files: the site's own directory.
        problem: tells why a directory of the host may not be used, ``None`` when it may.

    Raises:
        ScanError
    """
    settings = watched.settings
    try:
        folder = _open(watched, site_files, problem)
    except OSError as error:
        raise ScanError(f"The folder cannot be read: {_words(error)}.") from None
    found: dict[str, Stamp] = {}
    try:
        _walk(folder, "", settings.pattern, MAX_DEPTH if settings.recursive else 0, found)
    except OSError as error:
        raise ScanError(f"The folder cannot be read: {_words(error)}.") from None
    finally:
        os.close(folder)
    return found


def _open(watched: Watched, site_files: Path, problem: Callable[[str], str | None]) -> int:
    path = watched.settings.path
    if not path.startswith("/"):
        return _below(open_directory(str(site_files)), path)
    for entry in watched.site.paths:
        root = split_entry(entry)[0]
        if path == root or path.startswith(f"{root}/"):
            if (why := problem(entry)) is not None:
                raise ScanError(f"The folder cannot be used: {why}.")
            return _below(open_directory(root), path[len(root) :])
    raise ScanError("The folder is in none of the directories of this site.")


def _below(folder: int, path: str) -> int:
    """Open a directory below another one, which is closed."""
    for name in path.split("/"):
        if name in ("", "."):
            continue
        try:
            if name == "..":
                raise ScanError("The folder's path leads upwards.")
            below = open_below(folder, name)
        finally:
            os.close(folder)
        folder = below
    return folder


def _walk(folder: int, prefix: str, pattern: str, depth: int, found: dict[str, Stamp]) -> None:
    # What is open by its path alone cannot be listed.
    listed = os.open(".", _READ, dir_fd=folder)
    below = []
    try:
        with os.scandir(listed) as entries:
            for entry in entries:
                _take(entry, prefix, pattern, found)
                if depth and not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    below.append(entry.name)
        for name in below:
            inner = open_below(folder, name)
            try:
                _walk(inner, f"{prefix}{name}/", pattern, depth - 1, found)
            finally:
                os.close(inner)
    finally:
        os.close(listed)


def _take(entry: "os.DirEntry[str]", prefix: str, pattern: str, found: dict[str, Stamp]) -> None:
    name = entry.name
    if name.startswith(".") or name.endswith(TEMPORARY) or not is_text(name) or not matches(name, pattern):
        return
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode):
        return
    if len(found) >= MAX_FILES:
        raise ScanError(f"The folder holds more than {MAX_FILES:,} files.")
    found[f"{prefix}{name}"] = Stamp(status.st_size, status.st_mtime_ns)


def _words(error: OSError) -> str:
    return (os.strerror(error.errno) if error.errno else "unknown reason").lower()
