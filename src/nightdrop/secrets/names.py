"""What a secret's name and description may be."""

import unicodedata

from nightdrop.core.errors import InvalidError

MAX_NAME = 128
MAX_DESCRIPTION = 500
# Between name and description in the searched text. Neither may contain it, so no match reaches across.
SEPARATOR = "\x1f"
# An index row of PostgreSQL holds 2704 bytes, and this is in one.
_MAX_SEARCH_BYTES = 2000


class SecretNameError(InvalidError):
    """The name of the secret is not valid."""

    # The message repeats neither the name nor anything else: people paste values into the wrong field.
    code = "secret_name"
    hint = "Use 1 to 128 printable ASCII characters, with no space at either end."


class SecretDescriptionError(InvalidError):
    """The description is not valid."""

    code = "secret_description"
    hint = "Use at most 500 characters of text."


def check_name(name: str) -> None:
    """Check a secret's name.

    Raises:
        SecretNameError: the message does not repeat the name.
    """
    if not (1 <= len(name) <= MAX_NAME and name.isascii() and name.isprintable() and name == name.strip(" ")):
        raise SecretNameError(field="name")


def check_description(description: str) -> None:
    """Check a description: text of any script, line breaks and tabs.

    Raises:
        SecretDescriptionError
    """
    if len(description) > MAX_DESCRIPTION or any(
        unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in description
    ):
        raise SecretDescriptionError(field="description")


def fold(text: str) -> str:
    """Return ``text`` as it is searched and sorted: without regard to case."""
    return unicodedata.normalize("NFC", text).casefold()


def search_text(name: str, description: str) -> str:
    """Return what a search looks through."""
    folded = f"{fold(name)}{SEPARATOR}{fold(description)}".encode()
    return folded[:_MAX_SEARCH_BYTES].decode("utf-8", "ignore")
