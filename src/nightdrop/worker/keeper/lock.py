"""One keeper per home: a second one would continue the same audit chain from the same entry."""

import fcntl
import os
import time
from pathlib import Path

from nightdrop.core.errors import UnavailableError

_PAUSE_S = 0.02


class KeeperRunningError(UnavailableError):
    """Another keeper is running on this home."""

    code = "keeper_running"
    hint = "Stop nightdrop on this home first."


class KeeperHomeError(UnavailableError):
    """The keeper's directory cannot be written."""

    code = "keeper_home"
    hint = "Check that the directory keeper/ in the home exists and belongs to the user who runs nightdrop."


def lock_keeper(directory: Path, wait_s: float, part: str = "keeper") -> int:
    """Take the lock; the returned descriptor holds it until the process ends.

    Waits up to ``wait_s`` seconds, because a keeper that was killed may still be on its way out.

    Raises:
        KeeperRunningError, KeeperHomeError.
    """
    try:
        fd = os.open(directory / f"{part}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        raise KeeperHomeError from None
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(fd)
                raise KeeperRunningError from None
            time.sleep(_PAUSE_S)
        else:
            return fd
