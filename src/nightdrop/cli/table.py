"""Tables for people: columns as wide as their content, narrowed to the terminal where that loses no name."""

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import click

_GAP = 2
_LEAST = 12
# Columns of free text; what identifies a row is never cut.
_FLEXIBLE = frozenset({"description", "why", "state"})


def print_table(rows: Iterable[dict[str, Any]], columns: Sequence[tuple[str, str]]) -> None:
    """Print ``rows`` under headings; ``columns`` are (key, heading)."""
    lines = [[heading for _, heading in columns], *([cell(row.get(key)) for key, _ in columns] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    if sys.stdout.isatty():
        _narrow(widths, [key for key, _ in columns], shutil.get_terminal_size().columns)
    for line in lines:
        cells = (_fit(text, wide) for text, wide in zip(line, widths, strict=True))
        click.echo((" " * _GAP).join(cells).rstrip())


def cell(value: Any) -> str:
    """Return what stands in a cell: no line break, nothing that moves the cursor."""
    if value is None or value == "":
        return "-"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def width(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes (Unicode Standard Annex 11)."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"F", "W"} else 1


def _narrow(widths: list[int], keys: Sequence[str], most: int) -> None:
    """Take from the widest column of free text until the table fits, or nothing more can be taken."""
    while (over := sum(widths) + _GAP * (len(widths) - 1) - most) > 0:
        able = [i for i, key in enumerate(keys) if key in _FLEXIBLE and widths[i] > _LEAST]
        if not able:
            return
        widest = max(able, key=lambda i: widths[i])
        widths[widest] = max(_LEAST, widths[widest] - over)


def _fit(text: str, wide: int) -> str:
    if width(text) <= wide:
        return text + " " * (wide - width(text))
    while width(text) > wide - 1:
        text = text[:-1]
    return text + "\N{HORIZONTAL ELLIPSIS}" + " " * (wide - 1 - width(text))
