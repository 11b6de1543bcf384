"""The web process's own cage: it runs as the user who owns the keys, and yet cannot read them.

Landlock takes away every file but its program, its database and its sockets, and with it the node key, the
keeper's database and the memory and environment of every other process of the same user.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from nightdrop.core.home import Home
from nightdrop.sandbox import landlock

# What Python, OpenSSL and the C library read while they work.
_SYSTEM = ("/etc", "/lib", "/lib64", "/usr", "/dev/null", "/dev/urandom")


def confine_web(home: Home) -> bool:
    """Confine this process, which must have one thread; return whether the kernel could.

    Raises:
        OSError: the kernel has Landlock and refused all the same.
    """
    if not landlock.abi():
        return False
    # SQLite's temporary files would go to /tmp.
    os.environ["SQLITE_TMPDIR"] = str(home.app_db.parent)
    home.run_dir.joinpath("wake").mkdir(mode=0o700, exist_ok=True)
    rules: list[tuple[str, landlock.Access]] = [(path, "ro") for path in _existing([*_SYSTEM, *_program()])]
    rules += [(path, "ro") for path in _existing([str(home.root / "nightdrop.json"), str(home.config_file)])]
    rules += [(str(home.app_db.parent), "rw"), (str(home.run_dir), "rw+sockets")]
    ruleset = landlock.build_ruleset(rules, network=True)
    try:
        landlock.restrict_self(ruleset)
    finally:
        os.close(ruleset)
    return True


def _program() -> Iterable[str]:
    """Return where our interpreter and packages lie, each below a directory that holds nothing else of ours."""
    package = Path(__file__).resolve().parent.parent
    libraries = {str(package), str(Path(os.__file__).resolve().parent)}
    return {
        *libraries,
        *(entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages", "lib-dynload"))),
    }


def _existing(paths: Iterable[str]) -> Iterable[str]:
    return [path for path in paths if os.path.exists(path)]  # noqa: PTH110 - text in, text out
