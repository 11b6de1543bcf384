"""What stays of runs beside their rows: how many ended how in each hour, and who read which secret last."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# A migration stays as it is: it does not import what db.tables says today.
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "run_hours",
        sa.Column("site_id", ORDERED, nullable=False),
        sa.Column("hour", BIG, nullable=False),
        sa.Column("state", ORDERED, nullable=False),
        sa.Column("runs", BIG, nullable=False),
        sa.PrimaryKeyConstraint("site_id", "hour", "state", name="pk_run_hours"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_run_hours_site_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "secret_reads",
        sa.Column("site_id", ORDERED, nullable=False),
        sa.Column("secret_name", ORDERED, nullable=False),
        sa.Column("script_id", ORDERED, nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("site_id", "secret_name", "script_id", name="pk_secret_reads"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_secret_reads_site_id"),
        sa.ForeignKeyConstraint(["script_id"], ["scripts.id"], name="fk_secret_reads_script_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_secret_reads_by_script", "secret_reads", ["script_id"], unique=False)
