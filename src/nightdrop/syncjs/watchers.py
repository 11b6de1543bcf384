"""The ``FsWatcher`` objects of one run."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from nightdrop.core.clock import SystemClock
from nightdrop.syncjs.files import Files
from nightdrop.syncjs.files.problem import FileProblem, reason_of
from nightdrop.syncjs.files.watching import DirectoryWatch, Event, WatchSpec

MAX_DIRECTORIES = 100
_MAX_MASKS = 100
_MAX_SHOWN = 200
# The least time between two looks at a directory; of a large one, looking takes at most a tenth of the time.
_PAUSE_S = 0.2
_SHARE = 10


class WatchRefusedError(Exception):
    """The arguments are none that a script's call can have."""


class _Watcher:
    def __init__(self, name: str, watches: list[DirectoryWatch]) -> None:
        self.name = name
        self.watches = watches
        self.next_look = 0.0
        self.problem: str | None = None


class Watchers:
    """Looks at directories for a run; a directory that cannot be looked at is a line in the run's log.

    Args:
        files: what the run can reach.
        log: takes a level and a line.
        mask: masks the values of secrets in a text and cuts it to a number of characters.
    """

    def __init__(self, files: Files, log: Callable[[str, str], None], mask: Callable[[str, int], str]) -> None:
        self._files, self._log, self._mask = files, log, mask
        self._clock = SystemClock()
        self._running: dict[int, _Watcher] = {}

    def start(self, number: object, spec: object) -> bool:
        """Begin with what is there now; False when a directory cannot be watched.

        Raises:
            WatchRefusedError
        """
        if isinstance(number, bool) or not isinstance(number, int):
            raise WatchRefusedError
        specs = _specs(spec)
        self.stop(number)
        if len(specs) + sum(len(watcher.watches) for watcher in self._running.values()) > MAX_DIRECTORIES:
            self._log("error", f"FsWatcher.Start: a script may watch {MAX_DIRECTORIES} directories")
            return False
        watches = []
        for each in specs:
            try:
                watches.append(DirectoryWatch(self._files, each, time.monotonic, self._clock.now_ms))
            except (FileProblem, OSError) as error:
                self._log("error", f"FsWatcher.Start {self._shown(each.directory)}: {_reason(error)}")
                return False
        self._running[number] = _Watcher(", ".join(self._shown(each.directory) for each in specs), watches)
        return True

    def stop(self, number: object) -> bool:
        """End one; False when it was not at work."""
        return self._running.pop(number, None) is not None if isinstance(number, int) else False

    def look(self, numbers: object) -> list[list[Any]]:
        """Return what these watchers have to tell now: the number of each that has something, and its events.

        Raises:
            WatchRefusedError
        """
        if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
            raise WatchRefusedError
        known = [number for number in numbers if number in self._running]
        return [[number, events] for number in known if (events := self._events(self._running[number]))]

    def pause_s(self, numbers: Sequence[int]) -> float:
        """Return after how many seconds one of these is to be looked at again; infinity when none of them works."""
        due = [self._running[number].next_look for number in numbers if number in self._running]
        return max(0.0, min(due) - time.monotonic()) if due else math.inf

    def _events(self, watcher: _Watcher) -> list[dict[str, Any]]:
        began = time.monotonic()
        if began < watcher.next_look:
            return []
        problem, events = None, []
        for watch in watcher.watches:
            try:
                events += watch.look()
            except (FileProblem, OSError) as error:
                problem = _reason(error)
        if problem is not None and problem != watcher.problem:
            self._log("warn", f"FsWatcher {watcher.name}: {problem}; it goes on when the directory is there again")
        watcher.problem = problem
        ended = time.monotonic()
        watcher.next_look = ended + max(_PAUSE_S, _SHARE * (ended - began))
        return [_told(event) for event in events]

    def _shown(self, path: str) -> str:
        return repr(self._mask(path, _MAX_SHOWN))


def _told(event: Event) -> dict[str, Any]:
    return {"TimeStamp": event.at_ms, "Event": event.kind, "Object": event.path}


def _specs(spec: object) -> list[WatchSpec]:
    match spec:
        case {"dirs": list(dirs), "include": list(include), "exclude": list(exclude), "delay": delay}:
            masks = [*include, *exclude]
            texts = len(masks) <= _MAX_MASKS and all(isinstance(mask, str) for mask in masks)
            if texts and isinstance(delay, int | float):
                return [_spec(each, include, exclude, delay) for each in dirs]
    raise WatchRefusedError


def _spec(directory: object, include: list[str], exclude: list[str], delay: float) -> WatchSpec:
    match directory:
        case [str(path), bool(recursive)]:
            return WatchSpec(path, recursive, tuple(include), tuple(exclude), delay)
    raise WatchRefusedError


def _reason(error: FileProblem | OSError) -> str:
    return error.reason if isinstance(error, FileProblem) else reason_of(error)
