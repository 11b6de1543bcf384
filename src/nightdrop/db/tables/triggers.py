"""What starts runs by itself."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, Table, Text, true

from nightdrop.db.tables.columns import Big, Ordered, metadata, site_column

# What starts runs of a script by itself.
triggers = Table(
    "triggers",
    metadata,
    Column("id", Ordered, primary_key=True),
    site_column(),
    Column("script_id", Ordered, ForeignKey("scripts.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Ordered, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("settings", Text, nullable=False),
    Column("enabled", Boolean(create_constraint=False), nullable=False, server_default=true()),
    Column("created_ms", Big, nullable=False),
    Column("updated_ms", Big, nullable=False),
    Column("updated_by", Text, nullable=False),
    # When it fires next; only a schedule knows.
    Column("next_ms", Big),
    Column("last_ms", Big),
    # No foreign key: runs are pruned.
    Column("last_run_id", Ordered),
    # Why it cannot fire: a sentence.
    Column("problem", Text),
    # Of a webhook's address only the hash is kept.
    Column("token_hash", LargeBinary, unique=True),
    Column("after_script_id", Ordered, ForeignKey("scripts.id", ondelete="CASCADE")),
)
Index("ix_triggers_by_site", triggers.c.site_id, triggers.c.id)
Index("ix_triggers_by_script", triggers.c.script_id, triggers.c.id)
Index("ix_triggers_after", triggers.c.after_script_id)

# What watched folders held when they were looked at last.
watched_files = Table(
    "watched_files",
    metadata,
    Column("trigger_id", Ordered, ForeignKey("triggers.id", ondelete="CASCADE"), nullable=False),
    Column("path", Ordered, nullable=False),
    Column("size", Big, nullable=False),
    Column("mtime_ns", Big, nullable=False),
    Column("since_ms", Big, nullable=False),
    Column("state", Ordered, nullable=False),
    PrimaryKeyConstraint("trigger_id", "path"),
    sqlite_with_rowid=False,
)
