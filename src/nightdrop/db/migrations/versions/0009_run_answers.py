"""What scripts answer to the requests of webhooks, until the request has it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

# A migration stays as it is: it does not import what db.tables says today.
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "run_answers",
        sa.Column("run_id", ORDERED, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_answers"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_answers_run_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
