"""Passwords: Argon2id (RFC 9106) as PHC strings, and which passwords are taken."""

import base64
import os
import re
import unicodedata
from dataclasses import dataclass

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from nightdrop.core.errors import InvalidError

MIN_CHARACTERS = 12
MAX_CHARACTERS = 1024
_LENGTH = 32
_SALT = 16
_PHC = re.compile(r"\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
# From 0 (guessed at once) to 4; 3 is "safely unguessable: moderate protection from offline attack", 10^8 guesses.
_MIN_SCORE = 3
# The estimate takes time that grows with the square of the length, and no weak password is longer.
_ESTIMATED_CHARACTERS = 72


class PasswordTooShortError(InvalidError):
    """A password needs at least 12 characters."""

    code = "password_too_short"
    hint = "Several words in a row are long and easy to remember."


class PasswordTooLongError(InvalidError):
    """A password has at most 1024 characters."""

    code = "password_too_long"


class PasswordNotTextError(InvalidError):
    """The password holds something that is not text."""

    code = "password_not_text"


class PasswordCommonError(InvalidError):
    """This password is easy to guess."""

    code = "password_common"
    hint = "Choose one without common words, names, dates or rows of keys; the account's name does not help either."


@dataclass(frozen=True, slots=True)
class Cost:
    """Parameters of Argon2id; ``memory_kib`` in KiB."""

    memory_kib: int
    passes: int
    lanes: int


# 64 MiB, as in the second recommendation of RFC 9106, section 4, in one lane and two passes: 0.15 s of
# processor time, measured on a small virtual machine of 2026. A hash of others is replaced at the next sign-in.
COST = Cost(memory_kib=64 * 1024, passes=2, lanes=1)


class Hasher:
    """Hashes and verifies with one set of parameters. Each call costs what ``cost`` says: bound how many run."""

    def __init__(self, cost: Cost = COST) -> None:
        self._cost = cost
        # Right in form, of no password: to verify against it is the work of a wrong password.
        parts = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (_SALT, _LENGTH))
        self._nobody = f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${'$'.join(parts)}"

    def hash(self, password: str) -> str:
        """Return the PHC string of a password."""
        return self._argon(os.urandom(_SALT)).derive_phc_encoded(_bytes(password))

    def verify(self, password: str, stored: str | None) -> bool:
        """Tell whether a password fits; without a stored hash the same work is done, and it does not."""
        try:
            Argon2id.verify_phc_encoded(_bytes(password), self._nobody if stored is None else stored)
        except InvalidKey:
            return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Tell whether a hash was made with other parameters."""
        found = _PHC.fullmatch(stored)
        return found is None or Cost(*map(int, found.groups()[:3])) != self._cost

    def _argon(self, salt: bytes) -> Argon2id:
        cost = self._cost
        return Argon2id(
            salt=salt, length=_LENGTH, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib
        )


def check_password(password: str, account: str, *, field: str = "password") -> None:
    """Refuse a new password that is too short, too long, common or guessable from the account's name.

    Raises:
        PasswordTooShortError, PasswordTooLongError, PasswordNotTextError, PasswordCommonError.
    """
    if len(password) > 4 * MAX_CHARACTERS:
        raise PasswordTooLongError(field=field)
    text = unicodedata.normalize("NFC", password)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PasswordNotTextError(field=field) from None
    if len(text) < MIN_CHARACTERS:
        raise PasswordTooShortError(field=field)
    if len(text) > MAX_CHARACTERS:
        raise PasswordTooLongError(field=field)
    if _score(text, account) < _MIN_SCORE:
        raise PasswordCommonError(field=field)


def _bytes(password: str) -> bytes:
    # One form whatever keyboard it was typed on; what is not text at all fits no stored hash.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _score(text: str, account: str) -> int:
    # Its word lists take 14 MiB, and a server sets few passwords.
    from zxcvbn import zxcvbn

    own = [account, *re.split(r"[._@+-]", account), "nightdrop"]
    return int(zxcvbn(text[:_ESTIMATED_CHARACTERS], user_inputs=own)["score"])
