"""Removes what killed runs left unfinished in the directories of sites: files that were to get their name at their end.

A file on its way is written to all the time, or its transfer ends at a timeout; what nobody has written to for an hour
is nobody's any more.
"""

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import structlog

from nightdrop.core.clock import Clock

log = structlog.get_logger()

OLD_S = 3600
_PAUSE_MS = 6 * 3600 * 1000
# As ``syncjs.files.steps.temporary_name`` makes them.
_NAME = re.compile(r"\.[0-9a-f]{16}\.part")
# A share may hold millions of files, and this is not worth reading all of them.
_MOST_ENTRIES = 500_000


class Leftovers:
    """Looks at the start of the worker and every six hours; ``folders`` returns what sites may write to."""

    def __init__(self, clock: Clock, folders: Callable[[], Iterable[Path]]) -> None:
        self._clock = clock
        self._folders = folders
        self._next_ms = 0

    async def look(self) -> None:
        """Sweep when it is time."""
        now = self._clock.now_ms()
        if now < self._next_ms:
            return
        self._next_ms = now + _PAUSE_MS
        removed = await asyncio.to_thread(self._sweep)
        if removed:
            log.info("unfinished_files_removed", count=removed)

    def _sweep(self) -> int:
        return sum(sweep(folder, time.time() - OLD_S) for folder in self._folders())


def sweep(folder: Path, before: float) -> int:
    """Remove unfinished files below ``folder`` that were last written before a time (seconds since 1970); count them.

    Follows no link. What cannot be looked at or removed is left.
    """
    removed = entries = 0
    with suppress(OSError):
        for _, directories, files, descriptor in os.fwalk(folder, follow_symlinks=False):
            entries += len(directories) + len(files)
            if entries > _MOST_ENTRIES:
                log.warning("unfinished_files_not_all_seen", entries=entries)
                break
            removed += sum(_remove(descriptor, name, before) for name in files if _NAME.fullmatch(name))
    return removed


def _remove(folder: int, name: str, before: float) -> bool:
    try:
        if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime >= before:
            return False
        os.unlink(name, dir_fd=folder)
    except OSError:
        return False
    return True
