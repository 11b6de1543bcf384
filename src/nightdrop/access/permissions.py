"""What can be permitted, and which kinds of credential may carry it."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from nightdrop.core.caller import Caller


class Permission(StrEnum):
    """One thing that a caller may do, as object and verb."""

    # Given per site. Nothing permits reading a value.
    SECRETS_VIEW = "secrets:view"
    SECRETS_EDIT = "secrets:edit"
    # Who may edit scripts can read every secret whose policy lets scripts read it.
    SCRIPTS_VIEW = "scripts:view"
    SCRIPTS_EDIT = "scripts:edit"
    RUNS_VIEW = "runs:view"
    RUNS_RUN = "runs:run"
    AUDIT_VIEW = "audit:view"
    SETTINGS_VIEW = "settings:view"
    SETTINGS_EDIT = "settings:edit"

    # Of the whole installation: what makes a super admin.
    SITES_EDIT = "sites:edit"
    ADMINS_EDIT = "admins:edit"
    # Of everybody who signs in with an account: the account itself.
    ACCOUNT_EDIT = "account:edit"


SUPER_PERMISSIONS = frozenset({Permission.SITES_EDIT, Permission.ADMINS_EDIT})
# In the order in which people see them.
SITE_PERMISSIONS = tuple(p for p in Permission if p not in SUPER_PERMISSIONS | {Permission.ACCOUNT_EDIT})

_PEOPLE = frozenset({"host", "session", "system"})
_AND_TOKENS = _PEOPLE | {"token"}

# A credential of another kind does not get the permission, whatever was granted to it. A new permission must
# be entered here; a token only gets what an automation outside needs, and never what could make it more.
CARRIERS: Mapping[Permission, frozenset[str]] = MappingProxyType(
    {
        Permission.SECRETS_VIEW: _AND_TOKENS,
        Permission.SECRETS_EDIT: _AND_TOKENS,
        Permission.SCRIPTS_VIEW: _AND_TOKENS,
        Permission.SCRIPTS_EDIT: _AND_TOKENS,
        Permission.RUNS_VIEW: _AND_TOKENS,
        Permission.RUNS_RUN: _AND_TOKENS,
        Permission.AUDIT_VIEW: _AND_TOKENS,
        Permission.SETTINGS_VIEW: _AND_TOKENS,
        Permission.SETTINGS_EDIT: _PEOPLE,
        Permission.SITES_EDIT: _PEOPLE,
        Permission.ADMINS_EDIT: _PEOPLE,
        Permission.ACCOUNT_EDIT: frozenset({"session"}),
    }
)
TOKEN_PERMISSIONS = tuple(p for p in SITE_PERMISSIONS if "token" in CARRIERS[p])


def allowed(caller: Caller, permission: Permission, site_id: str | None = None) -> bool:
    """Tell whether ``caller`` may do this, on ``site_id`` when it is about one site."""
    return caller.kind in CARRIERS[permission] and caller.may(permission, site_id)


def sees_site(caller: Caller, site_id: str) -> bool:
    """Tell whether ``caller`` may know that a site is there: who may do anything in it, and who makes sites."""
    return any(allowed(caller, p, site_id) for p in SITE_PERMISSIONS) or allowed(caller, Permission.SITES_EDIT)


def site_permissions(caller: Caller, site_id: str) -> tuple[Permission, ...]:
    """Return what ``caller`` may do in a site, in the order in which people see it."""
    return tuple(p for p in SITE_PERMISSIONS if allowed(caller, p, site_id))
