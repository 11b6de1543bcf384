"""Accounts: admins, what they may do, and how they sign in."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# A migration stays as it is: it does not import what db.tables says today.
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _admins()
    _credentials()
    _passkeys()
    _links_and_throttle()


def _of_admin(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["admin_id"], ["admins.id"], name=f"fk_{table}_admin_id", ondelete="CASCADE")


def _admins() -> None:
    op.create_table(
        "admins",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("name", ORDERED, nullable=False),
        sa.Column("super", sa.Boolean(create_constraint=False), server_default=sa.false(), nullable=False),
        sa.Column("disabled", sa.Boolean(create_constraint=False), server_default=sa.false(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_ms", BIG, server_default="0", nullable=False),
        sa.Column("totp_key", sa.LargeBinary(), nullable=True),
        sa.Column("totp_pending", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", BIG, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_admins"),
        sa.UniqueConstraint("name", name="uq_admins_name"),
    )
    op.create_table(
        "admin_grants",
        sa.Column("admin_id", ORDERED, nullable=False),
        sa.Column("site_id", ORDERED, nullable=False),
        sa.Column("permission", ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("admin_id", "site_id", "permission", name="pk_admin_grants"),
        _of_admin("admin_grants"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_admin_grants_site_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_admin_grants_by_site", "admin_grants", ["site_id"], unique=False)
    op.create_table(
        "admin_recovery_codes",
        sa.Column("admin_id", ORDERED, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("admin_id", "hash", name="pk_admin_recovery_codes"),
        _of_admin("admin_recovery_codes"),
        sqlite_with_rowid=False,
    )


def _credentials() -> None:
    op.create_table(
        "admin_sessions",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("admin_id", ORDERED, nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("seen_ms", BIG, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_admin_sessions"),
        sa.UniqueConstraint("hash", name="uq_admin_sessions_hash"),
        _of_admin("admin_sessions"),
    )
    op.create_index("ix_admin_sessions_by_admin", "admin_sessions", ["admin_id"], unique=False)
    op.create_index("ix_admin_sessions_by_seen", "admin_sessions", ["seen_ms"], unique=False)
    op.create_table(
        "admin_tokens",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("admin_id", ORDERED, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("sites", sa.Text(), nullable=False),
        sa.Column("permissions", sa.Text(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("expires_ms", BIG, nullable=True),
        sa.Column("used_ms", BIG, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_admin_tokens"),
        sa.UniqueConstraint("admin_id", "name", name="uq_admin_tokens_admin_id_name"),
        sa.UniqueConstraint("hash", name="uq_admin_tokens_hash"),
        _of_admin("admin_tokens"),
    )


def _passkeys() -> None:
    op.create_table(
        "admin_passkeys",
        sa.Column("id", ORDERED, nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("admin_id", ORDERED, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", BIG, nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("used_ms", BIG, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_admin_passkeys"),
        sa.UniqueConstraint("credential", name="uq_admin_passkeys_credential"),
        _of_admin("admin_passkeys"),
    )
    op.create_index("ix_admin_passkeys_by_admin", "admin_passkeys", ["admin_id"], unique=False)
    op.create_table(
        "passkey_challenges",
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("admin_id", ORDERED, nullable=True),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("challenge", name="pk_passkey_challenges"),
        _of_admin("passkey_challenges"),
    )


def _links_and_throttle() -> None:
    op.create_table(
        "setup_links",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("admin_id", ORDERED, nullable=True),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_setup_links"),
        sa.UniqueConstraint("admin_id", name="uq_setup_links_admin_id"),
        _of_admin("setup_links"),
    )
    op.create_table(
        "sign_in_throttle",
        sa.Column("subject", ORDERED, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until_ms", BIG, nullable=False),
        sa.Column("updated_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_sign_in_throttle"),
    )
    op.create_index("ix_sign_in_throttle_by_updated", "sign_in_throttle", ["updated_ms"], unique=False)
