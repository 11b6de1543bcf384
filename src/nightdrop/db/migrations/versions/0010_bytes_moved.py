"""How much runs moved."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

# A migration stays as it is: it does not import what db.tables says today.
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "run_bytes",
        sa.Column("run_id", ORDERED, nullable=False),
        sa.Column("bytes", BIG, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_bytes"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_bytes_run_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
