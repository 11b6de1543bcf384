"""Resumable uploads of Google Cloud Storage: pieces in order, and after a failure from where the server is.

Source: Google, "Resumable uploads", "Perform resumable uploads".
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Protocol

from nightdrop.syncjs.remotes.port import RemoteError
from nightdrop.syncjs.remotes.web import BUSY, Answer, pause_s

_MAX_FAILURES = 5


class Send(Protocol):
    """Sends a request of a store with its token."""

    def __call__(
        self, step: str, method: str, target: str, headers: dict[str, str], body: bytes = b"", *, once: bool = False
    ) -> Awaitable[Answer]: ...


class GcsParts:
    """One session."""

    parallel = 1

    def __init__(
        self, send: Send, refusal: Callable[[str, Answer], RemoteError], target: str, size: int | None
    ) -> None:
        self._send, self._refusal, self._target, self._size = send, refusal, target, size
        # What the server has.
        self._at = 0

    async def part(self, number: int, data: bytes, *, last: bool) -> None:
        del number
        start, end = self._at, self._at + len(data)
        total = str(end) if last else "*"
        failures = 0
        while True:
            before = self._at
            answer = await self._put(data[self._at - start :], f"bytes {self._at}-{end - 1}/{total}")
            if answer is None:
                await asyncio.sleep(pause_s(failures + 1, None))
                answer = await self._send("upload", "PUT", self._target, {"Content-Range": f"bytes */{total}"})
            if answer.ok and last:
                return
            if answer.status != 308:
                raise self._refusal("upload", answer)
            self._at = _received(answer)
            if not start <= self._at <= end:
                raise RemoteError("upload", "the server says that it has what it was not sent")
            if self._at == end and not last:
                return
            failures = 0 if self._at > before else failures + 1
            if failures > _MAX_FAILURES:
                raise RemoteError("upload", "the server does not take the file")

    async def _put(self, data: bytes, where: str) -> Answer | None:
        """Return the answer; ``None`` when only a question tells how much of it arrived."""
        try:
            answer = await self._send("upload", "PUT", self._target, {"Content-Range": where}, data, once=True)
        except RemoteError as exc:
            if not exc.lost:
                raise
            return None
        return None if answer.status in BUSY else answer

    async def complete(self) -> None:
        """Do nothing: the last part has completed it."""

    async def abort(self) -> None:
        try:
            await self._send("upload", "DELETE", self._target, {})
        except RemoteError:
            # The reason why it is aborted is told; the service forgets sessions after a week.
            return


def _received(answer: Answer) -> int:
    """Return how many bytes the server has: without a range none."""
    match = re.fullmatch(r"bytes=0-(\d{1,18})", answer.headers.get("range", ""))
    return int(match[1]) + 1 if match else 0
