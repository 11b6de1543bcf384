"""The audit log of sites."""

from sqlalchemy import Column, Index, LargeBinary, Table, Text

from nightdrop.db.tables.columns import Big, Ordered, metadata

audit = Table(
    "audit",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=False),
    Column("prev", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("at_ms", Big, nullable=False),
    Column("event", Text, nullable=False),
    # No foreign key: an entry may be about a site that was never there.
    Column("site_id", Ordered),
    Index("ix_audit_by_site", "site_id", "seq"),
)

# The newest checkpoint of each audit log, signed by the keeper: a log that is shorter was cut.
audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("log", Ordered, primary_key=True),
    Column("size", Big, nullable=False),
    Column("at_ms", Big, nullable=False),
    Column("note", Text, nullable=False),
)
