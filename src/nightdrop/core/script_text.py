"""What a script's code and name may be; the same for stored scripts and for code that is run once."""

import re

from nightdrop.core.errors import InvalidError, TooLargeError
from nightdrop.core.ids import is_id

MAX_CODE = 1024 * 1024
MAX_NAME = 128
SCRIPT_PREFIX = "scr"
_REQUIRES = re.compile(r"//\s*requires:(.*)")


class ScriptNameError(InvalidError):
    """The name of the script is not valid."""

    code = "script_name"
    hint = "Use 1 to 128 printable characters, with no space at either end."


class ScriptEmptyError(InvalidError):
    """The script is empty."""

    code = "script_empty"
    hint = "Write at least one statement."


class ScriptTooLargeError(TooLargeError):
    """The script is larger than 1 MiB."""

    code = "script_too_large"
    hint = "Split it, or load its data from a file of the site."


class ScriptNotTextError(InvalidError):
    """The script is not UTF-8 text, or it contains a NUL character."""

    code = "script_not_text"
    hint = "Save the file as UTF-8."


def check_script_name(name: str) -> None:
    """Check a script's name.

    Raises:
        ScriptNameError: the message does not repeat the name.
    """
    # A name in the form of an id would make "the script called X" ambiguous.
    good = 1 <= len(name) <= MAX_NAME and name.isprintable() and name == name.strip() and not is_id(name, SCRIPT_PREFIX)
    if not good:
        raise ScriptNameError(field="name")


def check_code(code: str) -> bytes:
    """Check a script's code and return it in UTF-8.

    Raises:
        ScriptEmptyError, ScriptTooLargeError, ScriptNotTextError.
    """
    if not code:
        raise ScriptEmptyError(field="code")
    if len(code) > MAX_CODE:
        raise ScriptTooLargeError(field="code")
    try:
        data = code.encode()
    except UnicodeEncodeError:
        raise ScriptNotTextError(field="code") from None
    if len(data) > MAX_CODE:
        raise ScriptTooLargeError(field="code")
    if "\0" in code:
        raise ScriptNotTextError(field="code")
    return data


def required_secrets(code: str) -> tuple[str, ...]:
    """Return the names that a script says it needs: ``// requires: a, b`` among the comment lines at its top."""
    names: dict[str, None] = {}
    for line in code.splitlines():
        comment = line.strip().lstrip("\ufeff")
        if comment and not comment.startswith(("//", "#!")):
            break
        if (found := _REQUIRES.match(comment)) is not None:
            names |= dict.fromkeys(name for part in found[1].split(",") if (name := part.strip()))
    return tuple(names)
