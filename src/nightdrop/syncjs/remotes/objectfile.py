"""Objects that are read and written: taken up again where they broke off, and in parts when they are large."""

import asyncio
from collections.abc import AsyncGenerator

from nightdrop.syncjs.remotes.port import RemoteError
from nightdrop.syncjs.remotes.store import Parts, Store
from nightdrop.syncjs.remotes.web import Answer

# Losses without a byte of progress in between that a file survives.
_MAX_LOSSES = 3
# What the parts on their way may hold together, in bytes.
_MAX_HELD = 64 * 1024 * 1024


class ObjectReader:
    """An object that is read; what changes under it is an error, not a mixture."""

    def __init__(self, store: Store, key: str, offset: int) -> None:
        self.size: int | None = None
        self.mtime: float | None = None
        self._store, self._key = store, key
        self._at = offset
        self._tag = ""
        self._losses = 0
        self._answer: Answer | None = None
        self._pieces: AsyncGenerator[bytes] | None = None

    async def open(self) -> None:
        self._answer = answer = await self._store.get(self._key, self._at, self._tag)
        if self.size is None:
            stored = self._store.stored_of(answer)
            self._tag, self.mtime = stored.tag, stored.mtime
            length = answer.number("content-length")
            self.size = None if length is None else self._at + length
        self._pieces = answer.pieces("download")

    async def read(self) -> bytes:
        while True:
            try:
                if self._pieces is None:
                    await self.open()
                assert self._pieces
                piece = await anext(self._pieces, b"")
            except RemoteError as exc:
                await self.close()
                self._losses += 1
                if not exc.lost or not self._tag or self._losses > _MAX_LOSSES:
                    raise
                continue
            if piece:
                self._losses = 0
                self._at += len(piece)
            return piece

    async def close(self) -> None:
        pieces, self._pieces = self._pieces, None
        answer, self._answer = self._answer, None
        if pieces:
            await pieces.aclose()
        if answer:
            await answer.close()


class ObjectWriter:
    """An object that is written: at once when it fits into one part, else in several parts at a time."""

    safe = 0

    def __init__(self, store: Store, key: str, size: int | None, mtime: float | None) -> None:
        self._store, self._key, self._size, self._mtime = store, key, size, mtime
        self._buffer = bytearray()
        self._parts: Parts | None = None
        self._number = 0
        self._under_way: set[asyncio.Task[None]] = set()

    async def write(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) > (wanted := self._store.part_bytes(self._size, self._number + 1)):
            # Something stays for the last part.
            piece = bytes(memoryview(self._buffer)[:wanted])
            del self._buffer[:wanted]
            await self._send(piece, last=False)

    async def finish(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        if self._parts is None:
            await self._store.put(self._key, data, self._mtime)
            return
        await self._send(data, last=True)
        await self._room(0)
        await self._parts.complete()
        self._parts = None

    async def abort(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._under_way.clear()
        self._buffer.clear()
        parts, self._parts = self._parts, None
        if parts:
            await parts.abort()

    async def _send(self, data: bytes, *, last: bool) -> None:
        if self._parts is None:
            self._parts = await self._store.begin(self._key, self._size, self._mtime)
        self._number += 1
        most = max(1, min(self._parts.parallel, _MAX_HELD // len(data)))
        await self._room(most - 1)
        self._under_way.add(asyncio.create_task(self._parts.part(self._number, data, last=last)))

    async def _room(self, most: int) -> None:
        """Wait until at most so many parts are on their way.

        Raises:
            RemoteError: one of them failed.
        """
        while len(self._under_way) > most:
            done, self._under_way = await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
