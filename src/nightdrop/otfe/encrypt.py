"""Encrypting a stream that is pushed in (c2sp.org/age, "Payload")."""

import os
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nightdrop.crypto.memory import wipe
from nightdrop.otfe.coder import Coder
from nightdrop.otfe.errors import KeyEmptyError
from nightdrop.otfe.header import FILE_KEY_BYTES, derive, serialise
from nightdrop.otfe.pieces import Buffer, Pieces
from nightdrop.otfe.recipients import Recipient
from nightdrop.otfe.sizes import CHUNK_BYTES, NONCE_BYTES, SEALED_CHUNK_BYTES


class Encryptor(Coder):
    """Encrypts one file. What ``update`` and ``finish`` return, put together, is the encrypted file.

    An encryptor that is not finished has written a file that nobody can mistake for a whole one.
    """

    def __init__(self, recipients: Sequence[Recipient]) -> None:
        """Draw a new file key and give it to each of ``recipients``.

        Raises:
            KeyEmptyError: there is no recipient.
            TooManyRecipientsError: there are more than a header has room for.
            ScryptMemoryError: there is not enough memory for a passphrase.
        """
        super().__init__()
        if not recipients:
            raise KeyEmptyError
        file_key = bytearray(os.urandom(FILE_KEY_BYTES))
        header = serialise([recipient.wrap(file_key) for recipient in recipients], file_key)
        nonce = os.urandom(NONCE_BYTES)
        payload_key = derive(file_key, nonce, b"payload")
        wipe(file_key)
        self._aead = ChaCha20Poly1305(payload_key)
        self._start = header + nonce
        self._pieces = Pieces(CHUNK_BYTES)
        self._count = 0
        self._finished = False

    def room_for(self, size: int) -> int:
        return len(self._start) + (self._pieces.held + size) // CHUNK_BYTES * SEALED_CHUNK_BYTES

    def update_into(self, data: Buffer, out: bytearray | memoryview) -> int:
        """Take more of the content; return how many bytes of ``out`` are the next ones of the file, often none.

        Raises:
            ValueError: the file is finished.
        """
        self._check_open()
        view = memoryview(out)
        done = len(self._start)
        view[:done] = self._start
        self._start = b""
        for piece in self._pieces.feed(data):
            self._aead.encrypt_into(self._nonce(last=False), piece, None, view[done : done + SEALED_CHUNK_BYTES])
            done += SEALED_CHUNK_BYTES
        return done

    def finish(self) -> bytes:
        """End the content; return the rest of the file.

        Raises:
            ValueError: the file is finished already.
        """
        self._check_open()
        self._finished = True
        rest = self._start + self._aead.encrypt(self._nonce(last=True), self._pieces.last(), None)
        wipe(self._pieces.last())
        return rest

    def _nonce(self, *, last: bool) -> bytes:
        nonce = self._count << 8 | last
        self._count += 1
        return nonce.to_bytes(12, "big")

    def _check_open(self) -> None:
        if self._finished:
            raise ValueError("this file is finished")
