"""What uses a secret beside scripts: settings of its site, and triggers."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightdrop.access.settings import parse_settings

_SETTINGS = text("SELECT settings FROM sites WHERE id = :site")
_TRIGGERS = text("SELECT id, name, settings FROM triggers WHERE site_id = :site AND kind IN ('webhook', 'notify')")
# Settings of triggers that name a secret.
_NAMING = ("signed_by", "url_secret")


@dataclass(frozen=True, slots=True)
class SecretUse:
    """``kind`` is ``setting`` or ``trigger``; ``name`` is for people."""

    kind: str
    id: str
    name: str
    certain: bool = True
    computed: bool = False
    read_ms: int | None = None


def other_uses(connection: Connection, site: str, names: Sequence[str]) -> dict[str, list[SecretUse]]:
    """Return what uses each of these secrets; those that nothing uses are left out."""
    found: dict[str, list[SecretUse]] = defaultdict(list)
    settings = connection.execute(_SETTINGS, {"site": site}).scalar()
    if settings is not None and (name := parse_settings(settings).smtp_password_secret):
        found[name].append(SecretUse("setting", "smtp_password_secret", "setting smtp_password_secret"))
    for row in connection.execute(_TRIGGERS, {"site": site}):
        stored = json.loads(row.settings)
        for name in filter(None, map(stored.get, _NAMING)):
            found[name].append(SecretUse("trigger", row.id, f"trigger {row.name or row.id}"))
    return {name: uses for name, uses in found.items() if name in set(names)}
