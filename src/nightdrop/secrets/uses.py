"""What uses a secret beside scripts: settings of its site, and the signatures of webhooks."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightdrop.access.settings import parse_settings

_SETTINGS = text("SELECT settings FROM sites WHERE id = :site")
_HOOKS = text(
    "SELECT t.id, t.name, s.name AS script, t.settings FROM triggers t JOIN scripts s ON s.id = t.script_id"
    " WHERE t.site_id = :site AND t.kind = 'webhook' ORDER BY t.id"
)


@dataclass(frozen=True, slots=True)
class SecretUse:
    """``kind`` is ``setting`` or ``trigger``; ``name`` is for people."""

    kind: str
    id: str
    name: str
    certain: bool = True


def other_uses(connection: Connection, site: str, names: Sequence[str]) -> dict[str, list[SecretUse]]:
    """Return what uses each of these secrets; those that nothing uses are left out."""
    found: dict[str, list[SecretUse]] = defaultdict(list)
    settings = connection.execute(_SETTINGS, {"site": site}).scalar()
    if settings is not None and (name := parse_settings(settings).smtp_password_secret):
        found[name].append(SecretUse("setting", "smtp_password_secret", "setting smtp_password_secret"))
    for hook in connection.execute(_HOOKS, {"site": site}):
        if name := json.loads(hook.settings).get("signature_secret"):
            found[name].append(SecretUse("trigger", hook.id, f"webhook {hook.name or hook.id} of {hook.script}"))
    return {name: uses for name, uses in found.items() if name in set(names)}
