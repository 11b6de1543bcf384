"""Rows of the table of triggers and what they mean."""

import json
from typing import Any

from nightdrop.triggers.model import Trigger
from nightdrop.triggers.settings import TriggerSettings, parse_trigger

COLUMNS = (
    "t.id, t.site_id, t.script_id, s.name AS script_name, t.name, t.settings, t.enabled, t.created_ms, t.updated_ms,"
    " t.updated_by, t.next_ms, t.last_ms, t.last_run_id, t.problem, t.kind"
)
SELECT = f"SELECT {COLUMNS} FROM triggers t JOIN scripts s ON s.id = t.script_id"  # noqa: S608 - fixed text


def trigger_info(row: Any) -> Trigger:
    """Turn a row of ``SELECT`` into a Trigger."""
    return Trigger(
        id=row.id,
        site_id=row.site_id,
        script_id=row.script_id,
        script_name=row.script_name,
        name=row.name,
        settings=parse_trigger(row.settings),
        enabled=bool(row.enabled),
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        updated_by=row.updated_by,
        next_ms=row.next_ms if row.enabled else None,
        last_ms=row.last_ms,
        last_run_id=row.last_run_id,
        problem=row.problem,
    )


def stored(settings: TriggerSettings) -> str:
    """Return the stored form of settings: JSON, without what was left at its default."""
    values = {"kind": settings.kind, **settings.model_dump(mode="json", exclude_unset=True)}
    return json.dumps(values, sort_keys=True, separators=(",", ":"))
