"""What a transfer tells while it runs: at most one line a second, each failure, and a sum at the end."""

from collections.abc import Callable
from typing import Literal

Level = Literal["info", "warn", "error"]
Log = Callable[[Level, str], None]

_EVERY_S = 1.0
# Failures beyond these are counted only: a million of them would push everything else out of the log.
_MAX_FAILURES = 100
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def amount(size: float) -> str:
    """Return a number of bytes as people read it, in powers of 1000."""
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size /= 1000
        unit += 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


class Progress:
    """One call's progress; ``clock`` gives seconds from any start."""

    def __init__(self, log: Log, doing: str, done: str, clock: Callable[[], float]) -> None:
        self._log, self._doing, self._done, self._clock = log, doing, done, clock
        self._began = self._told = clock()
        self.bytes = 0
        self.files = 0
        self.skipped = 0
        self.failed = 0

    def moved(self, name: str, size: int, at: int, total: int | None) -> None:
        """Note ``size`` more bytes of a file that is ``at`` bytes far."""
        self.bytes += size
        now = self._clock()
        if now - self._told < _EVERY_S:
            return
        self._told = now
        of = f" of {amount(total)}" if total is not None else ""
        rate = amount(self.bytes / (now - self._began))
        self._log("info", f"{self._doing} {name}: {amount(at)}{of}, {rate}/s")

    def finished(self) -> None:
        self.files += 1

    def skip(self, name: str, reason: str) -> None:
        self.skipped += 1
        if self.skipped <= _MAX_FAILURES:
            self._log("info", f"not {self._done} {name}: {reason}")

    def fail(self, step: str, name: str, reason: str) -> None:
        self.failed += 1
        if self.failed <= _MAX_FAILURES:
            self._log("error", f"{step} {name}: {reason}")

    def lost(self, name: str, reason: str) -> None:
        """Take back that a file was finished."""
        self.files -= 1
        self.fail("upload", name, reason)

    def warn(self, text: str) -> None:
        self._log("warn", text)

    def close(self) -> None:
        """Write the sum."""
        seconds = max(self._clock() - self._began, 0.001)
        parts = [f"{self._done} {_count(self.files)}, {amount(self.bytes)} in {seconds:.1f} s"]
        parts[0] += f" ({amount(self.bytes / seconds)}/s)" if self.bytes else ""
        if self.skipped:
            parts.append(f"{self.skipped} left alone")
        if self.failed:
            parts.append(f"{self.failed} failed")
        self._log("error" if self.failed else "info", "; ".join(parts))


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"
