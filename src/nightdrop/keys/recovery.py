"""The recovery key: printed once when an installation is made, kept nowhere, able to open every site key."""

from nightdrop.core.errors import InvalidError
from nightdrop.core.redacted import RedactedBytes
from nightdrop.crypto.memory import wipe
from nightdrop.keys.printed import PrintedSeedError, format_seed, parse_seed

RECOVERY_LABEL = "NIGHTDROP-RECOVERY-1"


class RecoveryKeyInvalidError(InvalidError):
    """This is not a recovery key."""

    code = "recovery_key_invalid"
    hint = "It starts with NIGHTDROP-RECOVERY-1 and goes on with 14 groups of 4 characters."

    def __init__(self, problem: str) -> None:
        super().__init__(_MESSAGES[problem])


_MESSAGES = {
    "label": "The recovery key does not start with NIGHTDROP-RECOVERY-1.",
    "length": "The recovery key does not have 14 groups of 4 characters.",
    "character": "The recovery key contains a character that no recovery key has.",
    "checksum": "The recovery key has a typing error: its checksum does not match.",
}


def print_recovery_key(seed: bytes | bytearray) -> RedactedBytes:
    """Return the printed form of a 32-byte recovery seed, as ASCII."""
    return format_seed(RECOVERY_LABEL, seed)


def parse_recovery_key(text: str | bytes | bytearray) -> RedactedBytes:
    """Return the 32-byte seed from the printed form; the caller wipes it.

    Prefer ``bytes``: a ``str`` cannot be overwritten.

    Raises:
        RecoveryKeyInvalidError: not a recovery key, or mistyped; the message never repeats it.
    """
    given = bytearray(text, "utf-8") if isinstance(text, str) else bytearray(text)
    try:
        return parse_seed(RECOVERY_LABEL, given)
    except PrintedSeedError as error:
        raise RecoveryKeyInvalidError(error.problem) from None
    finally:
        wipe(given)
