"""The directories of a site, and which of them a path means.

A relative path starts in the site's own directory. An absolute one must lie in a directory that the site was
given, or in its own.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from nightdrop.core.directories import open_directory
from nightdrop.core.site_paths import split_entry
from nightdrop.sandbox.landlock import Rule
from nightdrop.syncjs.files.problem import FileProblem, reason_of

MAX_PATH = 4096
# Every part of a path is a step, and a recursive call holds a descriptor for each.
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Root:
    """One directory of a site; ``fd`` is ``None`` when it cannot be used, for the reason ``problem``.

    What is made in a ``private`` one is for nobody else; elsewhere the umask decides.
    """

    path: str
    fd: int | None
    writable: bool
    problem: str = ""
    private: bool = False

    @property
    def mode(self) -> int:
        """Return the permissions of a new file, before the umask."""
        return 0o600 if self.private else 0o666

    def descriptor(self) -> int:
        """Return the descriptor.

        Raises:
            FileProblem: the directory cannot be used.
        """
        if self.fd is None:
            raise FileProblem(f"the site's directory {self.path} cannot be used: {self.problem}")
        return self.fd


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: a directory of the site and the names below it; ``shown`` is how a script writes it."""

    root: Root
    parts: tuple[str, ...]
    shown: str

    @property
    def name(self) -> str:
        """Return the last part.

        Raises:
            FileProblem: this is the site's directory itself.
        """
        if not self.parts:
            raise FileProblem("it is a directory of the site itself")
        return self.parts[-1]

    def below(self, name: str) -> "Place":
        """Return a place in this directory.

        Raises:
            FileProblem: it would be too deep.
        """
        if len(self.parts) >= MAX_DEPTH:
            raise FileProblem("its directories are nested too deeply")
        return Place(self.root, (*self.parts, name), name if self.shown == "." else f"{self.shown}/{name}")

    def up_to(self, count: int) -> "Place":
        """Return the place that the first ``count`` parts lead to."""
        cut = len(self.parts) - count
        shown = self.shown.rsplit("/", cut)[0] if cut else self.shown
        return Place(self.root, self.parts[:count], shown if count or self.shown.startswith("/") else ".")

    def above(self) -> "Place":
        """Return the directory that this place is in; of a directory of the site itself, that."""
        return self.up_to(max(0, len(self.parts) - 1))


class Roots:
    """The directories of one site, opened."""

    def __init__(self, own: Root, others: Sequence[Root] = ()) -> None:
        self._own = own
        self._all = (own, *others)

    @classmethod
    def open(cls, own: str, others: Iterable[Sequence[str | None]] = ()) -> "Roots":
        """Open the directories of a site.

        Args:
            own: its own directory.
            others: entries of its ``paths`` setting, each with why it may not be used, or ``None``.

        Raises:
            OSError: its own directory cannot be opened. Of the others one that cannot be is remembered as such.
        """
        fd = os.open(own, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return cls(
            Root(own, fd, writable=True, private=True), [_open(str(entry), problem) for entry, problem in others]
        )

    def rules(self) -> list[Rule]:
        """Return what Landlock is to allow: nothing else can be reached afterwards, whatever a path says."""
        return [(root.fd, "rw" if root.writable else "ro") for root in self._all if root.fd is not None]

    def find(self, path: str) -> Place:
        """Return where a path leads, without looking whether anything is there.

        Raises:
            FileProblem: it leads outside, or is none.
        """
        if "\0" in path or len(path) > MAX_PATH:
            raise FileProblem("it is not a path")
        with suppress(UnicodeEncodeError):
            os.fsencode(path)
            parts = tuple(part for part in path.split("/") if part not in {"", "."})
            if ".." in parts:
                raise FileProblem("a path may not have '..' in it")
            if len(parts) > MAX_DEPTH:
                raise FileProblem("it has too many parts")
            return self._absolute(parts) if path.startswith("/") else Place(self._own, parts, "/".join(parts) or ".")
        raise FileProblem("it is not a path")

    def _absolute(self, parts: tuple[str, ...]) -> Place:
        for root in self._all:
            above = tuple(root.path.strip("/").split("/"))
            if parts[: len(above)] == above:
                return Place(root, parts[len(above) :], "/" + "/".join(parts))
        raise FileProblem("it lies outside of the site's directories")


def _open(entry: str, problem: str | None) -> Root:
    path, access = split_entry(entry)
    if problem is not None:
        return Root(path, None, access == "rw", problem)
    try:
        return Root(path, open_directory(path), access == "rw")
    except OSError as error:
        return Root(path, None, access == "rw", reason_of(error))
