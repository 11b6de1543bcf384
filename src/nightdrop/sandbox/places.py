"""Which directories of the host a site may be given.

The list of a site stands in the database, which the web process writes, and a script that can write where it likes
is as good as the user who owns the keys. So the configuration file, which that process cannot write, says what may
be on a list, and the worker judges the list of each run again.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightdrop.core.home import Home, user_config_dir
from nightdrop.core.site_paths import form_problem, split_entry
from nightdrop.sandbox.program import SYSTEM, program

if TYPE_CHECKING:
    from nightdrop.core.config import Config

_MORE_SYSTEM = ("/bin", "/boot", "/dev", "/proc", "/run", "/sbin", "/sys")


@dataclass(frozen=True, slots=True)
class Places:
    """What the configuration allows, and what no site gets whatever it allows.

    ``kept`` is neither given nor lies in what is given, and nothing in it is given; of ``owned`` the inside may be.
    """

    allowed: tuple[Path, ...]
    kept: frozenset[Path]
    owned: frozenset[Path]

    @classmethod
    def of(cls, home: Home, config: "Config") -> "Places":
        """Return what holds for this installation."""
        files = [config.node_key_path(home), *(home.root / name for name in (config.tls_cert, config.tls_key) if name)]
        kept = [home.root, *files, user_config_dir(), Path(sys.prefix), *map(Path, program())]
        kept += map(Path, (*SYSTEM, *_MORE_SYSTEM))
        return cls(tuple(map(Path, config.site_paths)), _with_real(kept), _with_real([Path.home()]))

    def problem(self, entry: str) -> str | None:
        """Return why a site may not have this directory, ``None`` when it may. Looks at no file."""
        if (problem := form_problem(entry)) is not None:
            return problem
        path = Path(split_entry(entry)[0])
        if not any(path.is_relative_to(place) for place in self.allowed):
            return "site_paths in nightdrop.toml does not allow it"
        if any(place.is_relative_to(path) for place in self.kept | self.owned) or any(
            path.is_relative_to(place) for place in self.kept
        ):
            return "nightdrop, its user or the system has files of its own there"
        return None


def _with_real(paths: list[Path]) -> frozenset[Path]:
    return frozenset([*paths, *(path.resolve() for path in paths)])
