"""Every event that an audit log can hold. A name, once released, is never reused for something else."""

# ruff: noqa: S105 - event names look like passwords to the linter, they are none
from enum import StrEnum


class Event(StrEnum):
    """The event of an audit entry; its value is what is stored and shown."""

    # What people do to secrets (app.db).
    SECRET_CREATED = "secret.created"
    SECRET_UPDATED = "secret.updated"
    SECRET_DESCRIBED = "secret.described"
    SECRET_DELETED = "secret.deleted"

    # What runs do with secrets (keeper.db).
    SECRET_READ = "secret.read"
    SECRET_MISSING = "secret.missing"
    SECRET_REFUSED_POLICY = "secret.refused.policy"
    SECRET_REFUSED_EXPIRED = "secret.refused.expired"
    SECRET_REFUSED_ROLLBACK = "secret.refused.rollback"
    SECRET_REFUSED_SWAPPED = "secret.refused.swapped"
    SECRET_REFUSED_NO_KEY = "secret.refused.no_key"
    # One per failure class of crypto.opening.
    SECRET_REFUSED_FORMAT = "secret.refused.format"
    SECRET_REFUSED_VERSION = "secret.refused.version"
    SECRET_REFUSED_SUITE = "secret.refused.suite"
    SECRET_REFUSED_EPOCH = "secret.refused.epoch"
    SECRET_REFUSED_AUTHENTICATION = "secret.refused.authentication"
    SECRET_REFUSED_RECORD = "secret.refused.record"
    SECRET_REFUSED_SEALED_POLICY = "secret.refused.sealed_policy"
    SECRET_REFUSED_UNAVAILABLE = "secret.refused.unavailable"

    SITE_CREATED = "site.created"
    SITE_CHANGED = "site.changed"
    SITE_DELETED = "site.deleted"
    SITE_KEY_PUBLISHED = "site.key_published"
    SITE_KEY_ROTATION_REQUESTED = "site.key_rotation_requested"
    SITE_KEY_ROTATED = "site.key_rotated"

    SCRIPT_PUSHED = "script.pushed"
    SCRIPT_DESCRIBED = "script.described"
    SCRIPT_DELETED = "script.deleted"

    RUN_QUEUED = "run.queued"
    RUN_STARTED = "run.started"
    RUN_ENDED = "run.ended"
    RUN_LOST = "run.lost"
    RUN_CANCEL_REQUESTED = "run.cancel_requested"
    RUN_CANCELLED = "run.cancelled"
    EXEC_QUEUED = "exec.queued"

    ACCESS_DENIED = "access.denied"
    ADMIN_CREATED = "admin.created"
    ADMIN_CHANGED = "admin.changed"
    ADMIN_DELETED = "admin.deleted"
    TOKEN_CREATED = "token.created"
    TOKEN_REVOKED = "token.revoked"
    SESSION_STARTED = "session.started"
    SESSION_ENDED = "session.ended"

    KEEPER_INITIALISED = "keeper.initialised"
    KEEPER_STARTED = "keeper.started"
    KEEPER_PROBLEM = "keeper.problem"
    KEEPER_SITE_KEY_CREATED = "keeper.site_key_created"
    KEEPER_SITE_KEY_ROTATED = "keeper.site_key_rotated"
    KEEPER_RECIPIENTS_SIGNED = "keeper.recipients_signed"
    KEEPER_LOG_CUT = "keeper.log_cut"
    KEEPER_RECOVERED = "keeper.recovered"
    KEEPER_NODE_KEY_ADDED = "keeper.node_key_added"
    KEEPER_NODE_KEY_CHANGED = "keeper.node_key_changed"
    NODE_APPROVED = "node.approved"
    NODE_REMOVED = "node.removed"

    AUDIT_CUT_ACCEPTED = "audit.cut_accepted"

    SERVER_STARTED = "server.started"
    SERVER_STOPPED = "server.stopped"
    BACKUP_CREATED = "backup.created"
    BACKUP_RESTORED = "backup.restored"
