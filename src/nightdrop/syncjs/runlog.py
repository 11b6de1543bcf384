"""The log of one run: masked, made harmless, limited, and sent in batches."""

import re
from collections.abc import Callable

from nightdrop.core.clock import Clock
from nightdrop.syncjs.masking import Masker

LEVELS = frozenset({"info", "warn", "error"})
MAX_LINE_BYTES = 64 * 1024
BATCH_LINES = 64
FLUSH_AFTER_MS = 20

# A stored line costs more than its text; counting that keeps a flood of empty lines within the limit too.
_LINE_COST = 32

# C0 and C1 controls (tab excepted), line separators and the marks that reorder text: shown as escapes, so that a
# line can neither drive a terminal nor pass for another line. Surrogates have no UTF-8.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_BREAK = re.compile("\r\n|\n")

Line = tuple[int, str, str]


def visible(text: str) -> str:
    """Return ``text`` with control characters written as escapes; tabs and line feeds stay."""
    return _UNSAFE.sub(lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 0x100 else f"\\u{ord(m[0]):04x}", text)


def split_line(text: str) -> list[str]:
    """Cut ``text`` into pieces of at most 64 KiB of UTF-8."""
    if len(text) <= MAX_LINE_BYTES // 4:
        return [text]
    data = text.encode()
    if len(data) <= MAX_LINE_BYTES:
        return [text]
    pieces = []
    at = 0
    while at < len(data):
        end = min(at + MAX_LINE_BYTES, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(data[at:end].decode())
        at = end
    return pieces


class RunLog:
    """Collects lines and hands batches to ``send``; ``limit`` is in bytes of masked UTF-8 text."""

    def __init__(self, masker: Masker, clock: Clock, send: Callable[[list[Line]], None], limit: int) -> None:
        self._masker = masker
        self._clock = clock
        self._send = send
        self._left = limit
        self._limit = limit
        self._lines: list[Line] = []
        self._flushed_ms = clock.now_ms()
        self.dropped = 0

    def write(self, level: str, text: str) -> None:
        """Log ``text``; line breaks in it begin new lines."""
        if self.dropped:
            self.dropped += 1
            return
        # Masked first and whole: what is cut or escaped before would no longer be recognised.
        for line in _BREAK.split(self._masker.mask(text)):
            for piece in split_line(visible(line)):
                self._append(level, piece)
        if len(self._lines) >= BATCH_LINES or self._clock.now_ms() - self._flushed_ms >= FLUSH_AFTER_MS:
            self.flush()

    def _append(self, level: str, text: str) -> None:
        cost = len(text.encode()) + _LINE_COST
        if self.dropped or cost > self._left:
            if not self.dropped:
                notice = f"log limit reached ({self._limit} bytes): the run goes on, further lines are dropped"
                self._lines.append((self._clock.now_ms(), "warn", notice))
            self.dropped += 1
            return
        self._left -= cost
        self._lines.append((self._clock.now_ms(), level, text))

    def due_ms(self) -> int | None:
        """Return in how many milliseconds a flush is due, ``None`` when nothing waits."""
        if not self._lines:
            return None
        return max(0, FLUSH_AFTER_MS - (self._clock.now_ms() - self._flushed_ms))

    def flush(self) -> None:
        """Hand over what waits."""
        self._flushed_ms = self._clock.now_ms()
        if self._lines:
            lines, self._lines = self._lines, []
            self._send(lines)

    def finish(self) -> None:
        """Flush, and say how much was dropped."""
        if self.dropped:
            self._lines.append((self._clock.now_ms(), "warn", f"log limit: {self.dropped} lines were dropped"))
        self.flush()
