"""What a Python program of ours reads of the system while it works."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

# What Python, OpenSSL and the C library read. Whole directories: a file such as /etc/resolv.conf is replaced, not
# written, and a rule of Landlock stays with the file that is gone.
SYSTEM = ("/etc", "/lib", "/lib64", "/usr", "/dev/null", "/dev/urandom")


def program() -> Iterable[str]:
    """Return where our interpreter and packages lie, each below a directory that holds nothing else of ours."""
    package = Path(__file__).resolve().parent.parent
    libraries = {str(package), str(Path(os.__file__).resolve().parent)}
    return {
        *libraries,
        *(entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages", "lib-dynload"))),
    }


def existing(paths: Iterable[str]) -> list[str]:
    """Return those of ``paths`` that are there."""
    return [path for path in paths if os.path.exists(path)]  # noqa: PTH110 - text in, text out
