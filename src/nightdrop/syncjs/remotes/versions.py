"""Copies of what is overwritten: ``.ver/NAME.20260131T235959123456Z`` beside the file, the newest few."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

FOLDER = ".ver"
_STAMP = re.compile(r"\d{8}T\d{12}Z")


def version_name(name: str, now: datetime) -> str:
    """Return the name of a copy of ``name`` that is put aside at ``now``; names sort by time."""
    return f"{name}.{now.astimezone(UTC):%Y%m%dT%H%M%S%f}Z"


def superfluous(names: Iterable[str], name: str, keep: int) -> list[str]:
    """Return which of ``names`` are copies of ``name`` beyond the newest ``keep``."""
    head = name + "."
    copies = sorted(found for found in names if found.startswith(head) and _STAMP.fullmatch(found[len(head) :]))
    return copies[: len(copies) - max(0, keep)] if len(copies) > max(0, keep) else []
