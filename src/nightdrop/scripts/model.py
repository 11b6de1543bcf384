"""What a stored script is, and what can be wrong with it."""

from dataclasses import dataclass

from nightdrop.core.errors import ConflictError, InvalidError, NotFoundError
from nightdrop.scripts.usage import SecretUsage

MAX_DESCRIPTION = 4096


class ScriptMissingError(NotFoundError):
    """There is no such script in this site."""

    code = "script_not_found"
    hint = "See: nightdrop script ls"


class ScriptExistsError(ConflictError):
    """There is a script of this name already."""

    code = "script_exists"
    hint = "Choose another name, or push a new version of the existing script."


class ScriptChangedError(ConflictError):
    """Somebody else pushed a version of this script in the meantime."""

    code = "script_changed"


class ScriptDescriptionError(InvalidError):
    """The description of the script is too long or contains a NUL character."""

    code = "script_description"
    hint = "Use at most 4096 characters."


@dataclass(frozen=True, slots=True)
class ScriptInfo:
    """A script without its code; times in milliseconds since the epoch, ``version`` counts from 1."""

    id: str
    site_id: str
    name: str
    description: str
    version: int
    created_ms: int
    updated_ms: int
    idempotent: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A script with the code of one version; ``sha256`` is hexadecimal, of the code in UTF-8."""

    info: ScriptInfo
    number: int
    code: str
    sha256: str
    pushed_ms: int
    pushed_by: str
    secrets: SecretUsage


@dataclass(frozen=True, slots=True)
class ScriptPage:
    """One page of scripts; ``cursor`` asks for the next one, ``None`` at the end."""

    items: tuple[ScriptInfo, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class ScriptUse:
    """A script that uses a secret.

    ``certain``: its newest version names it. ``computed``: it puts names together, so it may use any. ``read_ms`` is
    when a run of it was given the secret last; without the other two, an earlier version did.
    """

    id: str
    name: str
    certain: bool
    computed: bool = False
    read_ms: int | None = None
