"""Expiries that can be changed without the value, and answers that are given again to a repeated request."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# A migration stays as it is: it does not import what db.tables says today.
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "secret_expiries",
        sa.Column("secret_id", ORDERED, nullable=False),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("secret_id", name="pk_secret_expiries"),
        sa.ForeignKeyConstraint(["secret_id"], ["secrets.id"], name="fk_secret_expiries_secret_id", ondelete="CASCADE"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_by_created", "idempotency_keys", ["created_ms"], unique=False)
