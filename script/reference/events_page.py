"""docs/reference/audit-events.md: every event of the audit logs."""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import markdown

import nightdrop
from nightdrop.audit import events
from nightdrop.audit.events import Event

_INTRODUCTION = """\
Names are stable: one that was released is never used for something else. There are two logs:

- **site**: what people do, in the database. An entry and what it is about are one transaction.
- **keeper**: what runs do with secrets, in `keeper/keeper.db`: a chain in which a changed or missing entry shows. The
  entry is written before a value leaves.

A name whose log is `-` is reserved; this release writes no such entry.
"""


def page() -> str:
    """Return the page.

    Raises:
        ValueError: an event has no sentence below it in events.py.
    """
    lines = [*markdown.head("Audit events", "`src/nightdrop/audit/events.py`"), _INTRODUCTION, *_table()]
    return markdown.page(lines)


def _table() -> Iterator[str]:
    meanings, logs = _meanings(), _logs()
    missing = [event.name for event in Event if not meanings.get(event.name)]
    if missing:
        raise ValueError(f"events.py: write a sentence below {', '.join(missing)}")
    rows = [(markdown.code(event.value), logs.get(event.name, "-"), meanings[event.name]) for event in Event]
    return markdown.table(("Event", "Log", "When"), rows)


def _meanings() -> dict[str, str]:
    """Return the string that stands below each member."""
    tree = ast.parse(inspect.getsource(events))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Event")
    found = {}
    for member, below in pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            target = member.targets[0]
            assert isinstance(target, ast.Name)
            found[target.id] = " ".join(str(below.value.value).split())
    return found


def _logs() -> dict[str, str]:
    """Return which log each event goes to: the one whose code names it."""
    found: dict[str, set[str]] = {}
    root = Path(nightdrop.__path__[0])
    for path in sorted(root.rglob("*.py")):
        log = "keeper" if path.is_relative_to(root / "worker" / "keeper") or path.name == "keeper_db.py" else "site"
        for name in re.findall(r"\bEvent\.([A-Z][A-Z_]+)\b", path.read_text()):
            found.setdefault(name, set()).add(log)
    return {name: ", ".join(sorted(where)) for name, where in found.items()}
