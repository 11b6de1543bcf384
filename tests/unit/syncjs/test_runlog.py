"""The log of a run: masked, harmless, limited, in batches."""

import pytest

from nightdrop.core.clock import FakeClock
from nightdrop.syncjs.masking import Masker
from nightdrop.syncjs.runlog import BATCH_LINES, FLUSH_AFTER_MS, MAX_LINE_BYTES, RunLog


class Sink:
    def __init__(self, limit=10 << 20):
        self.batches = []
        self.clock = FakeClock()
        self.masker = Masker()
        self.log = RunLog(self.masker, self.clock, self.batches.append, limit)

    @property
    def lines(self):
        self.log.finish()
        return [line for batch in self.batches for line in batch]

    @property
    def texts(self):
        return [text for _, _, text in self.lines]


def test_a_line_has_time_level_and_text():
    sink = Sink()
    sink.log.write("warn", "hello")
    assert sink.lines == [(sink.clock.now_ms(), "warn", "hello")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("red \x1b[31mtext\x1b[0m", ["red \\x1b[31mtext\\x1b[0m"]),
        ("over\rwritten", ["over\\x0dwritten"]),
        ("two\nlines", ["two", "lines"]),
        ("two\r\nlines", ["two", "lines"]),
        ("nul\0 bell\x07 del\x7f c1\x9b", ["nul\\x00 bell\\x07 del\\x7f c1\\x9b"]),
        ("tab\tstays", ["tab\tstays"]),
        ("sep\u2028 next\u0085", ["sep\\u2028 next\\x85"]),
        ("bidi \u202etxt.exe", ["bidi \\u202etxt.exe"]),
        ("half \ud800 pair", ["half \\ud800 pair"]),
        ("", [""]),
    ],
)
def test_a_line_cannot_pass_for_another_or_drive_a_terminal(text, shown):
    sink = Sink()
    sink.log.write("info", text)
    assert sink.texts == shown


def test_a_value_with_line_breaks_is_masked_before_lines_are_cut():
    sink = Sink()
    sink.masker.add(b"first half\nother half")
    sink.log.write("info", "it is first half\nother half!")
    assert sink.texts == ["it is ***!"]


def test_a_long_line_is_cut_after_masking():
    sink = Sink()
    value = "V" * 50 + "-end"
    sink.masker.add(value.encode())
    sink.log.write("info", "é" * (MAX_LINE_BYTES // 2 - 10) + value + "é" * 100)
    assert all(len(text.encode()) <= MAX_LINE_BYTES for text in sink.texts)
    assert "".join(sink.texts).count("***") == 1
    assert "VVVV" not in "".join(sink.texts)


def test_beyond_the_limit_lines_are_counted_and_dropped():
    sink = Sink(limit=1000)
    for number in range(100):
        sink.log.write("info", f"line {number} " + "x" * 50)
    texts = sink.texts
    assert texts[0].startswith("line 0")
    assert sum(text.startswith("log limit reached (1000 bytes)") for text in texts) == 1
    kept = sum(text.startswith("line") for text in texts)
    assert 5 < kept < 20
    assert texts[-1] == f"log limit: {100 - kept} lines were dropped"


def test_a_flood_of_empty_lines_is_limited_too():
    sink = Sink(limit=1000)
    sink.log.write("info", "\n" * 100_000)
    assert len(sink.lines) < 40


def test_lines_go_out_in_batches():
    sink = Sink()
    for number in range(3 * BATCH_LINES):
        sink.log.write("info", str(number))
    assert [len(batch) for batch in sink.batches] == [BATCH_LINES] * 3


def test_a_line_does_not_wait_longer_than_the_flush_time():
    sink = Sink()
    assert sink.log.due_ms() is None
    sink.log.write("info", "first")
    assert sink.log.due_ms() == FLUSH_AFTER_MS
    sink.clock.advance(FLUSH_AFTER_MS)
    assert sink.log.due_ms() == 0
    sink.log.write("info", "second")
    assert [len(batch) for batch in sink.batches] == [2]
