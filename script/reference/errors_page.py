"""docs/reference/errors.md: every error code with its sentence, its hint and its HTTP status."""

import importlib
import pkgutil
from collections.abc import Iterator

import markdown

import nightdrop
from nightdrop.api.problems import status_of
from nightdrop.cli.errors import ApiError, CodedError
from nightdrop.core.errors import NightdropError

_INTRODUCTION = """\
Codes are stable: programs may rely on them. The sentence is for people; where nightdrop knows more, it says more than
here. No error repeats what was given to it.

The API answers with the status and problem details (RFC 9457). The command line prints sentence and hint and exits with
status 1. Codes without a status come from the command line alone; those of encrypted files (`otfe_`) also stand in the
log of a run.
"""
# These have no code of their own, or carry the server's.
_CARRIERS = {CodedError, ApiError}


def page() -> str:
    """Return the page."""
    lines = [*markdown.head("Errors", "the error classes in `src/nightdrop`"), _INTRODUCTION, *_table()]
    return markdown.page(lines)


def _table() -> Iterator[str]:
    rows: dict[str, tuple[str, str, str, str]] = {}
    for kind in sorted(_classes(), key=lambda one: (one.code, _local(one), one.__module__)):
        row = (markdown.code(kind.code), _status(kind), (kind.__doc__ or "").strip().split("\n", 1)[0], kind.hint)
        # The command line has its own class for what it finds out without the server: one entry is enough.
        rows.setdefault(kind.code, row)
    return markdown.table(("Code", "Status", "Sentence", "Hint"), rows.values())


def _classes() -> Iterator[type[NightdropError]]:
    _import_everything()
    todo: list[type[NightdropError]] = [NightdropError]
    for kind in todo:
        todo += kind.__subclasses__()
        if kind not in _CARRIERS and ("code" in vars(kind)):
            yield kind


def _import_everything() -> None:
    for module in pkgutil.walk_packages(nightdrop.__path__, "nightdrop."):
        # Migrations only load inside Alembic.
        if not module.name.startswith("nightdrop.db.migrations") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _local(kind: type[NightdropError]) -> bool:
    return kind.__module__.startswith(("nightdrop.cli", "nightdrop.install", "nightdrop.otfe"))


def _status(kind: type[NightdropError]) -> str:
    return "-" if _local(kind) else str(status_of(kind))
