"""Opening what was sealed. Only the keeper imports this module; an import contract and a test hold that."""

from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from nightdrop.core.errors import NightdropError
from nightdrop.core.redacted import RedactedBytes
from nightdrop.crypto.failure import Failure
from nightdrop.crypto.header import HEADER_BYTES, SealedFormError, read_header
from nightdrop.crypto.info import BindingInvalidError, Purpose, secret_info, seed_info
from nightdrop.crypto.memory import wipe
from nightdrop.crypto.policy import Policy
from nightdrop.crypto.record import RecordError, decode_record
from nightdrop.crypto.sealing import check_sealed_form
from nightdrop.crypto.seeds import SEALED_SEED_BYTES
from nightdrop.crypto.suite import SUITE, hpke_suite, require_support
from nightdrop.crypto.xwing import expand, public_bytes

__all__ = ["Failure", "OpenError", "SitePrivateKey", "open_secret", "open_seed", "wipe"]


class OpenError(NightdropError):
    """A sealed value does not open."""

    code = "open_failed"

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


class SitePrivateKey:
    """A site's private key, expanded once: expanding costs more than an opening."""

    __slots__ = ("_key",)

    def __init__(self, seed: bytes | bytearray) -> None:
        require_support()
        self._key: MLKEM768X25519PrivateKey = expand(seed)

    def open(self, ciphertext: memoryview, info: bytes) -> bytes:
        """Return the plaintext; the caller wipes it.

        Raises:
            OpenError: with ``failure`` ``authentication``.
        """
        return _decrypt(self._key, ciphertext, info)

    def __repr__(self) -> str:
        return "<SitePrivateKey>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key cannot be pickled")


def open_secret(
    key: SitePrivateKey,
    sealed: bytes | bytearray | memoryview,
    *,
    site_id: str,
    epoch: int,
    name: str,
    revision: int,
) -> tuple[bytearray, Policy]:
    """Return the value, which the caller wipes, and the policy that was sealed with it.

    Raises:
        OpenError: ``failure`` says why: see ``Failure``.
    """
    try:
        sealed_for = check_sealed_form(sealed)
    except SealedFormError as error:
        raise OpenError(error.failure) from None
    _same_epoch(sealed_for, epoch)
    try:
        info = secret_info(SUITE, site_id, epoch, name, revision)
    except (BindingInvalidError, UnicodeEncodeError):
        # Nothing can have been sealed as such a row.
        raise OpenError(Failure.AUTHENTICATION) from None
    plaintext = key.open(memoryview(sealed)[HEADER_BYTES:], info)
    try:
        return decode_record(plaintext)
    except RecordError as error:
        raise OpenError(error.failure) from None
    finally:
        wipe(plaintext)


def open_seed(
    private_seed: bytes | bytearray,
    sealed: bytes | bytearray | memoryview,
    *,
    purpose: Purpose,
    subject: str,
    epoch: int,
) -> RedactedBytes:
    """Return a 32-byte seed that was sealed to the recipient whose own seed is ``private_seed``.

    Raises:
        OpenError: ``failure`` says why: see ``Failure``.
        KeyInvalidError: ``private_seed`` is not 32 bytes.
    """
    require_support()
    try:
        sealed_for = read_header(sealed)
    except SealedFormError as error:
        raise OpenError(error.failure) from None
    if len(sealed) != SEALED_SEED_BYTES:
        raise OpenError(Failure.FORMAT)
    _same_epoch(sealed_for, epoch)
    info = seed_info(SUITE, purpose, subject, epoch, public_bytes(private_seed))
    seed = _decrypt(expand(private_seed), memoryview(sealed)[HEADER_BYTES:], info)
    try:
        return RedactedBytes(seed)
    finally:
        wipe(seed)


def _same_epoch(sealed_for: int, epoch: int) -> None:
    if sealed_for != epoch:
        raise OpenError(Failure.EPOCH)


def _decrypt(key: MLKEM768X25519PrivateKey, ciphertext: memoryview, info: bytes) -> bytes:
    try:
        return hpke_suite().decrypt(ciphertext, key, info)
    except InvalidTag:
        raise OpenError(Failure.AUTHENTICATION) from None
