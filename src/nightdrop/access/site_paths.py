"""Checks the directories that a site is to be given."""

import os
from collections.abc import Sequence

from nightdrop.access.settings import SettingInvalidError
from nightdrop.core.directories import open_directory
from nightdrop.core.site_paths import split_entry
from nightdrop.sandbox.places import Places

_ALLOW = "Only the list site_paths in nightdrop.toml, or NIGHTDROP_SITE_PATHS, says where they may lie: {}."


def check_site_paths(places: Places | None, entries: Sequence[str], *, here: bool) -> None:
    """Check that a site may have these directories.

    Args:
        places: what may be given; ``None`` is nothing.
        entries: as the setting has them.
        here: they must be there, on this host; otherwise workers on other hosts look for them.

    Raises:
        SettingInvalidError
    """
    for entry in entries:
        path, _ = split_entry(entry)
        if places is None:
            raise _invalid(path, "no directory can be given here")
        if (problem := places.problem(entry)) is not None:
            raise _invalid(path, problem, _ALLOW.format(", ".join(map(str, places.allowed)) or "nowhere"))
        if here and (problem := _missing(path)) is not None:
            raise _invalid(path, problem)


def _missing(path: str) -> str | None:
    try:
        os.close(open_directory(path))
    except FileNotFoundError:
        return "it does not exist"
    except NotADirectoryError:
        return "it is not a directory"
    except PermissionError:
        return "the user of nightdrop may not look there"
    except OSError:
        return "a part of it is a symbolic link: give what that leads to"
    return None


def _invalid(path: str, problem: str, hint: str = "Write it like /srv/in, or /srv/in:ro.") -> SettingInvalidError:
    return SettingInvalidError(f"paths: {path!r} cannot be given: {problem}.", hint=hint, field="paths")
