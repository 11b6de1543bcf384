"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# A migration stays as it is: it does not import what db.tables says today.
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _sites_and_audit()
    _secrets()
    _scripts()
    _runs()


def _sites_and_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("site_id", ORDERED, nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_by_site", "audit", ["site_id", "seq"], unique=False)
    op.create_table(
        "meta",
        sa.Column("key", ORDERED, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "sites",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("name", ORDERED, nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("settings", sa.Text(), server_default="{}", nullable=False),
        sa.Column("revision_floor", BIG, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sites"),
        sa.UniqueConstraint("name", name="uq_sites_name"),
    )
    op.create_table(
        "site_keys",
        sa.Column("site_id", ORDERED, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("site_id", "epoch", name="pk_site_keys"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_site_keys_site_id"),
    )


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("site_id", ORDERED, nullable=False),
        sa.Column("name", ORDERED, nullable=False),
        sa.Column("name_key", ORDERED, server_default="", nullable=False),
        sa.Column("search", ORDERED, server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("updated_ms", BIG, nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("last_used_ms", BIG, server_default="0", nullable=False),
        sa.Column("health", sa.Text(), server_default="unchecked", nullable=False),
        sa.Column("revision", BIG, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_secrets"),
        sa.UniqueConstraint("site_id", "name", name="uq_secrets_site_id_name"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_secrets_site_id"),
    )
    op.create_index("ix_secrets_by_name", "secrets", ["site_id", "name_key", "id", "search"], unique=False)
    op.create_index("ix_secrets_by_updated", "secrets", ["site_id", "updated_ms", "id", "search"], unique=False)
    op.create_index("ix_secrets_by_used", "secrets", ["site_id", "last_used_ms", "id", "search"], unique=False)
    op.create_index(
        "ix_secrets_not_ok",
        "secrets",
        ["health", "id"],
        unique=False,
        sqlite_where=sa.text("health <> 'ok'"),
        postgresql_where=sa.text("health <> 'ok'"),
    )


def _scripts() -> None:
    op.create_table(
        "scripts",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("site_id", ORDERED, nullable=False),
        sa.Column("name", ORDERED, nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("updated_ms", BIG, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("secrets_computed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scripts"),
        sa.UniqueConstraint("site_id", "name", name="uq_scripts_site_id_name"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_scripts_site_id"),
    )
    op.create_index("ix_scripts_by_name", "scripts", ["site_id", sa.text("lower(name)"), "id"], unique=False)
    op.create_index("ix_scripts_by_updated", "scripts", ["site_id", "updated_ms", "id"], unique=False)
    op.create_table(
        "script_secrets",
        sa.Column("site_id", ORDERED, nullable=False),
        sa.Column("secret_name", ORDERED, nullable=False),
        sa.Column("script_id", ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("site_id", "secret_name", "script_id", name="pk_script_secrets"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_script_secrets_site_id"),
        sa.ForeignKeyConstraint(["script_id"], ["scripts.id"], name="fk_script_secrets_script_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_script_secrets_by_script", "script_secrets", ["script_id"], unique=False)
    op.create_table(
        "script_versions",
        sa.Column("script_id", ORDERED, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("script_id", "number", name="pk_script_versions"),
        sa.ForeignKeyConstraint(["script_id"], ["scripts.id"], name="fk_script_versions_script_id", ondelete="CASCADE"),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("site_id", ORDERED, nullable=False),
        sa.Column("script_id", ORDERED, nullable=True),
        sa.Column("script_name", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("secrets_used", sa.Text(), server_default="[]", nullable=False),
        sa.Column("worker_id", sa.Text(), nullable=True),
        sa.Column("lease_until_ms", BIG, nullable=True),
        sa.Column("fence", BIG, server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("concurrency_key", sa.Text(), nullable=True),
        sa.Column("idempotent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_at_ms", BIG, nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("started_ms", BIG, nullable=True),
        sa.Column("ended_ms", BIG, nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("timeout_s", sa.Double(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("params", sa.Text(), server_default="{}", nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("site_id", "idempotency_key", name="uq_runs_site_id_idempotency_key"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_runs_site_id"),
        sa.ForeignKeyConstraint(["script_id"], ["scripts.id"], name="fk_runs_script_id", ondelete="SET NULL"),
    )
    op.create_index("ix_runs_by_script", "runs", ["script_id", "id"], unique=False)
    op.create_index("ix_runs_by_site", "runs", ["site_id", "id"], unique=False)
    op.create_index("ix_runs_by_state", "runs", ["site_id", "state", "id"], unique=False)
    op.create_index(
        "ix_runs_keys",
        "runs",
        ["site_id", "concurrency_key"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_runs_leases",
        "runs",
        ["lease_until_ms"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_runs_queued",
        "runs",
        [sa.text("priority DESC"), "run_at_ms", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_runs_workers",
        "runs",
        ["worker_id"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "run_logs",
        sa.Column("run_id", ORDERED, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq", name="pk_run_logs"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_logs_run_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
