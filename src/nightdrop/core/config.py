"""Configuration: ``nightdrop.toml`` in the home, then ``NIGHTDROP_*`` variables over it. Everything has a default.

Only server processes import this; the command line must start fast.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from nightdrop.core.errors import InvalidError
from nightdrop.core.home import Home

_PREFIX = "NIGHTDROP_"
# Variables that other parts read; they are not settings of the server.
_NOT_SETTINGS = {"home", "keeper_database", "supervised", "url", "token", "test_jobs"}
# A host, or an IPv6 address in brackets.
_ADDRESS = re.compile(r"(?:[^:\[\]\s]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_DATABASE = re.compile(r"(postgresql|sqlite)(\+[a-z0-9]+)?://")
# Kubernetes sets these in every container beside a service that is called nightdrop.
_SERVICE_LINK = re.compile(r"port(_.*)?|service_(host|port)(_.*)?")


class ConfigInvalidError(InvalidError):
    """The configuration is not valid."""

    code = "config_invalid"
    hint = (
        "The settings are: listen, database, node_key, sandbox, pool, concurrency, session_idle_minutes, "
        "session_max_minutes, log_level."
    )


class Config(BaseModel):
    """Every setting of the server."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    listen: str = Field("127.0.0.1:8420", description="Address of the web process, HOST:PORT.")
    database: str = Field("", repr=False, description="PostgreSQL URL; empty is SQLite in the home.")
    node_key: str = Field("", description="File of the node key; empty is the user's configuration directory.")
    sandbox: Literal["strict", "permissive"] = Field(
        "strict", description="`permissive` runs scripts although the kernel cannot confine them."
    )
    pool: Annotated[int, Field(ge=1, le=64)] = Field(3, description="Gateway and runner pairs kept ready.")
    concurrency: Annotated[int, Field(ge=1, le=1000)] = Field(
        default_factory=lambda: 4 * (os.cpu_count() or 1), description="Runs at the same time (4 for each processor)."
    )
    session_idle_minutes: Annotated[int, Field(ge=1, le=525_600)] = Field(
        720, description="A session that is not used ends after so many minutes."
    )
    session_max_minutes: Annotated[int, Field(ge=1, le=525_600)] = Field(
        10_080, description="Every session ends after so many minutes."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Detail of the server's log.")

    @field_validator("listen")
    @classmethod
    def _check_listen(cls, value: str) -> str:
        if (found := _ADDRESS.fullmatch(value)) is None or int(found[1]) > 65535:
            raise ValueError("not HOST:PORT")
        return value

    @field_validator("database")
    @classmethod
    def _check_database(cls, value: str) -> str:
        if value and not _DATABASE.match(value):
            raise ValueError("not a database URL")
        return value

    @property
    def is_sqlite(self) -> bool:
        return not self.database or self.database.startswith("sqlite")

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    def database_url(self, home: Home) -> Home | str:
        """Return what ``Database.open`` takes."""
        return self.database or home

    def node_key_path(self, home: Home) -> Path:
        return home.root / self.node_key if self.node_key else home.default_node_key()


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
