"""Grouped syncs: what is committed reaches the disk a few milliseconds later, for many commits at once."""

import os
import sqlite3
import threading
from pathlib import Path

from nightdrop.keys.keeper_db import connect

# The promise is 50 ms; the rest is left for the sync itself.
DELAY_S = 0.03
_CHECKPOINT_BYTES = 4 * 1024 * 1024
_TRUNCATE_BYTES = 64 * 1024 * 1024
_STACK_BYTES = 256 * 1024


class Syncer:
    """Syncs the write-ahead log of ``database`` in a thread of its own, and moves its pages into the database.

    The serving thread never waits for a disk: it only calls ``written``.
    """

    def __init__(self, database: Path) -> None:
        self._log = database.with_name(database.name + "-wal")
        self._connection = connect(database)
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._pending = False
        self.failed = False
        # The whole stack of a thread is locked in memory with everything else: keep it small.
        before = threading.stack_size(_STACK_BYTES)
        self._thread = threading.Thread(target=self._work, name="sync", daemon=True)
        self._thread.start()
        threading.stack_size(before)

    def written(self) -> None:
        """Note that a transaction was committed; it is synced within 50 ms."""
        if not self._pending:
            self._pending = True
            self._wake.set()

    def sync(self) -> None:
        """Sync now; afterwards ``failed`` tells whether the disk took it."""
        try:
            # SQLite keeps its locks on other files, so closing this descriptor drops none of them.
            fd = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fdatasync(fd)
            finally:
                os.close(fd)
        except OSError:
            # After a failed sync the kernel may have dropped the pages: a second try that succeeds proves nothing.
            self.failed = True

    def close(self) -> None:
        """Sync what is left and end the thread."""
        self._stop.set()
        self._wake.set()
        self._thread.join()
        self._connection.close()

    def _work(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            self._stop.wait(DELAY_S)
            # Before the sync, not after: a commit during the sync must ask for another one.
            self._pending = False
            self.sync()
            self._checkpoint()

    def _checkpoint(self) -> None:
        try:
            size = self._log.stat().st_size
            if size > _CHECKPOINT_BYTES:
                # PASSIVE blocks nobody. Under a load that never pauses it cannot restart the log, TRUNCATE can.
                mode = "TRUNCATE" if size > _TRUNCATE_BYTES else "PASSIVE"
                self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        except (OSError, sqlite3.Error):
            return  # the log keeps what could not be moved; the next round tries again
