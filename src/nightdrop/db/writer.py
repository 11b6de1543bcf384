"""A lock whose waiters get it in the order they came.

SQLite lets one writer in and makes the others poll, so under load some wait far longer than others. Threads of one
process queue here instead and meet only other processes at SQLite's own lock.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from nightdrop.db.errors import DatabaseBusyError


class WriterLock:
    """First come, first served; not reentrant."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._owner: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            DatabaseBusyError: it was not free in time.
            RuntimeError: this thread holds it already and would wait for itself.
        """
        self._acquire()
        try:
            yield
        finally:
            self._release()

    def _acquire(self) -> None:
        me = threading.get_ident()
        with self._mutex:
            if self._owner is None:
                self._owner = me
                return
            if self._owner == me:
                raise RuntimeError("a write transaction inside a write transaction")
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
        if not gate.acquire(timeout=self._timeout_s):
            self._give_up(gate)
        self._owner = me

    def _give_up(self, gate: threading.Lock) -> None:
        with self._mutex:
            # Not in the queue any more: the lock was handed over at the last moment and is ours.
            if gate in self._waiting:
                self._waiting.remove(gate)
                raise DatabaseBusyError

    def _release(self) -> None:
        with self._mutex:
            if self._waiting:
                # Stays owned while it changes hands, so that nobody overtakes.
                self._owner = 0
                self._waiting.popleft().release()
            else:
                self._owner = None
