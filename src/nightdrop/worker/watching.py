"""Looks at watched folders from the worker, each as often as its trigger says.

Folders are looked at again and again instead of waiting for the kernel to tell: network shares tell nothing.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from nightdrop.core.errors import NightdropError
from nightdrop.triggers.folders import Folders, Memory, Watched
from nightdrop.worker.folderscan import ScanError, scan

log = structlog.get_logger()

_Answer = TypeVar("_Answer")

# How often triggers are listed when nobody rings.
_LIST_S = 15.0
_SHORTEST_S = 0.2
# A share that hangs keeps a thread; the others go on.
_THREADS = 8


class FolderWatch:
    """One per worker; ``queued`` is called when runs were queued."""

    def __init__(
        self,
        folders: Folders,
        site_files: Callable[[str], Path],
        problem: Callable[[str], str | None],
        queued: Callable[[], None],
    ) -> None:
        self._folders, self._site_files, self._problem, self._queued = folders, site_files, problem, queued
        self._rung = asyncio.Event()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="folders")
        self._looks: dict[str, asyncio.Task[None]] = {}

    def rang(self) -> None:
        """Hear that a trigger has changed."""
        self._rung.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            while True:
                await self._follow_triggers()
                try:
                    await asyncio.wait_for(self._rung.wait(), _LIST_S)
                except TimeoutError:
                    continue
                finally:
                    self._rung.clear()
        finally:
            for task in self._looks.values():
                task.cancel()
            self._threads.shutdown(wait=False)

    async def _follow_triggers(self) -> None:
        """Have one task for each folder; settings that changed begin a new one."""
        try:
            wanted = {_key(one): one for one in await self._call(self._folders.list)}
        except Exception as error:  # noqa: BLE001 - a database that does not answer now may do so later
            log.error("folders_failed", exception=type(error).__name__)
            return
        for key in self._looks.keys() - wanted.keys():
            self._looks.pop(key).cancel()
        for key in wanted.keys() - self._looks.keys():
            self._looks[key] = asyncio.create_task(self._watch(wanted[key]))

    async def _watch(self, watched: Watched) -> None:
        memories: list[Memory] = []
        told = watched.trigger.problem
        while True:
            problem = None
            try:
                if await self._call(partial(self._look, watched, memories)):
                    self._queued()
            except ScanError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001 - one folder must not end this for the others
                # What was stored of it is not known now.
                memories.clear()
                code = error.code if isinstance(error, NightdropError) else type(error).__name__
                log.error("folder_failed", trigger=watched.trigger.id, code=code)
            if problem is not None and problem != told:
                await self._call(partial(self._folders.trouble, watched.trigger.id, problem))
            told = problem
            await asyncio.sleep(max(_SHORTEST_S, watched.settings.every_s))

    def _look(self, watched: Watched, memories: list[Memory]) -> int:
        """Look once; ``memories`` has what this worker knows of the folder, if anything."""
        if not memories:
            memories.append(self._folders.recall(watched.trigger.id))
        files = scan(watched, self._site_files(watched.trigger.site_id), self._problem)
        return self._folders.note(watched.trigger.id, memories[0], files)

    async def _call(self, action: Callable[[], _Answer]) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, action)


def _key(watched: Watched) -> str:
    """Return what a task is for: the trigger, and all that it has to know."""
    return f"{watched.trigger.id} {watched.trigger.settings.model_dump_json()} {watched.site.paths!r}"
