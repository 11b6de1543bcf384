"""Bringing a home's database to this version, before a server starts on it."""

from pathlib import Path

from nightdrop.core.config import load_config
from nightdrop.core.errors import UnavailableError
from nightdrop.core.home import open_home
from nightdrop.db.engine import Database
from nightdrop.db.migrate import current, upgrade


class DatabaseEmptyError(UnavailableError):
    """The database of this home is empty."""

    code = "database_empty"
    hint = "Put it back from a backup. A new installation is made with: nightdrop init --home DIR"


def migrate_home(root: Path) -> str:
    """Bring the database to this version; return the revision that it had.

    Raises:
        NoHomeError, HomeNotOursError, HomeReadOnlyError, HomeTooNewError, ConfigInvalidError.
        DatabaseEmptyError: nothing is in it. It is not filled: what was there is missing.
        DatabaseTooNewError, and what ``Database.open`` raises.
    """
    home = open_home(root)
    with Database.open(load_config(home).database_url(home)) as db:
        before = current(db)
        if before is None:
            raise DatabaseEmptyError
        upgrade(db)
    return before
