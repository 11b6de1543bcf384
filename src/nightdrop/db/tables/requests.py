"""Requests that were answered, so that none is done twice."""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text

from nightdrop.db.tables.columns import Big, metadata

# Answers to requests that came with an Idempotency-Key; ``status`` is NULL while the first one runs.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("request", LargeBinary, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("status", Integer),
    Column("body", Text),
)
Index("ix_idempotency_keys_by_created", idempotency_keys.c.created_ms)
