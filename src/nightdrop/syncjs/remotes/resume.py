"""Files that go on where they were when the connection was lost under them."""

from collections import deque

from nightdrop.syncjs.remotes.link import Link
from nightdrop.syncjs.remotes.port import Item, Reader, RemoteError, Writer

# Losses without a byte of progress in between that a file survives.
_MAX_LOSSES = 3
# What is kept of a file that is being sent. Protocols with confirmations need far less; one without may lose what
# stood in the buffers of both machines.
_MAX_KEPT = 16 * 1024 * 1024


class _Patience:
    """Counts losses; those with progress in between do not add up."""

    def __init__(self) -> None:
        self._losses = 0
        self._at = -1

    def lost(self, exc: RemoteError, at: int, *, resumable: bool) -> None:
        """Raise ``exc`` when it is no loss, or one too many."""
        self._losses = self._losses + 1 if at <= self._at else 1
        self._at = at
        if not exc.lost or not resumable or self._losses > _MAX_LOSSES:
            raise exc


class Upload:
    """A remote file that is being written."""

    def __init__(self, link: Link, path: str, total: int | None, mtime: float | None = None) -> None:
        self.total = total
        # Whether the server's file may have been changed.
        self.touched = False
        self._link = link
        self._path = path
        self._mtime = mtime
        self._writer: Writer | None = None
        self._epoch = link.epoch
        self._patience = _Patience()
        # Where in the file each piece begins that may have to be sent again.
        self._kept: deque[tuple[int, bytes]] = deque()
        self._kept_bytes = 0
        self._next = 0

    async def write(self, data: bytes) -> None:
        self._keep(data)
        try:
            if self._writer is None:
                await self._open(0)
            assert self._writer
            await self._writer.write(data)
        except RemoteError as exc:
            await self._again(exc)
        self._forget()

    async def finish(self) -> None:
        while True:
            try:
                if self._writer is None:
                    await self._open(0)
                assert self._writer
                await self._writer.finish()
                self.touched = True
            except RemoteError as exc:
                await self._again(exc)
            else:
                self._writer = None
                return

    async def abort(self) -> None:
        if self._writer:
            await self._writer.abort()
            self._writer = None

    async def _open(self, offset: int) -> None:
        self._epoch = self._link.epoch
        self.touched = self.touched or not self._link.remote.writes_whole
        left = None if self.total is None else self.total - offset
        self._writer = await self._link.remote.open_write(self._path, left, offset, self._mtime)

    def _keep(self, data: bytes) -> None:
        self._kept.append((self._next, data))
        self._kept_bytes += len(data)
        self._next += len(data)

    def _forget(self) -> None:
        safe = self._writer.safe if self._writer else 0
        while self._kept and (self._kept[0][0] + len(self._kept[0][1]) <= safe or self._kept_bytes > _MAX_KEPT):
            self._kept_bytes -= len(self._kept.popleft()[1])

    async def _again(self, exc: RemoteError) -> None:
        """Send what the server has not confirmed over a new connection, until that works or is given up."""
        while True:
            safe = self._writer.safe if self._writer else 0
            self._patience.lost(exc, safe, resumable=self._link.remote.can_resume)
            await self.abort()
            await self._link.renew(self._epoch)
            try:
                there = await self._link.remote.stat(self._path)
                start = there.size if there else 0
                if self._link.remote.confirms_writes:
                    start = min(safe, start)
                self._check_kept(start)
                await self._open(start)
                await self._resend(start)
            except RemoteError as again:
                exc = again
            else:
                return

    def _check_kept(self, start: int) -> None:
        if start > self._next or (self._kept and start < self._kept[0][0]):
            raise RemoteError("resume", "the server lost too much of what was sent")

    async def _resend(self, start: int) -> None:
        assert self._writer
        for at, data in list(self._kept):
            if at + len(data) > start:
                await self._writer.write(data[max(0, start - at) :])


class Download:
    """A remote file that is being read; ``at`` counts the bytes so far."""

    def __init__(self, link: Link, item: Item) -> None:
        self.item = item
        self.at = 0
        self.size: int | None = None
        # The time of the file where the server tells it with the content.
        self.mtime: float | None = None
        self._link = link
        self._reader: Reader | None = None
        self._epoch = link.epoch
        self._patience = _Patience()

    async def open(self) -> None:
        await self._link.ask(lambda: self._open(0))
        assert self._reader
        self.size, self.mtime = self._reader.size, self._reader.mtime

    async def _open(self, offset: int) -> None:
        self._epoch = self._link.epoch
        self._reader = await self._link.remote.open_read(self.item.path, offset)

    async def read(self) -> bytes:
        """Return the next piece, ``b""`` at the end."""
        while True:
            assert self._reader
            try:
                data = await self._reader.read()
            except RemoteError as exc:
                await self._again(exc)
                continue
            self.at += len(data)
            if self.size is not None and self.at > self.size:
                raise RemoteError("download", f"the server said {self.size} bytes, but sends more")
            return data

    def check_complete(self) -> None:
        if self.size is not None and self.at != self.size:
            raise RemoteError("download", f"the server said {self.size} bytes, but {self.at} arrived")

    async def _again(self, exc: RemoteError) -> None:
        self._patience.lost(exc, self.at, resumable=self._link.remote.can_resume)
        await self.close()
        await self._link.renew(self._epoch)
        there = await self._link.remote.stat(self.item.path)
        same = there and there.size == self.size and there.mtime == self.item.mtime
        if not same:
            raise RemoteError("resume", "the file changed while the connection was lost") from None
        await self._open(self.at)

    async def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader:
            await reader.close()
