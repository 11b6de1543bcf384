"""Whether the database of a home is of this version, without what it takes to change it."""

import contextlib
import os
import sqlite3
import tomllib

from nightdrop.core.home import Home
from nightdrop.core.revisions import head


def is_current(home: Home) -> bool:
    """Tell whether nothing has to be done to the database; False also when that takes more to find out."""
    if _is_elsewhere(home):
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"{home.app_db.as_uri()}?mode=ro", uri=True, timeout=0)) as connection:
            found: list[tuple[str]] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error:
        return False
    return found == [(head(),)]


def _is_elsewhere(home: Home) -> bool:
    """Tell whether the configuration may name another database."""
    if any(name.upper() == "NIGHTDROP_DATABASE" for name in os.environ):
        return True
    try:
        return "database" in tomllib.loads(home.config_file.read_text())
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
