"""Who may sign in, and how."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from nightdrop.db.tables.columns import Big, Ordered, metadata

admins = Table(
    "admins",
    metadata,
    Column("id", Ordered, primary_key=True),
    # Normalised, see access.account_names: two spellings of one name are one account.
    Column("name", Ordered, nullable=False, unique=True),
    Column("super", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Column("disabled", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Column("created_ms", Big, nullable=False),
    # A PHC string; without one nobody signs in with a password.
    Column("password_hash", Text),
    Column("password_ms", Big, nullable=False, server_default="0"),
    Column("totp_key", LargeBinary),
    # Not in force until a code of it was given.
    Column("totp_pending", LargeBinary),
    # The last time step whose code was used: never that one or an earlier one again.
    Column("totp_step", Big, nullable=False, server_default="0"),
)

admin_grants = Table(
    "admin_grants",
    metadata,
    Column("admin_id", Ordered, ForeignKey("admins.id", ondelete="CASCADE"), nullable=False),
    Column("site_id", Ordered, ForeignKey("sites.id", ondelete="CASCADE"), nullable=False),
    Column("permission", Ordered, nullable=False),
    PrimaryKeyConstraint("admin_id", "site_id", "permission"),
    Index("ix_admin_grants_by_site", "site_id"),
    sqlite_with_rowid=False,
)

# Of the credentials below only the SHA-256 is kept: each is a random number that nobody can guess.
admin_recovery_codes = Table(
    "admin_recovery_codes",
    metadata,
    Column("admin_id", Ordered, ForeignKey("admins.id", ondelete="CASCADE"), nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("admin_id", "hash"),
    sqlite_with_rowid=False,
)

admin_sessions = Table(
    "admin_sessions",
    metadata,
    Column("id", Ordered, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("admin_id", Ordered, ForeignKey("admins.id", ondelete="CASCADE"), nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("seen_ms", Big, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Index("ix_admin_sessions_by_admin", "admin_id"),
    Index("ix_admin_sessions_by_seen", "seen_ms"),
)

admin_tokens = Table(
    "admin_tokens",
    metadata,
    Column("id", Ordered, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("admin_id", Ordered, ForeignKey("admins.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("sites", Text, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("expires_ms", Big),
    Column("used_ms", Big, nullable=False, server_default="0"),
    UniqueConstraint("admin_id", "name"),
)

setup_links = Table(
    "setup_links",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    # Nobody's: it makes the first super admin.
    Column("admin_id", Ordered, ForeignKey("admins.id", ondelete="CASCADE"), unique=True),
    Column("created_ms", Big, nullable=False),
    Column("expires_ms", Big, nullable=False),
)

admin_passkeys = Table(
    "admin_passkeys",
    metadata,
    Column("id", Ordered, primary_key=True),
    Column("credential", LargeBinary, nullable=False, unique=True),
    Column("admin_id", Ordered, ForeignKey("admins.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", Big, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("used_ms", Big, nullable=False, server_default="0"),
    Index("ix_admin_passkeys_by_admin", "admin_id"),
)

# What an authenticator is to sign, once.
passkey_challenges = Table(
    "passkey_challenges",
    metadata,
    Column("challenge", LargeBinary, primary_key=True),
    # Whose key is to be added; nobody's: somebody signs in.
    Column("admin_id", Ordered, ForeignKey("admins.id", ondelete="CASCADE")),
    Column("expires_ms", Big, nullable=False),
)

sign_in_throttle = Table(
    "sign_in_throttle",
    metadata,
    # A hash of the account's name, or an address.
    Column("subject", Ordered, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("until_ms", Big, nullable=False),
    Column("updated_ms", Big, nullable=False),
    Index("ix_sign_in_throttle_by_updated", "updated_ms"),
)
