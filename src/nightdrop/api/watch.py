"""Waiting for runs without polling: the worker rings, one look at the database serves every waiter."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

import structlog
from anyio.to_thread import run_sync
from sqlalchemy import bindparam, text

from nightdrop.core.errors import NightdropError
from nightdrop.db.engine import Database
from nightdrop.db.notify import keep_listening
from nightdrop.runs.bell import Bell, BellListener
from nightdrop.runs.model import RunState

log = structlog.get_logger()

# A lost ring costs at most this.
_LOOK_S = 1.0
_PROGRESS = text(
    "SELECT id, state, (SELECT max(seq) FROM run_logs WHERE run_id = runs.id) FROM runs WHERE id IN :ids"
).bindparams(bindparam("ids", expanding=True))


class Progress(NamedTuple):
    """How far a run is."""

    state: RunState
    last_seq: int


class Watcher:
    """One waiter for one run."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self._changed = asyncio.Event()

    def tell(self, progress: Progress) -> None:
        """Note how far the run is; ends a wait when it went on."""
        if progress != self.progress:
            self.progress = progress
            self._changed.set()

    def interrupt(self) -> None:
        """End a wait."""
        self._changed.set()

    async def change(self, timeout_s: float) -> bool:
        """Wait until the run went on; tell whether it did within ``timeout_s`` seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        except TimeoutError:
            return False
        self._changed.clear()
        return True


class Watch:
    """Everybody who waits in this process."""

    def __init__(self, db: Database, bell: Bell) -> None:
        self._db = db
        self._bell = bell
        self._watchers: dict[str, set[Watcher]] = {}
        self._ears: set[asyncio.Event] = set()
        self._look_now = asyncio.Event()
        self.rings = 0
        self.closing = False

    async def run(self) -> None:
        """Listen until cancelled."""
        loop = asyncio.get_running_loop()
        listener = self._bell.listen("web")
        loop.add_reader(listener.fileno(), self._rung, listener)
        # Workers on other hosts ring through the database.
        far = None if self._db.is_sqlite else loop.create_task(keep_listening(self._db.url, {"web": self._wake}))
        try:
            while True:
                await self._pause()
                await self._look()
        finally:
            if far is not None:
                far.cancel()
            loop.remove_reader(listener.fileno())
            listener.close()

    @contextmanager
    def watching(self, run_id: str, since: int | None = None) -> Iterator[Watcher]:
        """Give a waiter for a run; its first ``change`` comes at once, with where the run stands.

        With ``since``, the value of ``rings`` before the run was made, it comes when there is something new.
        """
        watcher = Watcher()
        self._watchers.setdefault(run_id, set()).add(watcher)
        if since != self.rings:
            self._look_now.set()
        try:
            yield watcher
        finally:
            self._watchers[run_id].discard(watcher)
            if not self._watchers[run_id]:
                del self._watchers[run_id]

    async def ring(self, timeout_s: float) -> None:
        """Return at the next ring of the worker, at the latest after ``timeout_s`` seconds."""
        ear = asyncio.Event()
        self._ears.add(ear)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(ear.wait(), timeout_s)
        finally:
            self._ears.discard(ear)

    def close(self) -> None:
        """End every wait: the process stops."""
        self.closing = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.interrupt()
        for ear in self._ears:
            ear.set()

    def _rung(self, listener: BellListener) -> None:
        listener.drain()
        self._wake()

    def _wake(self) -> None:
        self.rings += 1
        self._look_now.set()
        for ear in self._ears:
            ear.set()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._look_now.wait(), _LOOK_S if self._watchers else None)
        self._look_now.clear()

    async def _look(self) -> None:
        if not self._watchers:
            return
        try:
            found = await run_sync(self._progress, list(self._watchers))
        except NightdropError as error:
            log.warning("watch_failed", code=error.code)
            return
        for run_id, watchers in self._watchers.items():
            if run_id in found:
                for watcher in watchers:
                    watcher.tell(found[run_id])

    def _progress(self, run_ids: Sequence[str]) -> dict[str, Progress]:
        with self._db.read() as connection:
            rows = connection.execute(_PROGRESS, {"ids": run_ids}).all()
        return {run_id: Progress(RunState(state), seq or 0) for run_id, state, seq in rows}
