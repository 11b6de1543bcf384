"""The connection that a transfer uses: made again when it is lost, and given up when that fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nightdrop.syncjs.remotes.port import Remote, RemoteError

T = TypeVar("T")


class Link:
    """A connected remote, shared by the files of one call."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.epoch = 0
        self._lock = asyncio.Lock()
        self._gone: RemoteError | None = None

    async def renew(self, epoch: int) -> None:
        """Connect again, unless somebody did since ``epoch``.

        Raises:
            RemoteError: it cannot be done; from then on it is not tried again.
        """
        async with self._lock:
            if self._gone:
                raise self._gone
            if epoch != self.epoch:
                return
            try:
                await self.remote.close()
                await self.remote.connect()
            except RemoteError as exc:
                self._gone = RemoteError("reconnect", exc.reason)
                raise self._gone from None
            self.epoch += 1

    async def ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """Make a request that may be made twice: once more when the connection is lost under it."""
        epoch = self.epoch
        try:
            return await request()
        except RemoteError as exc:
            if not exc.lost:
                raise
        await self.renew(epoch)
        return await request()
