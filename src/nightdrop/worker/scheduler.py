"""Fires schedules from the worker: sleeps until the next one is due, or until somebody changes a trigger."""

import asyncio
from collections.abc import Callable

import structlog

from nightdrop.core.clock import Clock
from nightdrop.core.errors import NightdropError
from nightdrop.triggers.schedules import Schedules

log = structlog.get_logger()

# A ring can be lost, and the host's clock can be set.
_LONGEST_S = 15.0
_SHORTEST_S = 0.05


class Scheduler:
    """One per worker; ``rang`` tells it that a trigger changed, ``queued`` is called when runs were queued."""

    def __init__(self, schedules: Schedules, clock: Clock, queued: Callable[[], None]) -> None:
        self._schedules = schedules
        self._clock = clock
        self._queued = queued
        self._rung = asyncio.Event()

    def rang(self) -> None:
        self._rung.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            delay = _LONGEST_S
            try:
                fired, delay = await asyncio.to_thread(self._look)
                if fired:
                    self._queued()
            except NightdropError as error:
                log.error("schedules_failed", code=error.code)
            except Exception as error:  # noqa: BLE001 - a row that somebody spoiled must not end this for all others
                log.error("schedules_failed", exception=type(error).__name__)
            try:
                await asyncio.wait_for(self._rung.wait(), delay)
            except TimeoutError:
                continue
            finally:
                self._rung.clear()

    def _look(self) -> tuple[int, float]:
        fired = self._schedules.look()
        due = self._schedules.next_ms()
        if due is None:
            return fired, _LONGEST_S
        return fired, min(_LONGEST_S, max(_SHORTEST_S, (due - self._clock.now_ms()) / 1000))
