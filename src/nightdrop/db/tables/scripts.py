"""Scripts, their versions, and the secrets that they name."""

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
    func,
)

from nightdrop.db.tables.columns import Big, Ordered, metadata, site_column

scripts = Table(
    "scripts",
    metadata,
    Column("id", Ordered, primary_key=True),
    site_column(),
    Column("name", Ordered, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("created_ms", Big, nullable=False),
    Column("updated_ms", Big, nullable=False),
    Column("version", Integer, nullable=False),
    # Whether the newest version computes names of secrets, so that it may use any.
    Column("secrets_computed", Boolean(create_constraint=False), nullable=False, server_default=false()),
    # Its owner says that running it twice does no harm.
    Column("idempotent", Boolean(create_constraint=False), nullable=False, server_default=false()),
    UniqueConstraint("site_id", "name"),
)
Index("ix_scripts_by_name", scripts.c.site_id, func.lower(scripts.c.name), scripts.c.id)
Index("ix_scripts_by_updated", scripts.c.site_id, scripts.c.updated_ms, scripts.c.id)

# The secrets that the newest version of a script names.
script_secrets = Table(
    "script_secrets",
    metadata,
    site_column(),
    Column("secret_name", Ordered, nullable=False),
    Column("script_id", Ordered, ForeignKey("scripts.id", ondelete="CASCADE"), nullable=False),
    PrimaryKeyConstraint("site_id", "secret_name", "script_id"),
    Index("ix_script_secrets_by_script", "script_id"),
    sqlite_with_rowid=False,
)

script_versions = Table(
    "script_versions",
    metadata,
    Column("script_id", Ordered, ForeignKey("scripts.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("code", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("created_by", Text, nullable=False),
    PrimaryKeyConstraint("script_id", "number"),
)
