"""What the keeper says of secrets while runs use them, until it stands in the database."""

import asyncio
from typing import Protocol, TypeVar

# Secrets that wait to be marked while the database is away; the first ones of more are forgotten.
_MOST = 10_000
_Value = TypeVar("_Value")


class Store(Protocol):
    """Where marks go: the secret store."""

    def mark_used(self, uses: list[tuple[str, str, int]], /) -> None:
        """Note the last use: (site id, name, ms since the epoch) of each."""

    def mark_unopenable(self, found: list[tuple[str, str, str]], /) -> None:
        """Put secrets up for a check: (site id, name, failure class) of each."""


class Marks:
    """Last uses, and secrets that did not open. A mark whose write fails waits for the next one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._used: dict[tuple[str, str], int] = {}
        self._unopenable: dict[tuple[str, str], str] = {}
        self.fresh = False

    def used(self, site: str, name: str, at_ms: int) -> None:
        """Note a use."""
        self._used[site, name] = max(at_ms, self._used.pop((site, name), 0))
        _shorten(self._used)
        self.fresh = True

    def unopenable(self, site: str, name: str, failure: str) -> None:
        """Note that a run could not open a secret."""
        self._unopenable[site, name] = failure
        _shorten(self._unopenable)

    async def write(self) -> bool:
        """Write what waits; tell whether there is something to check.

        Raises:
            What the store raises: what was not written waits on.
        """
        self.fresh = False
        if used := self._used:
            self._used = {}
            try:
                await asyncio.to_thread(self._store.mark_used, [(*which, at_ms) for which, at_ms in used.items()])
            except BaseException:
                # What was noted meanwhile is newer.
                self._used = _shorten({**used, **self._used})
                raise
        if broken := self._unopenable:
            self._unopenable = {}
            try:
                await asyncio.to_thread(self._store.mark_unopenable, [(*which, how) for which, how in broken.items()])
            except BaseException:
                self._unopenable = _shorten({**broken, **self._unopenable})
                raise
        return bool(broken)


def _shorten(waiting: dict[tuple[str, str], _Value]) -> dict[tuple[str, str], _Value]:
    while len(waiting) > _MOST:
        del waiting[next(iter(waiting))]
    return waiting
