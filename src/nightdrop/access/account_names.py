"""Names of accounts: one form for all ways to type one, decided in one place."""

import re
import unicodedata

from nightdrop.core.errors import InvalidError

MAX_NAME = 64
# ASCII alone: no two names look alike and differ. No slash: the audit log shows a token as NAME/TOKEN.
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


class AccountNameError(InvalidError):
    """The name of the account is not valid."""

    code = "account_name"
    hint = "Use 1 to 64 letters, digits and . _ @ + -, beginning with a letter or digit. Case does not matter."


def normalised(typed: str) -> str | None:
    """Return the one form of a name, ``None`` when no account can be called so.

    NFKC, then lower case, without white space at the ends. Throttling, look-up and storage all use this form, so
    case, spaces and compatibility characters never lead to a second count or a second account.
    """
    if len(typed) > 4 * MAX_NAME:
        return None
    name = unicodedata.normalize("NFKC", typed).casefold().strip()
    return name if _NAME.fullmatch(name) else None


def check_account_name(typed: str) -> str:
    """Return the normalised form of a new account's name.

    Raises:
        AccountNameError
    """
    name = normalised(typed)
    if name is None:
        raise AccountNameError(field="name")
    return name
