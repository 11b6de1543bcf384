"""Runs: where each comes from, its log, what it moved, and how many there were."""

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from nightdrop.db.tables.columns import Big, Ordered, metadata, site_column

runs = Table(
    "runs",
    metadata,
    Column("id", Ordered, primary_key=True),
    site_column(),
    # A run outlives its script: the name and the version stay.
    Column("script_id", Ordered, ForeignKey("scripts.id", ondelete="SET NULL")),
    Column("script_name", Text),
    Column("version", Integer),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("error", Text),
    Column("secrets_used", Text, nullable=False, server_default="[]"),
    Column("worker_id", Text),
    Column("lease_until_ms", Big),
    Column("fence", Big, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("idempotency_key", Text),
    Column("concurrency_key", Text),
    Column("idempotent", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("run_at_ms", Big, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("started_ms", Big),
    Column("ended_ms", Big),
    Column("created_by", Text, nullable=False),
    Column("timeout_s", Double),
    Column("cancel_requested", Boolean(create_constraint=False), nullable=False, server_default=false()),
    # Last, like the sealed bytes of a secret: a list does not read through them.
    Column("params", Text, nullable=False, server_default="{}"),
    Column("code", Text),
    UniqueConstraint("site_id", "idempotency_key"),
)
# Ids sort by time of creation, so these give the newest first.
Index("ix_runs_by_site", runs.c.site_id, runs.c.id)
Index("ix_runs_by_script", runs.c.script_id, runs.c.id)
Index("ix_runs_by_state", runs.c.site_id, runs.c.state, runs.c.id)

run_logs = Table(
    "run_logs",
    metadata,
    Column("run_id", Ordered, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at_ms", Big, nullable=False),
    Column("level", Text, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "seq"),
    sqlite_with_rowid=False,
)

# Where a run comes from; a run that somebody asked for has no row. Apart from the run, whose last columns are large.
run_origins = Table(
    "run_origins",
    metadata,
    Column("run_id", Ordered, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("site_id", Ordered, nullable=False),
    Column("kind", Ordered, nullable=False),
    # No foreign key: a run outlives its trigger.
    Column("trigger_id", Ordered),
    # How often it was tried before.
    Column("retry", Integer, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)
Index("ix_run_origins_by_kind", run_origins.c.site_id, run_origins.c.kind, run_origins.c.run_id)
Index("ix_run_origins_by_trigger", run_origins.c.trigger_id, run_origins.c.run_id)

# Bytes of files and of HTTP bodies, in both directions, of runs that moved any. Apart from the run, see run_origins.
run_bytes = Table(
    "run_bytes",
    metadata,
    Column("run_id", Ordered, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("bytes", Big, nullable=False),
    sqlite_with_rowid=False,
)

# What scripts answer to the requests of webhooks, until the request has it.
run_answers = Table(
    "run_answers",
    metadata,
    Column("run_id", Ordered, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("status", Integer, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

# How many runs ended how in each hour since 1970; stays when runs are pruned.
run_hours = Table(
    "run_hours",
    metadata,
    site_column(),
    Column("hour", Big, nullable=False),
    Column("state", Ordered, nullable=False),
    Column("runs", Big, nullable=False),
    PrimaryKeyConstraint("site_id", "hour", "state"),
    sqlite_with_rowid=False,
)

# Which script was given which secret, and when last; script_secrets says what stands in the code.
secret_reads = Table(
    "secret_reads",
    metadata,
    site_column(),
    Column("secret_name", Ordered, nullable=False),
    Column("script_id", Ordered, ForeignKey("scripts.id", ondelete="CASCADE"), nullable=False),
    Column("at_ms", Big, nullable=False),
    PrimaryKeyConstraint("site_id", "secret_name", "script_id"),
    Index("ix_secret_reads_by_script", "script_id"),
    sqlite_with_rowid=False,
)
