"""What can be permitted, and which kinds of credential may carry it."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from nightdrop.core.caller import Caller


class Permission(StrEnum):
    """One thing that a caller may do; all but ``site.create`` and ``audit.read`` are given per site."""

    SITE_READ = "site.read"
    SITE_CREATE = "site.create"
    SITE_CHANGE = "site.change"
    SECRET_READ = "secret.read"  # noqa: S105 - names and times; nothing permits reading a value
    SECRET_WRITE = "secret.write"  # noqa: S105 - a permission's name
    SECRET_DELETE = "secret.delete"  # noqa: S105 - a permission's name
    SCRIPT_READ = "script.read"
    SCRIPT_WRITE = "script.write"
    SCRIPT_DELETE = "script.delete"
    RUN_READ = "run.read"
    RUN_START = "run.start"
    RUN_CANCEL = "run.cancel"
    EXEC_START = "exec.start"
    AUDIT_READ = "audit.read"
    KEY_READ = "key.read"
    KEY_ROTATE = "key.rotate"


_PEOPLE = frozenset({"host", "session", "system"})
_AND_TOKENS = _PEOPLE | {"token"}

# A credential of another kind does not get the permission, whatever was granted to it. A new permission must
# be entered here; a token only gets what an automation outside needs.
CARRIERS: Mapping[Permission, frozenset[str]] = MappingProxyType(
    {
        Permission.SITE_READ: _AND_TOKENS,
        Permission.SITE_CREATE: _PEOPLE,
        Permission.SITE_CHANGE: _PEOPLE,
        Permission.SECRET_READ: _AND_TOKENS,
        Permission.SECRET_WRITE: _AND_TOKENS,
        Permission.SECRET_DELETE: _AND_TOKENS,
        Permission.SCRIPT_READ: _AND_TOKENS,
        Permission.SCRIPT_WRITE: _AND_TOKENS,
        Permission.SCRIPT_DELETE: _AND_TOKENS,
        Permission.RUN_READ: _AND_TOKENS,
        Permission.RUN_START: _AND_TOKENS,
        Permission.RUN_CANCEL: _AND_TOKENS,
        Permission.EXEC_START: _AND_TOKENS,
        Permission.AUDIT_READ: _PEOPLE,
        Permission.KEY_READ: _AND_TOKENS,
        Permission.KEY_ROTATE: _PEOPLE,
    }
)


def allowed(caller: Caller, permission: Permission, site_id: str | None = None) -> bool:
    """Tell whether ``caller`` may do this, on ``site_id`` when it is about one site."""
    return caller.kind in CARRIERS[permission] and caller.may(permission, site_id)
