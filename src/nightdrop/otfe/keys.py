"""The key of a file as text: what ``OTFEKey`` and the command line take.

One text is one of three:

- identities ``AGE-SECRET-KEY-1...``: they decrypt, and encrypt to their own recipients;
- recipients ``age1...``: they encrypt only; they may stand beside identities;
- anything else: a passphrase.

Keys are separated by white space or commas; lines that begin with ``#`` are left out, as in the files of age-keygen. A
text with a word that begins as a key does is never taken as a passphrase: a mistyped recipient is no secret.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nightdrop.core.redacted import RedactedBytes
from nightdrop.otfe import bech32, hybrid, x25519
from nightdrop.otfe.decrypt import Decryptor
from nightdrop.otfe.encrypt import Encryptor
from nightdrop.otfe.errors import (
    KeyEmptyError,
    KeyFormError,
    KeysMixedError,
    KeyUnsupportedError,
    NoIdentityError,
    TooManyRecipientsError,
)
from nightdrop.otfe.header import MAX_HEADER_BYTES, header_size
from nightdrop.otfe.hybrid import HybridIdentity, HybridRecipient
from nightdrop.otfe.recipients import Identity, Recipient
from nightdrop.otfe.scrypt import MAX_WORK_FACTOR, Passphrase
from nightdrop.otfe.sizes import encrypted_size, plain_size
from nightdrop.otfe.x25519 import X25519Identity, X25519Recipient

_BEGINS = ("age1", "age-secret-key-", "age-plugin-")
# Public keys are no passphrases, and whoever gives a private one expects more than a passphrase.
_FOREIGN = ("ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "-----begin ")
_SEPARATOR = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True, repr=False)
class OtfeKey:
    """What encrypts and decrypts files. Its text form says nothing."""

    recipients: Sequence[Recipient]
    identities: Sequence[Identity]

    @property
    def can_decrypt(self) -> bool:
        return bool(self.identities)

    @property
    def is_passphrase(self) -> bool:
        """Whether beginning a file means deriving a key from a passphrase: a second, and 256 MiB."""
        return any(isinstance(recipient, Passphrase) for recipient in self.recipients)

    @property
    def header_bytes(self) -> int:
        """The size of the header of every file that this key writes."""
        return header_size(sum(recipient.stanza_bytes for recipient in self.recipients))

    def encryptor(self) -> Encryptor:
        """Return what encrypts one file.

        Raises:
            ScryptMemoryError: there is not enough memory for a passphrase.
        """
        return Encryptor(self.recipients)

    def decryptor(self) -> Decryptor:
        """Return what decrypts one file.

        Raises:
            NoIdentityError: the key has recipients only.
        """
        return Decryptor(self.identities)

    def encrypted_size(self, plain: int) -> int:
        """Return the size in bytes of a file that this key writes, for ``plain`` bytes of content."""
        return encrypted_size(plain, self.header_bytes)

    def plain_size(self, encrypted: int) -> int:
        """Return the size in bytes of the content of a file that this key wrote; another writer's may differ.

        Raises:
            SizeError: this key writes no file of that size.
        """
        return plain_size(encrypted, self.header_bytes)


def parse_key(text: str, *, max_work_factor: int = MAX_WORK_FACTOR) -> OtfeKey:
    """Return the key that ``text`` stands for.

    Args:
        text: identities, recipients or a passphrase. One line break at the end does not belong to a passphrase.
        max_work_factor: the most that a file with a passphrase may ask for, as a base-two logarithm.

    Raises:
        KeyEmptyError: there is nothing in it but white space.
        KeyFormError: a word begins as a key does, and not all words are keys.
        KeyUnsupportedError: a key of SSH or of a plugin of age.
        KeysMixedError: post-quantum recipients beside others.
        TooManyRecipientsError: more than a header has room for.
    """
    words = _words(text)
    if not _has_keys(words):
        return passphrase_key(text, max_work_factor=max_work_factor)
    identities: list[X25519Identity | HybridIdentity] = []
    recipients: list[X25519Recipient | HybridRecipient] = []
    for word in words:
        if word.lower().startswith("age-"):
            identities.append(parse_identity(word))
        else:
            recipients.append(parse_recipient(word))
    return _combined(identities, recipients)


def passphrase_key(text: str, *, max_work_factor: int = MAX_WORK_FACTOR) -> OtfeKey:
    """Return the key for a text that must be a passphrase.

    Raises:
        KeyEmptyError: there is nothing in it but white space.
        KeyFormError: a word begins as a key does, or the text has no UTF-8 form.
        KeyUnsupportedError: a key of SSH.
    """
    if _has_keys(_words(text)):
        raise KeyFormError("This is not a passphrase: a word in it begins as an age key does.")
    for ending in ("\r\n", "\n"):
        if text.endswith(ending):
            text = text.removesuffix(ending)
            break
    if not text.strip():
        raise KeyEmptyError
    if text.lstrip().lower().startswith(_FOREIGN):
        raise KeyUnsupportedError
    try:
        secret = Passphrase(RedactedBytes(text.encode()), max_work_factor=max_work_factor)
    except UnicodeEncodeError:
        raise KeyFormError from None
    return OtfeKey((secret,), (secret,))


def recipients_key(texts: Sequence[str]) -> OtfeKey:
    """Return the key that encrypts to each of ``texts``.

    Raises:
        KeyEmptyError, KeyFormError, KeyUnsupportedError, KeysMixedError, TooManyRecipientsError: as ``parse_key``.
    """
    return _combined([], [parse_recipient(text) for text in texts])


def identities_key(text: str) -> OtfeKey:
    """Return the key of a file of identities, as age-keygen and ``nightdrop otfe keygen`` write it.

    Raises:
        KeyEmptyError: there is no identity in it.
        KeyFormError, KeyUnsupportedError: a word is no identity.
        NoIdentityError: it is a recipient.
    """
    return _combined([parse_identity(word) for word in _words(text)], [])


def parse_recipient(text: str) -> X25519Recipient | HybridRecipient:
    """Return the recipient that ``text`` stands for.

    Raises:
        KeyEmptyError: there is nothing.
        KeyFormError: it is none.
        KeyUnsupportedError: it is one of SSH or of a plugin.
    """
    prefix, data = _decoded(text)
    if prefix == x25519.RECIPIENT_PREFIX and text.islower():
        return X25519Recipient(data)
    if prefix == hybrid.RECIPIENT_PREFIX and text.islower():
        return HybridRecipient(data)
    if prefix.startswith("age1"):
        raise KeyUnsupportedError
    raise KeyFormError(
        "This is an identity, not a recipient." if prefix.startswith("age-secret-key-") else None,
        hint="A recipient begins with age1. nightdrop otfe keygen prints it beside the identity.",
    )


def parse_identity(text: str) -> X25519Identity | HybridIdentity:
    """Return the identity that ``text`` stands for.

    Raises:
        KeyEmptyError: there is nothing.
        KeyFormError: it is none.
        KeyUnsupportedError: it is one of SSH or of a plugin.
        NoIdentityError: it is a recipient.
    """
    prefix, data = _decoded(text)
    if prefix == x25519.IDENTITY_PREFIX and text.isupper():
        return X25519Identity(data)
    if prefix == hybrid.IDENTITY_PREFIX and text.isupper():
        return HybridIdentity(data)
    if prefix.startswith("age-plugin-"):
        raise KeyUnsupportedError
    if prefix.startswith("age") and not prefix.startswith("age-"):
        raise NoIdentityError
    raise KeyFormError


def _decoded(text: str) -> tuple[str, bytes]:
    if not text.strip():
        raise KeyEmptyError
    if text.lower().startswith(_FOREIGN):
        raise KeyUnsupportedError
    try:
        return bech32.decode(text)
    except ValueError:
        raise KeyFormError from None


def _has_keys(words: list[str]) -> bool:
    return any(word.lower().startswith(_BEGINS) for word in words)


def _words(text: str) -> list[str]:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [word for line in lines for word in _SEPARATOR.split(line) if word]


def _combined(
    identities: Sequence[X25519Identity | HybridIdentity], recipients: Sequence[X25519Recipient | HybridRecipient]
) -> OtfeKey:
    every: dict[str, Recipient] = {}
    for recipient in [*(identity.recipient for identity in identities), *recipients]:
        every[str(recipient)] = recipient
    if not every:
        raise KeyEmptyError
    if len({recipient.post_quantum for recipient in every.values()}) > 1:
        raise KeysMixedError
    key = OtfeKey(tuple(every.values()), tuple(identities))
    if key.header_bytes > MAX_HEADER_BYTES:
        raise TooManyRecipientsError
    return key
