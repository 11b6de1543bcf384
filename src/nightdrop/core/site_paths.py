"""How the directories that a site is given are written: ``/srv/in``, or ``/srv/in:ro`` to be read only."""

import os
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal

READ_ONLY = ":ro"
MAX_ENTRIES = 32
MAX_LENGTH = 1024


def split_entry(entry: str) -> tuple[str, Literal["ro", "rw"]]:
    """Return the directory of an entry, and what may be done in it."""
    path = entry.removesuffix(READ_ONLY)
    return path, "rw" if path == entry else "ro"


def form_problem(entry: str) -> str | None:
    """Return what is wrong with how an entry is written, ``None`` when it is right."""
    path, _ = split_entry(entry)
    parts = path.split("/")
    problems = {
        "it is not an absolute path": not path.startswith("/"),
        "it is too long": len(path) > MAX_LENGTH,
        "it has a character that cannot be in it": not path.isprintable() or "," in path,
        "it has '..' in it": ".." in parts,
        "that is everything": path.strip("/") == "",
        "it is not in its shortest form": path.startswith("//") or os.path.normpath(path) != path,
        "it is hidden, or lies in a hidden directory": any(part.startswith(".") for part in parts),
    }
    return next((problem for problem, there in problems.items() if there), None)


def nested(entries: Iterable[str]) -> str | None:
    """Return the directory that lies in another one of the list, or is there twice; ``None`` when there is none."""
    paths = sorted(PurePosixPath(split_entry(entry)[0]) for entry in entries)
    inner = (one for i, one in enumerate(paths) if any(one.is_relative_to(other) for other in paths[:i]))
    return next(map(str, inner), None)
