"""Who asks: every guarded method takes a Caller."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

ALL_SITES = "*"


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal and what it may do.

    ``kind`` is the kind of credential (``host``, ``session``, ``token``, ``system``), ``name`` is what the
    audit log shows, ``grants`` maps a site id (or ``*``) to the names of permissions. A caller with an account has
    its id in ``admin_id``, and the id of the session or token in ``credential_id``.
    """

    kind: str
    name: str
    grants: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    everything: bool = False
    admin_id: str | None = None
    credential_id: str | None = None

    def may(self, permission: str, site_id: str | None = None) -> bool:
        """Tell whether this caller holds ``permission`` on ``site_id`` (``None``: not about one site)."""
        if self.everything:
            return True
        wide = self.grants.get(ALL_SITES, frozenset())
        narrow = self.grants.get(site_id, frozenset()) if site_id else frozenset()
        return permission in wide or permission in narrow


def host_owner(user: str) -> Caller:
    """Return the super admin: the operating-system user who owns the home directory."""
    return Caller(kind="host", name=f"host:{user}", everything=True)


SYSTEM = Caller(kind="system", name="system", everything=True)
# Somebody who has not signed in.
ANONYMOUS = Caller(kind="none", name="anonymous")
