"""Types that hold what must not be printed."""

from typing import NoReturn


class RedactedBytes:
    """Bytes of a secret value; printing, pickling and formatting show nothing of them.

    Call ``reveal()`` where the bytes are used, and ``wipe()`` when they are no longer needed.
    """

    __slots__ = ("_data",)

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = bytearray(data)

    def reveal(self) -> bytearray:
        """Return the buffer itself, not a copy, so that ``wipe`` reaches it."""
        return self._data

    def wipe(self) -> None:
        """Overwrite the bytes with zeros."""
        for start in range(0, len(self._data), 65536):
            end = min(start + 65536, len(self._data))
            self._data[start:end] = bytes(end - start)

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret value cannot be pickled")
