"""Cutting a stream into chunks of one size, of which the last is known only once the stream ends."""

from collections.abc import Iterator

Buffer = bytes | bytearray | memoryview


class Pieces:
    """Holds back what is not yet a chunk, and a whole chunk until more follows it: only then is it not the last."""

    __slots__ = ("_filled", "_held", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = bytearray(size)
        self._filled = 0

    @property
    def held(self) -> int:
        """How many bytes are held back."""
        return self._filled

    def feed(self, data: Buffer) -> Iterator[memoryview]:
        """Yield the chunks that are complete and not the last. A chunk is valid until the next one is asked for."""
        view = memoryview(data).cast("B")
        start = 0
        if self._filled:
            start = self._fill(view)
            if start == len(view):
                return
            yield memoryview(self._held)
            self._filled = 0
        while len(view) - start > self._size:
            yield view[start : start + self._size]
            start += self._size
        self._fill(view[start:])

    def last(self) -> memoryview:
        """Return the last chunk; it may be empty."""
        return memoryview(self._held)[: self._filled]

    def _fill(self, view: memoryview) -> int:
        count = min(self._size - self._filled, len(view))
        self._held[self._filled : self._filled + count] = view[:count]
        self._filled += count
        return count
