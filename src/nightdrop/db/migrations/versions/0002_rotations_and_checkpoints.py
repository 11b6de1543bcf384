"""Rotations of site keys, and checkpoints of the audit logs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# A migration stays as it is: it does not import what db.tables says today.
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("finished_ms IS NULL")


def upgrade() -> None:
    op.create_table(
        "rotations",
        sa.Column("site_id", ORDERED, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("requested_ms", BIG, nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("drop_undecryptable", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("moved", BIG, server_default="0", nullable=False),
        sa.Column("dropped", BIG, server_default="0", nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("finished_ms", BIG, nullable=True),
        sa.Column("worker_id", sa.Text(), nullable=True),
        sa.Column("lease_until_ms", BIG, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("site_id", "epoch", name="pk_rotations"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_rotations_site_id"),
    )
    op.create_index(
        "ix_rotations_open", "rotations", ["site_id"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("ix_secrets_by_epoch", "secrets", ["site_id", "epoch", "id"], unique=False)
    op.create_table(
        "audit_checkpoints",
        sa.Column("log", ORDERED, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("log", name="pk_audit_checkpoints"),
    )
