"""What a secret value may be: UTF-8 text of 1 byte to 1 MiB, without NUL."""

import re

from nightdrop.core.errors import InvalidError, TooLargeError

MAX_VALUE_BYTES = 1024 * 1024

# RFC 3629 section 4, without NUL. Matched on the bytes: decoding would leave a str of the value that nobody
# can overwrite. Possessive, so that a long value costs no backtracking stack.
_UTF8 = re.compile(
    rb"(?:[\x01-\x7f]++"
    rb"|[\xc2-\xdf][\x80-\xbf]"
    rb"|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
    rb")*+"
)

# At least three asterisks, bullets (U+2022) or black circles (U+25CF), or such a word in brackets.
_PLACEHOLDER = re.compile(
    rb"\s*(?:(?:\*|\xe2\x80\xa2|\xe2\x97\x8f){3,}|[\[<(](?:hidden|redacted|masked|secret)[^\n]{0,40}[\])>])\s*",
    re.IGNORECASE,
)


class ValueEmptyError(InvalidError):
    """The value is empty."""

    code = "value_empty"
    hint = "Give at least one character, or delete the secret: a script then gets an empty string."


class ValueTooLargeError(TooLargeError):
    """The value is larger than 1 MiB."""

    code = "value_too_large"
    hint = "Secrets hold credentials; put large content into the site's files, encrypted with a secret passphrase."


class ValueNotTextError(InvalidError):
    """The value is not UTF-8 text."""

    code = "value_not_text"
    hint = "Encode binary content as base64 first."


class ValueHasNulError(InvalidError):
    """The value contains a NUL character."""

    code = "value_has_nul"
    hint = "Remove the NUL character; binary content can be stored as base64."


class PlaceholderValueError(InvalidError):
    """The value is a placeholder, such as ***, that stands for a value."""

    code = "value_placeholder"
    hint = "Nothing was stored. Give the value itself."


def refuse_placeholder(value: bytes | bytearray | memoryview) -> None:
    """Refuse what programs show in place of a value: saving an untouched form would store it.

    Only where a value comes in. What is stored already opens, whatever it is.

    Raises:
        PlaceholderValueError
    """
    if _PLACEHOLDER.fullmatch(value) is not None:
        raise PlaceholderValueError(field="value")


def check_value(value: bytes | bytearray | memoryview) -> None:
    """Check that ``value`` may be a secret's value.

    Raises:
        ValueEmptyError, ValueTooLargeError, ValueHasNulError, ValueNotTextError.
    """
    if len(value) == 0:
        raise ValueEmptyError(field="value")
    if len(value) > MAX_VALUE_BYTES:
        raise ValueTooLargeError(field="value")
    if 0 in value:
        raise ValueHasNulError(field="value")
    if _UTF8.fullmatch(value) is None:
        raise ValueNotTextError(field="value")
