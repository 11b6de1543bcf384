"""Every table of app.db. Times are whole milliseconds since the epoch, UTC; JSON is canonical text."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
    true,
)

from nightdrop.db import search_index

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Byte order on both databases: pages are cut and cursors compared by it, and a locale may change with the system.
Ordered = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite's INTEGER holds 64 bits, and as a primary key it is the row id itself.
Big = BigInteger().with_variant(Integer(), "sqlite")


def _site() -> Column[str]:
    return Column("site_id", Ordered, ForeignKey("sites.id"), nullable=False)


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
    _site(),
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
    _site(),
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
_open = text("finished_ms IS NULL")
Index("ix_rotations_open", rotations.c.site_id, unique=True, sqlite_where=_open, postgresql_where=_open)

secrets = Table(
    "secrets",
    metadata,
    Column("id", Ordered, primary_key=True),
    _site(),
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
_not_ok = text("health <> 'ok'")
Index("ix_secrets_not_ok", secrets.c.health, secrets.c.id, sqlite_where=_not_ok, postgresql_where=_not_ok)

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

# Answers to requests that came with an Idempotency-Key; ``status`` is NULL while the first one runs.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("request", LargeBinary, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("status", Integer),
    Column("body", Text),
)
Index("ix_idempotency_keys_by_created", idempotency_keys.c.created_ms)

scripts = Table(
    "scripts",
    metadata,
    Column("id", Ordered, primary_key=True),
    _site(),
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
    _site(),
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

runs = Table(
    "runs",
    metadata,
    Column("id", Ordered, primary_key=True),
    _site(),
    # A run outlives its script: the name and the version stay.
    Column("script_id", Ordered, ForeignKey("scripts.id", ondelete="SET NULL")),
    Column("script_name", Text),
    Column("version", Integer),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("error", Text),
    Column("secrets_used", Text, nullable=False, server_default="[]"),
    Column("worker_id", Text),
    Column("lease_until_ms", Big),
    Column("fence", Big, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("idempotency_key", Text),
    Column("concurrency_key", Text),
    Column("idempotent", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("run_at_ms", Big, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("started_ms", Big),
    Column("ended_ms", Big),
    Column("created_by", Text, nullable=False),
    Column("timeout_s", Double),
    Column("cancel_requested", Boolean(create_constraint=False), nullable=False, server_default=false()),
    # Last, like the sealed bytes of a secret: a list does not read through them.
    Column("params", Text, nullable=False, server_default="{}"),
    Column("code", Text),
    UniqueConstraint("site_id", "idempotency_key"),
)
_queued = text("state = 'queued'")
_running = text("state = 'running'")
Index(
    "ix_runs_queued",
    runs.c.priority.desc(),
    runs.c.run_at_ms,
    runs.c.id,
    sqlite_where=_queued,
    postgresql_where=_queued,
)
Index("ix_runs_leases", runs.c.lease_until_ms, sqlite_where=_running, postgresql_where=_running)
# Of the runs of one concurrency key one runs at a time; runs without a key (NULL) are all different.
Index(
    "ix_runs_keys",
    runs.c.site_id,
    runs.c.concurrency_key,
    unique=True,
    sqlite_where=_running,
    postgresql_where=_running,
)
Index("ix_runs_workers", runs.c.worker_id, sqlite_where=_running, postgresql_where=_running)
# Ids sort by time of creation, so these give the newest first.
Index("ix_runs_by_site", runs.c.site_id, runs.c.id)
Index("ix_runs_by_script", runs.c.script_id, runs.c.id)
Index("ix_runs_by_state", runs.c.site_id, runs.c.state, runs.c.id)

run_logs = Table(
    "run_logs",
    metadata,
    Column("run_id", Ordered, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at_ms", Big, nullable=False),
    Column("level", Text, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "seq"),
    sqlite_with_rowid=False,
)

# What starts runs of a script by itself.
triggers = Table(
    "triggers",
    metadata,
    Column("id", Ordered, primary_key=True),
    _site(),
    Column("script_id", Ordered, ForeignKey("scripts.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Ordered, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("settings", Text, nullable=False),
    Column("enabled", Boolean(create_constraint=False), nullable=False, server_default=true()),
    Column("created_ms", Big, nullable=False),
    Column("updated_ms", Big, nullable=False),
    Column("updated_by", Text, nullable=False),
    # When it fires next; only a schedule knows.
    Column("next_ms", Big),
    Column("last_ms", Big),
    # No foreign key: runs are pruned.
    Column("last_run_id", Ordered),
    # Why it cannot fire: a sentence.
    Column("problem", Text),
    # Of a webhook's address only the hash is kept.
    Column("token_hash", LargeBinary, unique=True),
    Column("after_script_id", Ordered, ForeignKey("scripts.id", ondelete="CASCADE")),
)
Index("ix_triggers_by_site", triggers.c.site_id, triggers.c.id)
Index("ix_triggers_by_script", triggers.c.script_id, triggers.c.id)
Index("ix_triggers_after", triggers.c.after_script_id)
_due = text("enabled AND next_ms IS NOT NULL")
Index("ix_triggers_due", triggers.c.next_ms, sqlite_where=_due, postgresql_where=_due)

# What watched folders held when they were looked at last.
watched_files = Table(
    "watched_files",
    metadata,
    Column("trigger_id", Ordered, ForeignKey("triggers.id", ondelete="CASCADE"), nullable=False),
    Column("path", Ordered, nullable=False),
    Column("size", Big, nullable=False),
    Column("mtime_ns", Big, nullable=False),
    Column("since_ms", Big, nullable=False),
    Column("state", Ordered, nullable=False),
    PrimaryKeyConstraint("trigger_id", "path"),
    sqlite_with_rowid=False,
)

# Where a run comes from; a run that somebody asked for has no row. Apart from the run, whose last columns are large.
run_origins = Table(
    "run_origins",
    metadata,
    Column("run_id", Ordered, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("site_id", Ordered, nullable=False),
    Column("kind", Ordered, nullable=False),
    # No foreign key: a run outlives its trigger.
    Column("trigger_id", Ordered),
    # How often it was tried before.
    Column("retry", Integer, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)
Index("ix_run_origins_by_kind", run_origins.c.site_id, run_origins.c.kind, run_origins.c.run_id)
Index("ix_run_origins_by_trigger", run_origins.c.trigger_id, run_origins.c.run_id)

# Bytes of files and of HTTP bodies, in both directions, of runs that moved any. Apart from the run, see run_origins.
run_bytes = Table(
    "run_bytes",
    metadata,
    Column("run_id", Ordered, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("bytes", Big, nullable=False),
    sqlite_with_rowid=False,
)

# What scripts answer to the requests of webhooks, until the request has it.
run_answers = Table(
    "run_answers",
    metadata,
    Column("run_id", Ordered, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("status", Integer, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

# How many runs ended how in each hour since 1970; stays when runs are pruned.
run_hours = Table(
    "run_hours",
    metadata,
    _site(),
    Column("hour", Big, nullable=False),
    Column("state", Ordered, nullable=False),
    Column("runs", Big, nullable=False),
    PrimaryKeyConstraint("site_id", "hour", "state"),
    sqlite_with_rowid=False,
)

# Which script was given which secret, and when last; script_secrets says what stands in the code.
secret_reads = Table(
    "secret_reads",
    metadata,
    _site(),
    Column("secret_name", Ordered, nullable=False),
    Column("script_id", Ordered, ForeignKey("scripts.id", ondelete="CASCADE"), nullable=False),
    Column("at_ms", Big, nullable=False),
    PrimaryKeyConstraint("site_id", "secret_name", "script_id"),
    Index("ix_secret_reads_by_script", "script_id"),
    sqlite_with_rowid=False,
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=False),
    Column("prev", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("at_ms", Big, nullable=False),
    Column("event", Text, nullable=False),
    # No foreign key: an entry may be about a site that was never there.
    Column("site_id", Ordered),
    Index("ix_audit_by_site", "site_id", "seq"),
)

# The newest checkpoint of each audit log, signed by the keeper: a log that is shorter was cut.
audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("log", Ordered, primary_key=True),
    Column("size", Big, nullable=False),
    Column("at_ms", Big, nullable=False),
    Column("note", Text, nullable=False),
)

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
