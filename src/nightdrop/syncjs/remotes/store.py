"""What an object store can do, for ``objects.py`` to make directories and files of."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Protocol

from nightdrop.syncjs.remotes.web import Answer


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing: an object, or with ``folder`` what several keys have in common, up to a slash."""

    key: str
    folder: bool = False
    size: int = 0
    mtime: float | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An object. ``tag`` names exactly this state of it; ``kept`` are the headers that a copy has to be given."""

    size: int
    mtime: float | None
    tag: str = ""
    kept: dict[str, str] = field(default_factory=dict)


class Parts(Protocol):
    """An object that is written in parts, and not there before ``complete``."""

    # How many parts may be on their way at once.
    parallel: int

    async def part(self, number: int, data: bytes, *, last: bool) -> None:
        """Send a part; ``number`` counts from 1, and all but the last have the size that the store asks for."""
        ...

    async def complete(self) -> None:
        """Make the object of all parts."""
        ...

    async def abort(self) -> None:
        """Throw the parts away; never raises."""
        ...


class Store(Protocol):
    """A bucket. Every method raises ``RemoteError`` and nothing else."""

    # Whether listings have the times that were kept with the objects, so that head() knows nothing better.
    lists_times: bool

    async def check(self) -> None:
        """Make sure that the bucket is there and may be listed."""
        ...

    async def close(self) -> None: ...

    def list(self, prefix: str, *, flat: bool, most: int = 1000) -> AsyncGenerator[Listed]:
        """Yield what begins with ``prefix``: all of it with ``flat``, else up to the next slash.

        ``most`` is how many entries an answer should have, not how many there are.
        """
        ...

    async def head(self, key: str) -> Stored | None: ...

    async def get(self, key: str, offset: int, tag: str) -> Answer:
        """Return a streamed answer with what follows ``offset``, when the object still has ``tag`` or that is empty."""
        ...

    def stored_of(self, answer: Answer) -> Stored:
        """Return what a streamed answer says about its object; no ``mtime`` if that is not the kept one."""
        ...

    async def put(self, key: str, data: bytes, mtime: float | None) -> None:
        """Write an object at once."""
        ...

    def part_bytes(self, size: int | None, number: int) -> int:
        """Return how large a part is to be, for an object of ``size`` bytes if that is known."""
        ...

    async def begin(self, key: str, size: int | None, mtime: float | None) -> Parts:
        """Begin an object in parts."""
        ...

    async def copy(self, old: str, new: str, stored: Stored) -> None:
        """Copy inside the store, with what is kept with the object."""
        ...

    async def delete(self, key: str) -> None: ...
