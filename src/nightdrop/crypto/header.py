"""The first 11 bytes of everything sealed: format version, suite, epoch.

They are readable without a key, so that a mismatch can be named before anything is opened. They decide
nothing alone: suite and epoch are also bound in ``info``.
"""

import struct

from nightdrop.core.errors import InvalidError
from nightdrop.crypto.failure import Failure
from nightdrop.crypto.suite import SUITE_NUMBERS

FORMAT_VERSION = 1
_HEADER = struct.Struct("!B6sI")
HEADER_BYTES = _HEADER.size


class SealedFormError(InvalidError):
    """This is not a sealed value of a form that is accepted."""

    code = "sealed_form"
    hint = "Seal the value again with this release's command line, page or documentation."

    def __init__(self, failure: Failure) -> None:
        super().__init__(_MESSAGES[failure])
        self.failure = failure


_MESSAGES = {
    Failure.FORMAT: "The sealed value has a length that no sealed value can have.",
    Failure.VERSION: "The sealed value has a format version that is not known here.",
    Failure.SUITE: "The sealed value uses algorithms that are not allowed here.",
    Failure.EPOCH: "The sealed value belongs to a key of another epoch.",
}


def pack_header(epoch: int) -> bytes:
    """Return the header for the current format and suite."""
    return _HEADER.pack(FORMAT_VERSION, SUITE_NUMBERS, epoch)


def read_header(sealed: bytes | bytearray | memoryview) -> int:
    """Return the epoch from a header.

    Raises:
        SealedFormError: cut off, or a version or suite that is not known.
    """
    if len(sealed) == 0:
        raise SealedFormError(Failure.FORMAT)
    # The version comes first: what follows it may look different in another version.
    if sealed[0] != FORMAT_VERSION:
        raise SealedFormError(Failure.VERSION)
    if len(sealed) < HEADER_BYTES:
        raise SealedFormError(Failure.FORMAT)
    _, suite, epoch = _HEADER.unpack_from(sealed)
    if suite != SUITE_NUMBERS:
        raise SealedFormError(Failure.SUITE)
    return int(epoch)
