"""Reading a secret value: from a hidden prompt, standard input or a file. Never from an argument."""

import getpass
import os
import sys
from pathlib import Path

from nightdrop.cli.errors import reason
from nightdrop.core.errors import InvalidError, NotFoundError
from nightdrop.core.redacted import RedactedBytes

# One more than the largest value, so that a larger one is noticed and not cut.
_READ = 1024 * 1024 + 2


class ValueFileError(NotFoundError):
    """The value's file cannot be read."""

    code = "value_file"
    hint = "Check the path and its permissions."


class ValueMismatchError(InvalidError):
    """The two entries differ."""

    code = "value_mismatch"
    hint = "Nothing was stored. Type the value again, or give it with --file."


def read_value(name: str, file: Path | None) -> RedactedBytes:
    """Return the value's bytes.

    From ``file``: as they are. From standard input: without one line break at the end, which ``echo`` and
    editors add. From a terminal: asked twice, not shown.
    """
    if file is not None:
        return _from_file(file)
    if sys.stdin.isatty():
        return _from_prompt(name)
    data = bytearray(sys.stdin.buffer.read(_READ))
    for ending in (b"\r\n", b"\n"):
        if data.endswith(ending):
            del data[-len(ending) :]
            break
    return _taken(data)


def _from_file(file: Path) -> RedactedBytes:
    try:
        with file.open("rb", buffering=0) as source:
            data = bytearray(_READ)
            count = 0
            while count < _READ and (got := source.readinto(memoryview(data)[count:])):
                count += got
    except OSError as error:
        # The path is not repeated: somebody may have given the value itself.
        raise ValueFileError(f"The value's file cannot be read: {reason(error)}.") from None
    del data[count:]
    return _taken(data)


def _from_prompt(name: str) -> RedactedBytes:
    first = getpass.getpass(f"Value of {name}: ")
    if first != getpass.getpass("Again: "):
        raise ValueMismatchError
    return _taken(bytearray(os.fsencode(first)))


def _taken(data: bytearray) -> RedactedBytes:
    value = RedactedBytes(data)
    data[:] = bytes(len(data))
    return value
