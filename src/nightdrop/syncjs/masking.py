"""Keeps the values that a run was given out of what it writes.

Guaranteed: the value as it is and in base64 (any alignment, both alphabets), in hexadecimal, URL-encoded and
JSON-escaped; and every line of a value with several lines, of the first 128 lines in all those forms too. Any
other transformation is masked only by accident; see the threat model.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "***"
MIN_LENGTH = 4

# A value longer than this is looked for by its head, then followed as far as it agrees.
_HEAD = 48
# Lines that are looked for in every form: each costs a search of every text, and a value may have 500,000 lines.
_ENCODED_LINES = 128
# What encodeURI and encodeURIComponent leave alone (ECMA-262, URI handling functions), beyond letters and digits.
_URI_COMPONENT = "-_.!~*'()"
_URI = _URI_COMPONENT + ";/?:@&=+$,#"
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")


class Masker:
    """Masks every form of every value added so far."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._fresh: list[bytes] = []
        self._literal: dict[str, str] = {}
        self._base64: dict[str, str] = {}

    def add(self, value: bytes) -> bool:
        """Mask ``value`` from now on; False when it is too short for that.

        The work is put off until something is masked: a script that reads and never logs does not pay.
        """
        if value not in self._seen:
            self._seen.add(value)
            self._fresh.append(value)
        return len(value.strip()) >= MIN_LENGTH and len(value.decode("utf-8", "replace").strip()) >= MIN_LENGTH

    def mask(self, text: str) -> str:
        """Return ``text`` with every form of every value replaced by ``***``."""
        spans = merge(self.spans(text))
        if not spans:
            return text
        parts: list[str] = []
        end = 0
        for start, stop in spans:
            parts += (text[end:start], MASK)
            end = stop
        return "".join([*parts, text[end:]])

    def mask_cut(self, text: str, limit: int) -> str:
        """Return the first ``limit`` characters of ``text``, masked; of a value that is cut there nothing stays."""
        if len(text) <= limit:
            return self.mask(text)
        # Its held back end is never shown.
        return StreamMasker(self).feed(text[:limit])

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the values stand in ``text``, in no order and possibly overlapping."""
        self._prepare()
        # Two steps, as nearly every form is nowhere in the text and this answers that in the interpreter's C code.
        literal = [pattern for pattern, head in self._literal.items() if head in text]
        encoded = [pattern for pattern, head in self._base64.items() if head in text]
        found = [span for pattern in literal for span in _find(text, pattern)]
        return found + [_with_borders(text, span) for pattern in encoded for span in _find(text, pattern)]

    def patterns(self) -> Iterator[str]:
        """Yield every text that is looked for."""
        self._prepare()
        yield from self._literal
        yield from self._base64

    def _prepare(self) -> None:
        for value in self._fresh:
            self._literal |= {form: form[:_HEAD] for form in _literal_forms(value)}
            self._base64 |= {form: form[:_HEAD] for form in _base64_forms(value)}
        self._fresh.clear()


def merge(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join overlapping spans; two values that overlap must not uncover each other's ends."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _find(text: str, pattern: str) -> Iterator[tuple[int, int]]:
    head = pattern[:_HEAD]
    at = text.find(head)
    start = end = at
    while at >= 0:
        if at > end:
            yield start, end
            start = at
        end = max(end, at + _agreement(text, at, pattern))
        # Not from `end`: a value that overlaps itself ("abab" in "ababab") must not leave its tail.
        at = text.find(head, at + 1)
    if end >= 0:
        yield start, end


def _agreement(text: str, at: int, pattern: str) -> int:
    """Return how many characters of ``text`` from ``at`` agree with ``pattern``, by bisection."""
    low, high = min(_HEAD, len(pattern)), min(len(pattern), len(text) - at)
    if text.startswith(pattern, at):
        return len(pattern)
    while low < high:
        middle = (low + high + 1) // 2
        if text.startswith(pattern[:middle], at):
            low = middle
        else:
            high = middle - 1
    return low


def _with_borders(text: str, span: tuple[int, int]) -> tuple[int, int]:
    # The character on either side still carries some bits of the value.
    start, stop = span
    if start and text[start - 1] in _BASE64:
        start -= 1
    if stop < len(text) and text[stop] in _BASE64:
        stop += 1
    while stop < len(text) and text[stop] == "=":
        stop += 1
    return start, stop


def _literal_forms(value: bytes) -> set[str]:
    text = value.decode("utf-8", "replace")
    trimmed = text.strip()
    lines = [line.strip() for line in text.splitlines()]
    wholes = {text, trimmed, *_encoded_lines(text)}
    forms: set[str] = set()
    for whole in wholes:
        forms |= _escaped_forms(whole)
    if len(lines) > 1:
        for line in lines:
            forms |= {line, *_json_forms(line)}
        joined = "\n".join(text.splitlines())
        forms |= {joined, *_json_forms(joined)}
    for raw in {value, *(whole.encode() for whole in wholes)}:
        digits = binascii.hexlify(raw).decode()
        forms |= {digits, digits.upper()}
    return {form for form in forms if len(form) >= MIN_LENGTH and len(trimmed) >= MIN_LENGTH}


def _encoded_lines(text: str) -> set[str]:
    """Return the lines that are looked for in every form; a short one would match by chance once it is encoded."""
    lines = [line.strip() for line in text.splitlines()]
    return {line for line in lines[:_ENCODED_LINES] if len(line) >= MIN_LENGTH} if len(lines) > 1 else set()


def _escaped_forms(text: str) -> set[str]:
    forms = {text, *_json_forms(text)}
    for encoded in (quote(text, safe=""), quote(text), quote(text, safe=_URI_COMPONENT), quote(text, safe=_URI)):
        forms |= {encoded, _lower_percent(encoded)}
    plus = quote_plus(text)
    return forms | {plus, _lower_percent(plus)}


def _json_forms(text: str) -> set[str]:
    forms = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    forms |= {form.replace("/", "\\/") for form in forms}
    # JSON inside JSON: a logged request body that was itself put together from text.
    return forms | {json.dumps(form, ensure_ascii=False)[1:-1] for form in forms}


def _lower_percent(encoded: str) -> str:
    parts = encoded.split("%")
    return parts[0] + "".join("%" + part[:2].lower() + part[2:] for part in parts[1:])


def _base64_forms(value: bytes) -> set[str]:
    forms: set[str] = set()
    trimmed = value.strip()
    if len(trimmed.decode("utf-8", "replace")) < MIN_LENGTH:
        return forms
    for raw in {value, trimmed, *(line.encode() for line in _encoded_lines(value.decode("utf-8", "replace")))}:
        for offset in range(3):
            core = _base64_core(raw, offset)
            forms |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= MIN_LENGTH}


def _base64_core(value: bytes, offset: int) -> str:
    """Return the characters of base64 that depend on ``value`` alone when ``offset`` bytes stand before it."""
    encoded = base64.b64encode(bytes(offset) + value).decode()
    start = -(-offset * 8 // 6)
    return encoded[start : (offset + len(value)) * 8 // 6]


class StreamMasker:
    """Masks text that is written in pieces; a value that is split over two pieces is still masked."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what can be shown already; the end is held back while it may be the start of a value."""
        buffer = self._held + text
        keep = self._held_from(buffer)
        self._held = buffer[keep:]
        return self._masker.mask(buffer[:keep])

    def flush(self) -> str:
        """Return the rest."""
        rest, self._held = self._held, ""
        return self._masker.mask(rest)

    def _held_from(self, buffer: str) -> int:
        # The next character may begin base64, and then the one before it belongs to the value.
        keep = len(buffer) - (buffer[-1:] in _BASE64)
        for pattern in self._masker.patterns():
            keep = min(keep, _start_of_prefix(buffer, pattern))
        # A cut inside a value that is whole already would uncover its ends; so would one beside base64's border.
        moved = True
        while moved:
            moved = False
            for start, stop in self._masker.spans(buffer):
                if start < keep <= stop and (stop > keep or stop == len(buffer)):
                    keep, moved = start, True
        return keep


def _start_of_prefix(buffer: str, pattern: str) -> int:
    """Return where an unfinished ``pattern`` at the end of ``buffer`` starts, or the length of ``buffer``."""
    size = len(buffer)
    at = buffer.find(pattern[0], max(0, size - len(pattern) + 1))
    while at >= 0:
        if pattern.startswith(buffer[at:]):
            # One more: the character before base64 belongs to it.
            return max(0, at - 1)
        at = buffer.find(pattern[0], at + 1)
    return size
