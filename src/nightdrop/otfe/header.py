"""The header of an age file: stanzas with the wrapped file key, and a MAC over them (c2sp.org/age, "Header")."""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from enum import Enum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nightdrop.otfe.errors import (
    ArmoredError,
    HeaderChangedError,
    HeaderError,
    NotEncryptedError,
    TooManyRecipientsError,
    TruncatedError,
    VersionError,
)

# The format has no limit; without one a hostile file could fill the memory.
MAX_HEADER_BYTES = 65536
FILE_KEY_BYTES = 16
_FAMILY = b"age-encryption.org/"
_INTRO = _FAMILY + b"v1\n"
_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
_LINE = 64
_MAC_BYTES = 32


@dataclass(frozen=True, slots=True)
class Stanza:
    """One recipient's share: its kind, further arguments, and the wrapped file key."""

    kind: str
    arguments: tuple[str, ...]
    body: bytes


def derive(key: bytes | bytearray, salt: bytes, info: bytes) -> bytes:
    """Return 32 bytes of HKDF-SHA-256 (RFC 5869)."""
    return HKDF(SHA256(), 32, salt, info).derive(key)


def to_base64(data: bytes) -> str:
    """Return ``data`` in base64 without padding."""
    return base64.b64encode(data).rstrip(b"=").decode()


def from_base64(text: str) -> bytes:
    """Return what ``text`` stands for, if it is its canonical base64 without padding (RFC 4648, section 3.5).

    Raises:
        HeaderError: it is not.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise HeaderError from None
    # Otherwise several texts would stand for one value, and a header could be changed unnoticed.
    if to_base64(data) != text:
        raise HeaderError
    return data


def serialise(stanzas: list[Stanza], file_key: bytes | bytearray) -> bytes:
    """Return the whole header.

    Raises:
        TooManyRecipientsError: it would be larger than readers accept.
    """
    covered = _INTRO + b"".join(map(_stanza_bytes, stanzas)) + b"---"
    header = covered + b" " + to_base64(_mac(covered, file_key)).encode() + b"\n"
    if len(header) > MAX_HEADER_BYTES:
        raise TooManyRecipientsError
    return header


def stanza_size(kind: str, argument_bytes: int, body_bytes: int) -> int:
    """Return the size of a stanza in bytes, with ``argument_bytes`` for its arguments and the spaces before them."""
    characters = (body_bytes * 4 + 2) // 3
    return 3 + len(kind) + argument_bytes + 1 + characters + characters // _LINE + 1


def header_size(stanza_bytes: int) -> int:
    """Return the size of a header in bytes whose stanzas take ``stanza_bytes``."""
    return len(_INTRO) + stanza_bytes + 4 + (_MAC_BYTES * 4 + 2) // 3 + 1


def _stanza_bytes(stanza: Stanza) -> bytes:
    text = to_base64(stanza.body)
    lines = [text[start : start + _LINE] for start in range(0, len(text) + 1, _LINE)]
    return "\n".join([" ".join(["->", stanza.kind, *stanza.arguments]), *lines, ""]).encode()


def _mac(covered: bytes | bytearray, file_key: bytes | bytearray) -> bytes:
    return hmac.digest(derive(file_key, b"", b"header"), covered, "sha256")


@dataclass(slots=True)
class Header:
    """A header that was read. It is authentic only after ``verify``."""

    stanzas: list[Stanza] = field(default_factory=list)
    mac: bytes = b""
    covered: bytes = b""
    size: int = 0

    def verify(self, file_key: bytes | bytearray) -> None:
        """Check the MAC.

        Raises:
            HeaderChangedError: the header is not what the writer wrote.
        """
        if not hmac.compare_digest(_mac(self.covered, file_key), self.mac):
            raise HeaderChangedError


class _Expect(Enum):
    INTRO = 0
    STANZA = 1
    STANZA_OR_MAC = 2
    BODY = 3
    NOTHING = 4


class HeaderReader:
    """Reads a header from pieces of a file, one line at a time."""

    def __init__(self) -> None:
        self._read = bytearray()
        self._parsed = 0
        self._expect = _Expect.INTRO
        self._header = Header()
        self._arguments: list[str] = []
        self._body = ""

    def feed(self, data: bytes | bytearray | memoryview) -> tuple[Header, bytes] | None:
        """Take more of the file; return the header and what follows it in ``data`` once it is complete.

        Raises:
            NotEncryptedError, ArmoredError, VersionError, HeaderError.
        """
        # One byte above the limit tells a header that is too large.
        room = MAX_HEADER_BYTES + 1 - len(self._read)
        self._read += data[:room]
        if self._expect is _Expect.INTRO:
            self._check_family()
        while (end := self._read.find(b"\n", self._parsed)) >= 0:
            if end >= MAX_HEADER_BYTES:
                break
            self._line(bytes(self._read[self._parsed : end]), end + 1)
            self._parsed = end + 1
            if self._expect is _Expect.NOTHING:
                return self._header, bytes(self._read[end + 1 :]) + bytes(data[room:])
        if len(self._read) > MAX_HEADER_BYTES:
            raise HeaderError
        return None

    def end(self) -> None:
        """The file has ended within its header.

        Raises:
            NotEncryptedError: it is empty.
            TruncatedError: it is not.
        """
        raise TruncatedError if self._read else NotEncryptedError

    def _check_family(self) -> None:
        begin = bytes(self._read[: len(_ARMOR)])
        if begin.startswith(_ARMOR):
            raise ArmoredError
        if not (_ARMOR.startswith(begin) or _FAMILY.startswith(begin) or begin.startswith(_FAMILY)):
            raise NotEncryptedError

    def _line(self, line: bytes, end: int) -> None:
        if self._expect is _Expect.INTRO:
            self._intro(line)
        elif self._expect is _Expect.BODY:
            self._body_line(line)
        elif line.startswith(b"-> "):
            self._stanza_line(line)
        elif line.startswith(b"--- ") and self._expect is _Expect.STANZA_OR_MAC:
            self._mac_line(line, end)
        else:
            raise HeaderError

    def _intro(self, line: bytes) -> None:
        if not line.startswith(_FAMILY):
            raise NotEncryptedError
        if line + b"\n" != _INTRO:
            version = line.removeprefix(_FAMILY)
            raise VersionError if version and _is_visible(version) else HeaderError
        self._expect = _Expect.STANZA

    def _stanza_line(self, line: bytes) -> None:
        arguments = line[3:].split(b" ")
        if not all(argument and _is_visible(argument) for argument in arguments):
            raise HeaderError
        self._arguments = [argument.decode("ascii") for argument in arguments]
        self._body = ""
        self._expect = _Expect.BODY

    def _body_line(self, line: bytes) -> None:
        if len(line) > _LINE or not line.isascii():
            raise HeaderError
        self._body += line.decode("ascii")
        if len(line) < _LINE:
            kind, *arguments = self._arguments
            self._header.stanzas.append(Stanza(kind, tuple(arguments), from_base64(self._body)))
            self._expect = _Expect.STANZA_OR_MAC

    def _mac_line(self, line: bytes, end: int) -> None:
        if not line.isascii():
            raise HeaderError
        mac = from_base64(line[4:].decode("ascii"))
        if len(mac) != _MAC_BYTES:
            raise HeaderError
        self._header.mac = mac
        self._header.covered = bytes(self._read[: self._parsed + 3])
        self._header.size = end
        self._expect = _Expect.NOTHING


def _is_visible(text: bytes) -> bool:
    return all(0x21 <= char <= 0x7E for char in text)
