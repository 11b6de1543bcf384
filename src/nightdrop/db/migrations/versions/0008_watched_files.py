"""What watched folders held when they were looked at last."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

# A migration stays as it is: it does not import what db.tables says today.
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "watched_files",
        sa.Column("trigger_id", ORDERED, nullable=False),
        sa.Column("path", ORDERED, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("mtime_ns", BIG, nullable=False),
        sa.Column("since_ms", BIG, nullable=False),
        sa.Column("state", ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("trigger_id", "path", name="pk_watched_files"),
        sa.ForeignKeyConstraint(
            ["trigger_id"], ["triggers.id"], name="fk_watched_files_trigger_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
