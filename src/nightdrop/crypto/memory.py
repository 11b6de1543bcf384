"""Overwriting what is no longer needed. Best effort: CPython and OpenSSL may have made copies of their own."""

import ctypes

_CHUNK = bytes(65536)
_BYTES_DATA = bytes.__basicsize__ - 1


def wipe(buffer: bytes | bytearray | memoryview) -> None:
    """Overwrite ``buffer`` with zeros, in place.

    For ``bytes`` this writes behind the interpreter's back: pass only an object that nothing else refers to
    and whose hash was never asked for, such as the fresh result of a decryption. Never a literal.
    """
    if isinstance(buffer, bytes):
        # CPython shares one object for each bytes value of length 0 and 1: writing there would change
        # every such value in the process.
        if len(buffer) > 1:
            ctypes.memset(id(buffer) + _BYTES_DATA, 0, len(buffer))
        return
    view = memoryview(buffer).cast("B")
    for start in range(0, len(view), len(_CHUNK)):
        part = view[start : start + len(_CHUNK)]
        part[:] = _CHUNK[: len(part)]
