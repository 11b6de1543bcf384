"""Files of an SFTP session: many requests are under way at once, their bytes stay in order."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Protocol, TypeVar, cast

import asyncssh

from nightdrop.syncjs.remotes.port import RemoteError

T = TypeVar("T")

# What may be under way: a fast line far away needs much, and a run has only so much memory.
_WINDOW_BYTES = 4 * 1024 * 1024
_MAX_REQUEST = 256 * 1024
# What every server takes (the draft, section 3).
_SAFE_REQUEST = 32 * 1024


class Answer(Protocol):
    """Waits for an answer, with a time limit; raises RemoteError."""

    async def __call__(self, step: str, request: Awaitable[T]) -> T: ...


class FileReader:
    """Reads ahead as far as the server says that the file goes."""

    def __init__(self, file: asyncssh.SFTPClientFile, answer: Answer, offset: int, piece: int) -> None:
        self.size: int | None = None
        self.mtime: float | None = None
        self._file = file
        self._answer = answer
        self._piece = min(piece or _SAFE_REQUEST, _MAX_REQUEST)
        self._next = offset
        self._ahead: deque[tuple[int, int, asyncio.Task[bytes]]] = deque()
        self._depth = max(2, _WINDOW_BYTES // self._piece)
        self._ended = False

    async def start(self) -> None:
        """Ask for the size and, in the same breath, for the first piece."""
        self._ask(self._piece)
        attrs = await self._answer("download", self._file.stat())
        self.size = attrs.size

    def _ask(self, size: int) -> None:
        # Opened without an encoding, it gives bytes.
        task = cast("asyncio.Task[bytes]", asyncio.ensure_future(self._file.read(size, self._next)))
        self._ahead.append((self._next, size, task))
        self._next += size

    async def read(self) -> bytes:
        if self._ended:
            return b""
        self._fill()
        at, size, task = self._ahead.popleft()
        data = await self._answer("download", task)
        if not data:
            self._ended = True
            return b""
        if len(data) > size:
            raise RemoteError("download", "the server sent more than it was asked for")
        if len(data) < size:
            await self._shortened(at + len(data))
        return data

    def _fill(self) -> None:
        """Keep requests under way; one only beyond the end, to see that it is the end."""
        end = self.size
        while len(self._ahead) < self._depth and (end is None or self._next < end or not self._ahead):
            if self._ahead and end is None:
                return
            self._ask(self._piece)

    async def _shortened(self, at: int) -> None:
        """Go on after a short answer: at the end of the file nothing follows, elsewhere the rest is asked for again."""
        if self.size is not None and at == self.size:
            self._ended = True
        await self._drop()
        self._next = at

    async def _drop(self) -> None:
        tasks = [task for _, _, task in self._ahead]
        self._ahead.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        await self._drop()
        await _close(self._file, self._answer)


class FileWriter:
    """Writes without waiting for each answer; ``safe`` grows with the answers."""

    def __init__(self, file: asyncssh.SFTPClientFile, answer: Answer, offset: int, piece: int) -> None:
        self.safe = offset
        self._file = file
        self._answer = answer
        self._piece = min(piece or _SAFE_REQUEST, _MAX_REQUEST)
        self._next = offset
        self._behind: deque[tuple[int, asyncio.Task[int]]] = deque()
        self._depth = max(2, _WINDOW_BYTES // self._piece)

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), self._piece):
            piece = data[start : start + self._piece]
            self._behind.append((len(piece), asyncio.ensure_future(self._file.write(piece, self._next))))
            self._next += len(piece)
            while len(self._behind) >= self._depth:
                await self._settle()

    async def _settle(self) -> None:
        size, task = self._behind.popleft()
        await self._answer("upload", task)
        self.safe += size

    async def finish(self) -> None:
        while self._behind:
            await self._settle()
        await self._answer("upload", self._file.close())

    async def abort(self) -> None:
        tasks = [task for _, task in self._behind]
        self._behind.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _close(self._file, self._answer)


async def _close(file: asyncssh.SFTPClientFile, answer: Answer) -> None:
    try:
        await answer("close", file.close())
    except (RemoteError, ValueError):
        return
