"""What an adapter for a protocol does, and what it is given.

Adapters are coroutines, so that several files can be on their way over one connection at once; the service drives them
with a loop of its own. An adapter over a blocking library just blocks in them and says ``parallel = 1``.
"""

import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol


class Dial(Protocol):
    """Makes connections; raises ``DialError``."""

    def __call__(self, host: str, port: int, timeout_s: float, *, again: bool = False) -> socket.socket:
        """Return a connected, blocking socket.

        ``again``: to the very address that this host had the last time, whatever its name means by now. For a
        connection that belongs to another one.
        """
        ...


_MAX_REASON = 200


# None of these errors reaches an edge of nightdrop: the service makes lines of a run's log of them.


class DialError(Exception):
    """The connection could not be made; the text is one of our own sentences."""


class RemoteError(Exception):
    """Something on the remote side failed.

    Args:
        step: what was being done, for example ``"connect"``.
        reason: one of our own sentences, or a server's text that ``clean`` has made harmless; never a credential.
        lost: the connection is gone; another one may do better.
    """

    def __init__(self, step: str, reason: str, *, lost: bool = False) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason
        self.lost = lost


class ItemKind(StrEnum):
    """What a name stands for; ``OTHER`` is neither read nor written (devices, sockets, links to nowhere)."""

    FILE = "FILE"
    DIR = "DIR"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a directory; ``size`` in bytes, ``mtime`` in seconds since 1970 UTC.

    ``link`` marks a symbolic link; the other fields are those of what it leads to.
    """

    name: str
    path: str
    kind: ItemKind
    size: int = 0
    mtime: float | None = None
    permissions: str = ""
    link: bool = False

    @property
    def is_dir(self) -> bool:
        return self.kind is ItemKind.DIR


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds, and how much a server may make us hold.

    ``connect_s`` covers lookup, connection, handshake and login; ``answer_s`` each answer, and each piece of a file.
    """

    connect_s: float = 30.0
    answer_s: float = 60.0
    entries: int = 200_000
    depth: int = 100


class Reader(Protocol):
    """A remote file that is being read; ``size`` and ``mtime`` are what the server said of it, if it did."""

    size: int | None
    mtime: float | None

    async def read(self) -> bytes:
        """Return the next piece, ``b""`` at the end."""
        ...

    async def close(self) -> None:
        """Free it; never raises."""
        ...


class Writer(Protocol):
    """A remote file that is being written; ``safe`` counts the bytes, from its start, that the server confirmed.

    It stays 0 where servers confirm nothing before the end.
    """

    safe: int

    async def write(self, data: bytes) -> None:
        """Write the next piece."""
        ...

    async def finish(self) -> None:
        """End the file; the server has all of it."""
        ...

    async def abort(self) -> None:
        """Free it; what was written may stay. Never raises."""
        ...


class Remote(Protocol):
    """A connection to a server. Every method raises ``RemoteError`` and nothing else."""

    # How many files may be on their way at once.
    parallel: int
    # Whether rename() takes directories; else the engine moves file by file.
    renames_dirs: ClassVar[bool]
    # Whether open_read() and open_write() take an offset.
    can_resume: ClassVar[bool]
    # Whether a writer's ``safe`` is the server's word; else only the size of the file tells what arrived.
    confirms_writes: ClassVar[bool]
    # Whether a file that is written is not there, nor the one before it touched, until it is finished.
    writes_whole: ClassVar[bool]
    # Whether open_write() keeps the time it is given; else set_mtime() is to be called.
    writes_times: ClassVar[bool]
    # Whether what open_read() returns has the time of the file.
    tells_times: ClassVar[bool]
    # Whether a directory may be gone once nothing is in it any more.
    dirs_vanish: ClassVar[bool]
    # Whether times in listings are to the second; else stat() knows better.
    exact_times: bool

    async def connect(self) -> None: ...

    async def close(self) -> None:
        """Close; never raises. ``connect`` may be called again."""
        ...

    def list_dir(self, path: str, *, times: bool = True) -> AsyncGenerator[Item, None]:
        """Yield what is in a directory, without ``.`` and ``..``; the caller stops when it has enough.

        Without ``times``, those of files need not be the ones that are kept with them.
        """
        ...

    async def stat(self, path: str) -> Item | None:
        """Return what is at ``path``, following links; ``None`` when there is nothing."""
        ...

    async def make_dir(self, path: str) -> None:
        """Make one directory whose parent exists."""
        ...

    async def remove_file(self, path: str) -> None:
        """Remove a file, or a link itself."""
        ...

    async def remove_dir(self, path: str) -> None:
        """Remove an empty directory."""
        ...

    async def rename(self, old: str, new: str) -> None:
        """Rename; a file at ``new`` is replaced."""
        ...

    async def set_mtime(self, path: str, when: float) -> bool:
        """Set the time of the last change; False when the server cannot."""
        ...

    def note_no_directory(self, path: str) -> None:
        """Hear that a listing showed no directory at ``path``: the next ``open_write`` there need not look."""
        ...

    async def open_read(self, path: str, offset: int = 0) -> Reader: ...

    async def open_write(self, path: str, size: int | None, offset: int = 0, mtime: float | None = None) -> Writer:
        """Open for writing; made new and empty with ``offset`` 0, else kept up to ``offset``.

        ``size`` is how many bytes will follow, as far as that is known; ``mtime`` the time that the file is to have.
        """
        ...


def clean(text: object) -> str:
    """Return a server's text as one printable line of at most 200 characters."""
    line = "".join(char if char.isprintable() else " " for char in str(text)[: 4 * _MAX_REASON])
    return " ".join(line.split())[:_MAX_REASON]
