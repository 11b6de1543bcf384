"""Decrypting a stream that is pushed in (c2sp.org/age, "Payload")."""

from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nightdrop.crypto.memory import wipe
from nightdrop.otfe.coder import Coder
from nightdrop.otfe.errors import (
    DamagedError,
    NoIdentityError,
    OtfeError,
    TrailingDataError,
    TruncatedError,
    WrongKeyError,
)
from nightdrop.otfe.header import FILE_KEY_BYTES, Header, HeaderReader, derive
from nightdrop.otfe.pieces import Buffer, Pieces
from nightdrop.otfe.recipients import Identity
from nightdrop.otfe.scrypt import check_alone
from nightdrop.otfe.sizes import CHUNK_BYTES, NONCE_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES


class Decryptor(Coder):
    """Decrypts one file. Every byte that comes out is authentic; the whole file is only after ``finish``.

    After an error it is of no more use, and what came out before is the beginning of a file that may go on in another
    way: throw it away.
    """

    def __init__(self, identities: Sequence[Identity]) -> None:
        """Take what may open the file.

        Raises:
            NoIdentityError: there is nothing.
        """
        super().__init__()
        if not identities:
            raise NoIdentityError
        self._identities = identities
        self._reader: HeaderReader | None = HeaderReader()
        self._header: Header | None = None
        self._file_key = b""
        self._start = bytearray()
        self._aead: ChaCha20Poly1305 | None = None
        self._pieces = Pieces(SEALED_CHUNK_BYTES)
        self._count = 0
        self._usable = True

    @property
    def header_bytes(self) -> int | None:
        """The size of the file's header, or None while it is not complete."""
        return self._header.size if self._header is not None else None

    def room_for(self, size: int) -> int:
        waiting = self._pieces.held + len(self._start)
        return (waiting + size) // SEALED_CHUNK_BYTES * CHUNK_BYTES

    def update_into(self, data: Buffer, out: bytearray | memoryview) -> int:
        """Take more of the encrypted file; return how many bytes of ``out`` are the next ones of the content.

        When it raises, ``out`` holds nothing that is not authentic.

        Raises:
            OtfeError: NotEncryptedError, WrongKeyError, DamagedError and the others of ``errors``.
            ValueError: the file is finished, or has failed.
        """
        self._check_usable()
        # Until it has gone well it has not: an error leaves it unusable.
        self._usable = False
        rest: Buffer = data
        if self._aead is None:
            rest = self._begin(data)
        done = self._open_pieces(rest, memoryview(out)) if self._aead is not None else 0
        self._usable = True
        return done

    def finish(self) -> bytes:
        """End the encrypted file; return the rest of the content. Only now is the file known to be whole.

        Raises:
            OtfeError: as ``update_into``, and TruncatedError.
            ValueError: the file is finished already, or has failed.
        """
        self._check_usable()
        self._usable = False
        if self._reader is not None:
            self._reader.end()
        if self._aead is None:
            raise TruncatedError
        return self._open_last(self._aead, self._pieces.last())

    def _begin(self, data: Buffer) -> Buffer:
        """Read header and nonce; return what follows them, or nothing while they are not complete."""
        if self._reader is not None:
            complete = self._reader.feed(data)
            if complete is None:
                return b""
            self._header, data = complete
            self._reader = None
            self._file_key = self._unwrap(self._header)
        self._start += data
        if len(self._start) < NONCE_BYTES:
            return b""
        rest = bytes(memoryview(self._start)[NONCE_BYTES:])
        payload_key = derive(self._file_key, bytes(self._start[:NONCE_BYTES]), b"payload")
        self._aead = ChaCha20Poly1305(payload_key)
        wipe(self._file_key)
        self._start.clear()
        return rest

    def _unwrap(self, header: Header) -> bytes:
        check_alone(header.stanzas)
        for identity in self._identities:
            file_key = identity.unwrap(header.stanzas)
            if file_key is not None:
                assert len(file_key) == FILE_KEY_BYTES
                header.verify(file_key)
                return file_key
        raise WrongKeyError

    def _open_pieces(self, data: Buffer, out: memoryview) -> int:
        assert self._aead is not None
        done = 0
        for piece in self._pieces.feed(data):
            target = out[done : done + CHUNK_BYTES]
            try:
                self._aead.decrypt_into(_nonce(self._count, last=False), piece, None, target)
            except InvalidTag:
                wipe(target)
                raise self._why(piece, was_last=False) from None
            self._count += 1
            done += CHUNK_BYTES
        return done

    def _open_last(self, aead: ChaCha20Poly1305, piece: memoryview) -> bytes:
        if not len(piece):
            raise TruncatedError
        try:
            content = aead.decrypt(_nonce(self._count, last=True), piece, None)
        except InvalidTag:
            raise self._why(piece, was_last=True) from None
        if not content and self._count:
            # Nobody who keeps to the format writes this: there would be two files for one content.
            raise DamagedError
        return content

    def _why(self, piece: memoryview, *, was_last: bool) -> OtfeError:
        """Tell a chunk that is changed from one that is authentic and at the wrong place in the file."""
        assert self._aead is not None
        if len(piece) < TAG_BYTES:
            return TruncatedError()
        try:
            wipe(self._aead.decrypt(_nonce(self._count, last=not was_last), piece, None))
        except InvalidTag:
            return DamagedError()
        return TruncatedError() if was_last else TrailingDataError()

    def _check_usable(self) -> None:
        if not self._usable:
            raise ValueError("this file is finished, or has failed")


def _nonce(count: int, *, last: bool) -> bytes:
    return (count << 8 | last).to_bytes(12)
