"""Every table of app.db. Times are whole milliseconds since the epoch, UTC; JSON is canonical text."""

from nightdrop.db.tables.accounts import (
    admin_grants,
    admin_passkeys,
    admin_recovery_codes,
    admin_sessions,
    admin_tokens,
    admins,
    passkey_challenges,
    setup_links,
    sign_in_throttle,
)
from nightdrop.db.tables.audit import audit, audit_checkpoints
from nightdrop.db.tables.columns import metadata
from nightdrop.db.tables.requests import idempotency_keys
from nightdrop.db.tables.runs import run_answers, run_bytes, run_hours, run_logs, run_origins, runs, secret_reads
from nightdrop.db.tables.scripts import script_secrets, script_versions, scripts
from nightdrop.db.tables.secrets import secret_expiries, secret_grams, secret_numbers, secrets
from nightdrop.db.tables.sites import meta, rotations, site_keys, sites
from nightdrop.db.tables.triggers import triggers, watched_files

__all__ = [
    "admin_grants",
    "admin_passkeys",
    "admin_recovery_codes",
    "admin_sessions",
    "admin_tokens",
    "admins",
    "audit",
    "audit_checkpoints",
    "idempotency_keys",
    "meta",
    "metadata",
    "passkey_challenges",
    "rotations",
    "run_answers",
    "run_bytes",
    "run_hours",
    "run_logs",
    "run_origins",
    "runs",
    "script_secrets",
    "script_versions",
    "scripts",
    "secret_expiries",
    "secret_grams",
    "secret_numbers",
    "secret_reads",
    "secrets",
    "setup_links",
    "sign_in_throttle",
    "site_keys",
    "sites",
    "triggers",
    "watched_files",
]
