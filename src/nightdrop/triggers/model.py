"""What a trigger is, and what can be wrong with it."""

from dataclasses import dataclass

from nightdrop.core.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from nightdrop.triggers.settings import TriggerKind, TriggerSettings

TRIGGER_PREFIX = "trg"
MAX_NAME = 128
MAX_PER_SCRIPT = 100


class TriggerMissingError(NotFoundError):
    """There is no such trigger."""

    code = "trigger_not_found"
    hint = "See: nightdrop trigger ls"


class HookMissingError(NotFoundError):
    """There is no webhook at this address, or it is switched off."""

    code = "hook_not_found"
    hint = "Ask whoever gave you the address for the present one."


class HookSignatureError(DeniedError):
    """The request has no signature, and this webhook takes only those that are signed."""

    code = "hook_signature"
    hint = "Sign the body with HMAC-SHA-256, and put that into the header that the webhook names."


class TriggerNameError(InvalidError):
    """The name of the trigger is not valid."""

    code = "trigger_name"
    hint = "Use at most 128 printable characters."


class TriggerLimitError(ConflictError):
    """The script has 100 triggers already."""

    code = "trigger_limit"
    hint = "Delete one that is no longer needed."


class TriggerLoopError(InvalidError):
    """The scripts would start each other for ever."""

    code = "trigger_loop"
    hint = "Choose a script that does not come after this one."


class RetriesRefusedError(InvalidError):
    """Only a script that is marked idempotent is tried again."""

    code = "retries_refused"
    hint = "When running it twice does no harm: nightdrop script set NAME idempotent=yes"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger; times in milliseconds since the epoch.

    ``next_ms`` is when a schedule is due, ``problem`` a sentence that says why it does not fire.
    """

    id: str
    site_id: str
    script_id: str
    script_name: str
    name: str
    settings: TriggerSettings
    enabled: bool
    created_ms: int
    updated_ms: int
    updated_by: str
    next_ms: int | None
    last_ms: int | None
    last_run_id: str | None
    problem: str | None

    @property
    def kind(self) -> TriggerKind:
        return TriggerKind(self.settings.kind)
