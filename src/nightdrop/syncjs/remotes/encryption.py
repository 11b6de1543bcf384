"""From the text in ``OTFEKey`` to what encrypts and decrypts the files of a transfer."""

from collections.abc import Iterator
from contextlib import contextmanager

from nightdrop.core.errors import NightdropError
from nightdrop.otfe.coder import Coder as OtfeCoder
from nightdrop.otfe.keys import OtfeKey, parse_key
from nightdrop.syncjs.remotes.transfer import Codec, CodecError, Coder

# What a courier has the memory for: 256 MiB. It is also what age and we write.
_MAX_WORK_FACTOR = 18


def codec(key: str) -> Codec:
    """Return the codec for a key: age identities, recipients, or a passphrase.

    Raises:
        CodecError: the text is none of these.
    """
    with _told():
        return _AgeCodec(parse_key(key, max_work_factor=_MAX_WORK_FACTOR))


class _AgeCodec:
    def __init__(self, key: OtfeKey) -> None:
        self._key = key
        self.slow = key.is_passphrase

    def encoder(self) -> Coder:
        with _told():
            return _Coder(self._key.encryptor())

    def decoder(self) -> Coder:
        with _told():
            return _Coder(self._key.decryptor())

    def sealed_size(self, size: int) -> int:
        return self._key.encrypted_size(size)


class _Coder:
    def __init__(self, coder: OtfeCoder) -> None:
        self._coder = coder

    def update(self, data: bytes) -> bytes:
        with _told():
            return self._coder.update(data)

    def finish(self) -> bytes:
        with _told():
            return self._coder.finish()


@contextmanager
def _told() -> Iterator[None]:
    """Turn the codec's failures, which are sentences of ours, into one that the transfer knows."""
    try:
        yield
    except NightdropError as error:
        raise CodecError(error.message) from None
