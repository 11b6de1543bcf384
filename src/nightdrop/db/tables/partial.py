"""The indexes of a part of a table, which make the schema whole; only what makes or compares one needs them.

Not beside their tables: SQLAlchemy would load all it has for PostgreSQL to take their condition, in every process.
"""

from sqlalchemy import Index, text

from nightdrop.db.tables import metadata, rotations, runs, secrets, triggers

__all__ = ["metadata"]

_open = text("finished_ms IS NULL")
Index("ix_rotations_open", rotations.c.site_id, unique=True, sqlite_where=_open, postgresql_where=_open)

_not_ok = text("health <> 'ok'")
Index("ix_secrets_not_ok", secrets.c.health, secrets.c.id, sqlite_where=_not_ok, postgresql_where=_not_ok)

_queued = text("state = 'queued'")
_running = text("state = 'running'")
Index(
    "ix_runs_queued",
    runs.c.priority.desc(),
    runs.c.run_at_ms,
    runs.c.id,
    sqlite_where=_queued,
    postgresql_where=_queued,
)
Index("ix_runs_leases", runs.c.lease_until_ms, sqlite_where=_running, postgresql_where=_running)
# Of the runs of one concurrency key one runs at a time; runs without a key (NULL) are all different.
Index(
    "ix_runs_keys",
    runs.c.site_id,
    runs.c.concurrency_key,
    unique=True,
    sqlite_where=_running,
    postgresql_where=_running,
)
Index("ix_runs_workers", runs.c.worker_id, sqlite_where=_running, postgresql_where=_running)

_due = text("enabled AND next_ms IS NOT NULL")
Index("ix_triggers_due", triggers.c.next_ms, sqlite_where=_due, postgresql_where=_due)
