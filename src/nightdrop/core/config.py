"""Configuration: ``nightdrop.toml`` in the home, then ``NIGHTDROP_*`` variables over it. Everything has a default.

Only server processes import this; the command line must start fast.
"""

import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from nightdrop.core.errors import InvalidError
from nightdrop.core.home import Home

_PREFIX = "NIGHTDROP_"
# Variables that other parts read; they are not settings of the server.
_NOT_SETTINGS = {"home", "keeper_database", "supervised", "url", "token", "ca", "test_jobs"}
# A host, or an IPv6 address in brackets.
_ADDRESS = re.compile(r"(?:[^:\[\]\s]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_DATABASE = re.compile(r"(postgresql|sqlite)(\+[a-z0-9]+)?://")
# A name, all names below one, or an address; without a port.
_HOST_NAME = re.compile(r"(?:\*\.)?[A-Za-z0-9_-][A-Za-z0-9._-]*|\[?[0-9A-Fa-f:.]+\]?")
_EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not listened on
# Kubernetes sets these in every container beside a service that is called nightdrop.
_SERVICE_LINK = re.compile(r"port(_.*)?|service_(host|port)(_.*)?")


class ConfigInvalidError(InvalidError):
    """The configuration is not valid."""

    code = "config_invalid"
    hint = "See docs/reference/configuration.md for the settings and what each may be."


def _split(value: Any) -> Any:
    # A variable of the environment is one text.
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


_Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
_Rate = Annotated[int, Field(ge=0, le=10_000_000)]


class Config(BaseModel):
    """Every setting of the server."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    listen: str = Field("127.0.0.1:8420", description="Address of the web process, HOST:PORT.")
    tls_cert: str = Field("", description="File of the TLS certificate with its chain, PEM; goes with `tls_key`.")
    tls_key: str = Field("", description="File of the certificate's private key, PEM, not encrypted.")
    self_signed: bool = Field(False, description="Make a certificate of its own, in the home, and use TLS with it.")
    behind_proxy: bool = Field(False, description="A proxy in front ends TLS; only it and this host may connect.")
    proxies: _Words = Field(
        ("127.0.0.1", "::1"), description="Addresses and networks of the proxies whose `X-Forwarded-*` are believed."
    )
    hosts: _Words = Field(
        (), description="Names that the server is reached under, beside its address and the names in its certificate."
    )
    rate_address: _Rate = Field(6000, description="Requests a minute from one address; 0 is no limit.")
    rate_account: _Rate = Field(3000, description="Requests a minute of one account's sessions; 0 is no limit.")
    rate_token: _Rate = Field(3000, description="Requests a minute with one token; 0 is no limit.")
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = Field(1000, description="Open connections over TCP.")
    metrics: str = Field(
        "", description="Address of metrics for Prometheus, HOST:PORT, without TLS and sign-in; empty is off."
    )
    database: str = Field("", repr=False, description="PostgreSQL URL; empty is SQLite in the home.")
    node_key: str = Field("", description="File of the node key; empty is the user's configuration directory.")
    sandbox: Literal["strict", "permissive"] = Field(
        "strict", description="`permissive` runs scripts although the kernel cannot confine them."
    )
    pool: Annotated[int, Field(ge=1, le=64)] = Field(3, description="Gateway and runner pairs kept ready.")
    concurrency: Annotated[int, Field(ge=1, le=1000)] = Field(
        default_factory=lambda: 4 * (os.cpu_count() or 1), description="Runs at the same time (4 for each processor)."
    )
    site_paths: _Words = Field(
        ("/srv", "/mnt", "/media"), description="Directories in which those lie that sites may be given (`paths`)."
    )
    session_idle_minutes: Annotated[int, Field(ge=1, le=525_600)] = Field(
        720, description="A session that is not used ends after so many minutes."
    )
    session_max_minutes: Annotated[int, Field(ge=1, le=525_600)] = Field(
        10_080, description="Every session ends after so many minutes."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Detail of the server's log.")

    @field_validator("listen", "metrics")
    @classmethod
    def _check_listen(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.field_name == "metrics":
            return value
        if (found := _ADDRESS.fullmatch(value)) is None or int(found[1]) > 65535:
            raise ValueError("not HOST:PORT")
        return value

    @field_validator("database")
    @classmethod
    def _check_database(cls, value: str) -> str:
        if value and not _DATABASE.match(value):
            raise ValueError("not a database URL")
        return value

    @field_validator("proxies")
    @classmethod
    def _check_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            ipaddress.ip_network(part)
        return value

    @field_validator("hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_HOST_NAME.fullmatch(part) for part in value):
            raise ValueError("not a host name")
        return value

    @field_validator("site_paths")
    @classmethod
    def _check_site_paths(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(part.startswith("/") and os.path.normpath(part) == part for part in value):
            raise ValueError("not an absolute path")
        return value

    @property
    def uses_tls(self) -> bool:
        return bool(self.tls_cert or self.tls_key or self.self_signed)

    @property
    def url(self) -> str:
        """Return where a browser finds the server: under its first own name, else at its address."""
        name = next((name for name in self.hosts if not name.startswith("*.")), "")
        if self.behind_proxy and name:
            return f"https://{name}"
        host, port = self.address
        host = name or ("localhost" if host in _EVERY_ADDRESS else host)
        scheme = "https" if self.uses_tls else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}"

    @property
    def is_sqlite(self) -> bool:
        return not self.database or self.database.startswith("sqlite")

    @property
    def address(self) -> tuple[str, int]:
        return split_address(self.listen)

    def database_url(self, home: Home) -> Home | str:
        """Return what ``Database.open`` takes."""
        return self.database or home

    def node_key_path(self, home: Home) -> Path:
        return home.root / self.node_key if self.node_key else home.default_node_key()


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def load_config(home: Home) -> Config:
    """Read the file and the environment.

    Raises:
        ConfigInvalidError: unknown key, wrong type or value; names the key, never the value.
    """
    values: dict[str, Any] = {}
    try:
        values.update(tomllib.loads(home.config_file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise ConfigInvalidError(f"{home.config_file} cannot be read.") from None
    if "keeper_database" in values:
        raise ConfigInvalidError(
            f"keeper_database may not stand in {home.config_file.name}: the web process reads that file.",
            field="keeper_database",
            hint=f"Write it as database in {home.keeper_config_file}.",
        )
    for name, value in os.environ.items():
        key = name.removeprefix(_PREFIX).lower()
        if name.startswith(_PREFIX) and key not in _NOT_SETTINGS and not _SERVICE_LINK.fullmatch(key):
            values[key] = value
    try:
        return Config(**values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise ConfigInvalidError(f"There is no setting {key!r}.", field=key) from None
        raise ConfigInvalidError(f"The value of the setting {key!r} is not valid.", field=key) from None
