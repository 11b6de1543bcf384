"""What the store of secrets gives and says. Nothing here can hold a value."""

from dataclasses import dataclass

from nightdrop.core.errors import ConflictError, InvalidError, NotFoundError, UnavailableError

# A revision may run ahead of the last one by less than this, so that nobody can use the numbers up.
MAX_REVISION_STEP = 2**20
# What keeps a rotation from ending: secrets of an earlier epoch that the keeper cannot open.
UNDECRYPTABLE = "undecryptable"


class SecretExistsError(ConflictError):
    """There is a secret of this name already."""

    code = "secret_exists"
    hint = "Update it, or choose another name. Names are case-sensitive."


class SecretInUseError(ConflictError):
    """This secret is used."""

    code = "secret_in_use"
    hint = "Look at what uses it. To delete it all the same, repeat with its name as `confirm`."


class SecretMissingError(NotFoundError):
    """There is no such secret."""

    code = "secret_not_found"
    hint = "Names are case-sensitive. See: nightdrop secret ls"


class RevisionConflictError(ConflictError):
    """The secret was changed since its sealing key was asked for."""

    code = "revision_conflict"
    hint = "Ask for the sealing key again, seal the value for its revision, then repeat."


class EpochConflictError(ConflictError):
    """The value is sealed to a key that is not the site's current one."""

    code = "epoch_conflict"
    hint = "Ask for the sealing key again, seal the value to it, then repeat."


class SiteKeyNotReadyError(UnavailableError):
    """The site has no key yet."""

    code = "site_key_not_ready"
    hint = "The worker makes it within seconds. Check that it is running: nightdrop doctor"


class SortError(InvalidError):
    """There is no such order."""

    code = "sort"
    hint = "Sort by name, updated or used; with a hyphen before it, the last one comes first."


class Keep:
    """Leave it as it is: ``None`` is a value of its own."""


KEEP = Keep()


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """What is known about a secret. Times are milliseconds since the epoch.

    ``updated_ms`` and ``updated_by`` tell of the value, not of the description. ``health`` is ``ok``,
    ``unchecked`` or the class of failure that keeps the keeper from opening it. ``scrubbed`` is ``False`` when a
    reader kept the overwritten bytes in the write-ahead log; the next write or start removes them.
    """

    id: str
    site_id: str
    name: str
    description: str
    created_ms: int
    updated_ms: int
    updated_by: str
    last_used_ms: int | None
    health: str
    revision: int
    epoch: int
    expires_ms: int | None = None
    scrubbed: bool = True


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A site's public key with the keeper's signature, and the revision to bind the next value to."""

    site_id: str
    epoch: int
    suite: str
    key_id: str
    public_key: bytes
    signature: bytes
    identity: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A sealed value on its way to the keeper, which checks that it can open it."""

    site_id: str
    name: str
    revision: int
    epoch: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class SecretPage:
    """One page of secrets; ``cursor`` asks for the next one, ``None`` at the end."""

    items: tuple[SecretInfo, ...]
    cursor: str | None
