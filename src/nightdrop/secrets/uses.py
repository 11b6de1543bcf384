"""What uses a secret beside scripts: settings of its site."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightdrop.access.settings import parse_settings

_SETTINGS = text("SELECT settings FROM sites WHERE id = :site")


@dataclass(frozen=True, slots=True)
class SecretUse:
    """``kind`` is ``setting``; ``name`` is for people."""

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
    return {name: uses for name, uses in found.items() if name in set(names)}
