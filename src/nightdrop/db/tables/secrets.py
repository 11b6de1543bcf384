"""Sealed secrets, and what lists and searches them."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from nightdrop.db import search_index
from nightdrop.db.tables.columns import Big, Ordered, metadata, site_column

secrets = Table(
    "secrets",
    metadata,
    Column("id", Ordered, primary_key=True),
    site_column(),
    Column("name", Ordered, nullable=False),
    # The name as it sorts and the text that a search looks through: both case-folded.
    Column("name_key", Ordered, nullable=False, server_default=""),
    Column("search", Ordered, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("created_ms", Big, nullable=False),
    Column("updated_ms", Big, nullable=False),
    Column("updated_by", Text, nullable=False),
    # 0 means never; NULL sorts at different ends on the two databases.
    Column("last_used_ms", Big, nullable=False, server_default="0"),
    Column("health", Text, nullable=False, server_default="unchecked"),
    Column("revision", Big, nullable=False),
    Column("epoch", Integer, nullable=False),
    # Last, because SQLite reads a row from its start: a list never touches the pages of the sealed bytes.
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("site_id", "name"),
)
# One per order of the list; with "search" in it a search reads the index alone.
Index("ix_secrets_by_name", secrets.c.site_id, secrets.c.name_key, secrets.c.id, secrets.c.search)
Index("ix_secrets_by_updated", secrets.c.site_id, secrets.c.updated_ms, secrets.c.id, secrets.c.search)
Index("ix_secrets_by_used", secrets.c.site_id, secrets.c.last_used_ms, secrets.c.id, secrets.c.search)
Index("ix_secrets_by_epoch", secrets.c.site_id, secrets.c.epoch, secrets.c.id)

# Apart from the row: a column after the sealed bytes would make a list read all of them.
secret_expiries = Table(
    "secret_expiries",
    metadata,
    Column("secret_id", Ordered, ForeignKey("secrets.id", ondelete="CASCADE"), primary_key=True),
    Column("expires_ms", Big, nullable=False),
)

# The index of the search; triggers keep it, see db.search_index.
secret_numbers = Table(
    "secret_numbers",
    metadata,
    Column("number", Big, primary_key=True),
    Column("secret_id", Ordered, ForeignKey("secrets.id", ondelete="CASCADE"), nullable=False, unique=True),
)

secret_grams = Table(
    "secret_grams",
    metadata,
    # The end of the site's id.
    Column("site", Ordered, nullable=False),
    Column("gram", Ordered, nullable=False),
    Column("number", Big, nullable=False),
    PrimaryKeyConstraint("site", "gram", "number"),
    sqlite_with_rowid=False,
)
search_index.declare(metadata)
