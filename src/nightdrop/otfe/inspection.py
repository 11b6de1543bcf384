"""What can be said of an encrypted file without any key. None of it is authentic."""

from dataclasses import dataclass

from nightdrop.otfe.errors import HeaderError, SizeError
from nightdrop.otfe.header import Header, HeaderReader
from nightdrop.otfe.pieces import Buffer
from nightdrop.otfe.scrypt import KIND, check_alone, read_scrypt
from nightdrop.otfe.sizes import plain_size

_POST_QUANTUM = frozenset({KIND, "mlkem768x25519", "mlkem768p256tag"})


@dataclass(frozen=True, slots=True)
class Inspection:
    """A file as its header and its size describe it."""

    recipients: tuple[str, ...]
    """The kind of each recipient, in the order of the file; writers may add some that are nobody's."""
    work_factor: int | None
    """Of a passphrase, the base-two logarithm of the rounds; else None."""
    post_quantum: bool
    """Whether each kind of recipient is one that a quantum computer does not open, as far as we know the kinds."""
    header_bytes: int
    encrypted_bytes: int
    content_bytes: int | None
    """The size of the content, or None when no whole file has this size."""


class Inspector:
    """Takes an encrypted file in pieces of any size; keeps its header only."""

    def __init__(self) -> None:
        self._reader = HeaderReader()
        self._header: Header | None = None
        self._size = 0

    def update(self, data: Buffer) -> None:
        """Take more of the file.

        Raises:
            NotEncryptedError, ArmoredError, VersionError, HeaderError.
        """
        self._size += memoryview(data).nbytes
        if self._header is None and (complete := self._reader.feed(data)) is not None:
            self._header = complete[0]

    def finish(self) -> Inspection:
        """Return what the file is.

        Raises:
            NotEncryptedError, TruncatedError, HeaderError.
        """
        if self._header is None:
            self._reader.end()
            raise HeaderError
        stanzas, header = self._header.stanzas, self._header.size
        check_alone(stanzas)
        try:
            content = plain_size(self._size, header)
        except SizeError:
            content = None
        return Inspection(
            recipients=tuple(stanza.kind for stanza in stanzas),
            work_factor=read_scrypt(stanzas[0])[1] if stanzas[0].kind == KIND else None,
            post_quantum=all(stanza.kind in _POST_QUANTUM for stanza in stanzas),
            header_bytes=header,
            encrypted_bytes=self._size,
            content_bytes=content,
        )
