"""Where the keeper's data is on PostgreSQL, if it is: ``keeper/keeper.toml``, or ``NIGHTDROP_KEEPER_DATABASE``.

Apart from ``nightdrop.toml``, because the web process reads that one, and must not become the keeper's role.
"""

import json
import os
import tomllib

from nightdrop.core.errors import InvalidError
from nightdrop.core.home import Home, write_private

VARIABLE = "NIGHTDROP_KEEPER_DATABASE"
_SCHEMES = ("postgresql://", "postgresql+psycopg://")


class KeeperConfigError(InvalidError):
    """The address of the keeper's database is not valid."""

    code = "keeper_config_invalid"
    hint = 'keeper/keeper.toml has one line: database = "postgresql://USER:PASSWORD@HOST/NAME"'


def keeper_database(home: Home) -> str | None:
    """Return the URL of the keeper's database as libpq takes it, ``None`` when it is the file in the home.

    Raises:
        KeeperConfigError: never repeats the text, which may hold a password.
    """
    if url := os.environ.get(VARIABLE, ""):
        return _checked(url, VARIABLE)
    path = home.keeper_config_file
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise KeeperConfigError(f"{path} cannot be read.") from None
    if values.keys() != {"database"}:
        raise KeeperConfigError(f"{path} may set database, and nothing else.")
    return _checked(values["database"], str(path))


def write_keeper_config(home: Home, url: str) -> None:
    """Write ``keeper/keeper.toml``, mode 0600, unless it is there."""
    if not home.keeper_config_file.exists():
        # A JSON string is a TOML string too.
        write_private(home.keeper_config_file, f"database = {json.dumps(url)}\n".encode())


def _checked(url: object, where: str) -> str:
    if not isinstance(url, str) or not url.startswith(_SCHEMES):
        raise KeeperConfigError(f"{where} does not hold a PostgreSQL URL.")
    return "postgresql://" + url.partition("://")[2]
