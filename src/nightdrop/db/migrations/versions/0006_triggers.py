"""What starts runs by itself, and where a run comes from."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

# A migration stays as it is: it does not import what db.tables says today.
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Boolean(create_constraint=False)


def upgrade() -> None:
    op.add_column("scripts", sa.Column("idempotent", FLAG, nullable=False, server_default=sa.false()))
    _triggers()
    _run_origins()


def _triggers() -> None:
    op.create_table(
        "triggers",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("site_id", ORDERED, nullable=False),
        sa.Column("script_id", ORDERED, nullable=False),
        sa.Column("kind", ORDERED, nullable=False),
        sa.Column("name", sa.Text(), nullable=False, server_default=""),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("enabled", FLAG, nullable=False, server_default=sa.true()),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("updated_ms", BIG, nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("next_ms", BIG, nullable=True),
        sa.Column("last_ms", BIG, nullable=True),
        sa.Column("last_run_id", ORDERED, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("after_script_id", ORDERED, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_triggers"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_triggers_site_id"),
        sa.ForeignKeyConstraint(["script_id"], ["scripts.id"], name="fk_triggers_script_id", ondelete="CASCADE"),
        sa.UniqueConstraint("token_hash", name="uq_triggers_token_hash"),
        sa.ForeignKeyConstraint(
            ["after_script_id"], ["scripts.id"], name="fk_triggers_after_script_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_triggers_by_site", "triggers", ["site_id", "id"], unique=False)
    op.create_index("ix_triggers_by_script", "triggers", ["script_id", "id"], unique=False)
    op.create_index("ix_triggers_after", "triggers", ["after_script_id"], unique=False)
    due = sa.text("enabled AND next_ms IS NOT NULL")
    op.create_index("ix_triggers_due", "triggers", ["next_ms"], unique=False, sqlite_where=due, postgresql_where=due)


def _run_origins() -> None:
    op.create_table(
        "run_origins",
        sa.Column("run_id", ORDERED, nullable=False),
        sa.Column("site_id", ORDERED, nullable=False),
        sa.Column("kind", ORDERED, nullable=False),
        sa.Column("trigger_id", ORDERED, nullable=True),
        sa.Column("retry", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_origins"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_origins_run_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_origins_by_kind", "run_origins", ["site_id", "kind", "run_id"], unique=False)
    op.create_index("ix_run_origins_by_trigger", "run_origins", ["trigger_id", "run_id"], unique=False)
