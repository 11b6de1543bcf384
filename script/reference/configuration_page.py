"""docs/reference/configuration.md: settings of the server and of a site."""

import typing
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import annotated_types
import markdown
from pydantic.fields import FieldInfo

from nightdrop.access.settings import SiteSettings, allowed_values, parse_settings, shown_settings
from nightdrop.api.routes.sites import Settings
from nightdrop.core.config import Config

_SERVER = """\
## Server

In `nightdrop.toml` in the home directory, for example `pool = 5`. The environment variable wins over the file; an
option such as `--listen` wins over both. Every setting has a default; a setting that does not exist is an error.
"""
_SITE = """\
## Site

Changed with `nightdrop site set NAME KEY=VALUE...`; what changes holds for runs that start afterwards. Nothing after
the `=` goes back to the default. Sizes: `KiB`, `MiB`, `GiB`. Times: `s`, `m`, `h`. Lists: commas between the entries.
"""
_EGRESS = """\
An entry of `egress_allow` and `egress_deny` is an address (`127.0.0.1`), a network (`10.0.0.0/8`), a host name
(`api.example.com`), all hosts below one (`*.example.com`) or all (`*`); each may end in `:PORT`. Without entries a site
reaches public and private addresses, but not this host (loopback), link-local (cloud metadata), multicast and other
special addresses.
"""
_PATHS = """\
An entry of `paths` is a directory of the host, `/srv/in`, or `/srv/in:ro` when scripts may only read in it. Only a
super admin sets it, and only to directories that lie in one of the server's `site_paths`; see
[Files on the host](../how-to/files.md).
"""
_OTHER = """\
## Other environment variables

| Variable | Meaning |
|---|---|
| `NIGHTDROP_HOME` | The home directory. Default: `./var` if it is a home, else `~/.local/share/nightdrop`. |
| `NIGHTDROP_KEEPER_DATABASE` | PostgreSQL URL of the keeper's data, instead of the one in `keeper/keeper.toml`; \
`init` writes it there. Never in `nightdrop.toml`, which the web process reads. |
| `XDG_CONFIG_HOME` | Where `nightdrop/keys` (node keys) and `nightdrop/known-keepers.json` lie. Default: `~/.config`. |
| `XDG_DATA_HOME` | Where the default home lies. Default: `~/.local/share`. |
| `NO_COLOR` | Not empty: no colours. |
"""


def page() -> str:
    """Return the page."""
    source = "`src/nightdrop/core/config.py` and `src/nightdrop/access/settings.py`"
    lines = [*markdown.head("Configuration", source), _SERVER, *_server(), _SITE, *_site(), _EGRESS, _PATHS, _OTHER]
    return markdown.page(lines)


def _server() -> Iterator[str]:
    rows = [
        (markdown.code(name), f"`NIGHTDROP_{name.upper()}`", _allowed(field), _default(field), field.description or "")
        for name, field in Config.model_fields.items()
    ]
    return markdown.table(("Setting", "Environment variable", "Allowed", "Default", "Meaning"), rows)


def _allowed(field: FieldInfo) -> str:
    if typing.get_origin(field.annotation) is typing.Literal:
        return ", ".join(map(markdown.code, typing.get_args(field.annotation)))
    low = next((m.ge for m in field.metadata if isinstance(m, annotated_types.Ge)), None)
    high = next((m.le for m in field.metadata if isinstance(m, annotated_types.Le)), None)
    return f"{low} to {high}" if low is not None else "text"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "depends"
    return markdown.code(field.default) if field.default != "" else "empty"


def _site() -> Iterator[str]:
    defaults = shown_settings(parse_settings("{}"))
    rows = [
        (
            markdown.code(name),
            allowed_values(name),
            _shown(name, defaults[name]),
            Settings.model_fields[name].description or "",
        )
        for name in (field.name for field in fields(SiteSettings))
    ]
    return markdown.table(("Setting", "Allowed", "Default", "Meaning"), rows)


def _shown(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "empty"
    if isinstance(value, str) or name == "smtp_port":
        return str(value or ("0" if value == 0 else "empty"))
    return f"{value} s" if name in {"cpu", "wall"} else f"{value // 2**20} MiB"
