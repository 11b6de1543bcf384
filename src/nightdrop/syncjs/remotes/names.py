"""Paths and masks: what a script may ask for, and what a server may answer."""

import fnmatch
import re
from functools import lru_cache

from nightdrop.syncjs.remotes.port import RemoteError

MAX_PATH = 4096
# What the name of a file on its way ends with.
TEMPORARY = ".tempfile"
_MAX_NAME = 255
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WILD = re.compile(r"[*?\[]")


def checked(step: str, path: str) -> str:
    """Return a path that a script gave, without a slash at its end.

    Raises:
        RemoteError: no protocol carries it, or it is too long.
    """
    if _CONTROL.search(path):
        raise RemoteError(step, "a path must not hold control characters")
    if len(path) > MAX_PATH:
        raise RemoteError(step, f"a path may have {MAX_PATH} characters")
    return path.rstrip("/") or ("/" if path else "")


def is_name(name: str) -> bool:
    """Tell whether a server's name is one: nothing that leads elsewhere when it is put below a directory."""
    return bool(name) and name not in (".", "..") and "/" not in name and "\x00" not in name


def is_local_name(name: str) -> bool:
    """Tell whether a server's name may become a local one: no control characters either, and not too long."""
    return is_name(name) and not _CONTROL.search(name) and len(name.encode("utf-8", "surrogateescape")) <= _MAX_NAME


def is_text(name: str) -> bool:
    """Tell whether a name can be shown to a script; one that is not UTF-8 cannot."""
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)


def below(folder: str, name: str) -> str:
    """Return the path of ``name`` in ``folder``; ``""`` is the directory where the session starts."""
    return name if folder in ("", ".") else f"{folder.rstrip('/')}/{name}"


def parent(path: str) -> str:
    """Return the directory of ``path``; ``""`` for a plain name."""
    folder, slash, _ = path.rpartition("/")
    return folder or slash


def base(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def split_mask(mask: str) -> tuple[str, str]:
    """Return directory and name pattern of a mask such as ``/in/*.csv``.

    Raises:
        RemoteError: the directory has wildcards, or there is no pattern.
    """
    folder, slash, pattern = mask.rpartition("/")
    if _WILD.search(folder):
        raise RemoteError("mask", "wildcards are for the last part of a path")
    if not pattern:
        raise RemoteError("mask", "a file name or a mask is missing after the last slash")
    return folder or slash, pattern


def is_wild(pattern: str) -> bool:
    return bool(_WILD.search(pattern))


def matches(name: str, mask: str) -> bool:
    """Tell whether ``name`` fits ``mask``: ``*``, ``?``, ``[a-z]``; case matters; ``""`` and ``*.*`` fit all."""
    return mask in ("", "*", "*.*") or bool(_compiled(mask).match(name))


@lru_cache(maxsize=64)
def _compiled(mask: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(mask))
