"""Sites, their keys, and what the database says of itself."""

from sqlalchemy import Boolean, Column, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, false

from nightdrop.db.tables.columns import Big, Ordered, metadata, site_column

meta = Table(
    "meta",
    metadata,
    Column("key", Ordered, primary_key=True),
    Column("value", Text, nullable=False),
)

sites = Table(
    "sites",
    metadata,
    Column("id", Ordered, primary_key=True),
    Column("name", Ordered, nullable=False, unique=True),
    Column("created_ms", Big, nullable=False),
    Column("settings", Text, nullable=False, server_default="{}"),
    # A deleted secret leaves its revision here: one made again under its name must get a higher one.
    Column("revision_floor", Big, nullable=False, server_default="0"),
)

site_keys = Table(
    "site_keys",
    metadata,
    site_column(),
    Column("epoch", Integer, nullable=False),
    Column("suite", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("identity", LargeBinary, nullable=False),
    Column("created_ms", Big, nullable=False),
    PrimaryKeyConstraint("site_id", "epoch"),
)

# One row for each time a site's key was rotated: the epoch it leads to, and how far it is.
rotations = Table(
    "rotations",
    metadata,
    site_column(),
    Column("epoch", Integer, nullable=False),
    Column("requested_ms", Big, nullable=False),
    Column("requested_by", Text, nullable=False),
    # Whether secrets that do not open are deleted, instead of keeping the earlier epoch for them.
    Column("drop_undecryptable", Boolean, nullable=False, server_default=false()),
    Column("moved", Big, nullable=False, server_default="0"),
    Column("dropped", Big, nullable=False, server_default="0"),
    # Why it does not go on: an error code.
    Column("problem", Text),
    Column("finished_ms", Big),
    # Whose turn it is. Two at once would make two forms of one secret, and the keeper knows only the last one.
    Column("worker_id", Text),
    Column("lease_until_ms", Big, nullable=False, server_default="0"),
    PrimaryKeyConstraint("site_id", "epoch"),
)
