"""What can be set of each kind of trigger."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from nightdrop.core.errors import InvalidError
from nightdrop.core.mail_address import AddressError, parse_address
from nightdrop.runs.model import MAX_KEY, MAX_TIMEOUT_S

DAY_S = 86_400


class TriggerKind(StrEnum):
    """What starts the run."""

    SCHEDULE = "schedule"
    WEBHOOK = "webhook"
    AFTER = "after"
    FOLDER = "folder"
    NOTIFY = "notify"


class TriggerSettingsError(InvalidError):
    """The trigger cannot be set like this."""

    code = "trigger_invalid"


class _Settings(BaseModel):
    """What every trigger has."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of each run.")
    timeout_s: float | None = Field(None, gt=0, le=MAX_TIMEOUT_S, description="Time limit of each run, seconds.")
    concurrency_key: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_KEY,
        pattern=r"^[ -~]+$",
        description="Of the runs of the site with the same key one runs at a time.",
    )
    retries: int = Field(
        0, ge=0, le=10, description="How often a failed run is tried again; only for a script marked idempotent."
    )
    backoff_s: int = Field(
        30, ge=1, le=DAY_S, description="Seconds before the first retry; each further one waits twice as long."
    )


class ScheduleSettings(_Settings):
    """Run at fixed times."""

    kind: Literal["schedule"] = "schedule"
    cron: str = Field(min_length=1, max_length=200, description="A cron expression of five fields.")
    zone: str = Field("UTC", max_length=100, description="The time zone that it is read in, such as Europe/Berlin.")
    missed: Literal["run", "skip"] = Field(
        "run", description="What happens to times that passed while the server was down: one run, or none."
    )
    overlap: Literal["skip", "queue", "allow"] = Field(
        "skip", description="What happens when the run before has not ended."
    )


class WebhookSettings(_Settings):
    """Run at a request to an address of its own."""

    kind: Literal["webhook"] = "webhook"
    per_minute: int = Field(60, ge=1, le=60_000, description="Requests in a minute; more are refused.")
    max_body: int = Field(128 * 1024, ge=0, le=192 * 1024, description="The largest body, bytes.")
    answer: Literal["run", "script"] = Field(
        "run", description="What a request is answered with: at once the run's id, or what the script gives `Respond`."
    )
    wait_s: int = Field(30, ge=1, le=60, description="Seconds to wait for the script's answer.")
    signed_by: str = Field(
        "", max_length=128, description="Name of the secret with which requests are signed: HMAC-SHA-256 of the body."
    )
    signature_header: str = Field(
        "X-Hub-Signature-256",
        max_length=100,
        pattern=r"^[A-Za-z0-9-]+$",
        description="The header with the signature, in hexadecimal (also after `sha256=`) or base64.",
    )


class AfterSettings(_Settings):
    """Run when a run of another script has ended."""

    kind: Literal["after"] = "after"
    script: str = Field(min_length=1, max_length=200, description="The other script: its name or id.")
    on: Literal["succeeded", "failed", "ended"] = "succeeded"


class FolderSettings(_Settings):
    """Run for each file that comes into a directory of the site, changes there or goes."""

    kind: Literal["folder"] = "folder"
    path: str = Field(
        min_length=1,
        max_length=1024,
        description="A directory as scripts name it: below the site's own, or one of `paths` of the site.",
    )
    pattern: str = Field("*", min_length=1, max_length=200, description="Which file names: `*`, `?`, `[a-z]`.")
    recursive: bool = Field(False, description="In the directories below as well.")
    on: tuple[Literal["created", "changed", "deleted"], ...] = Field(
        ("created", "changed"), min_length=1, max_length=3, description="What has to happen to a file."
    )
    settle_s: int = Field(
        2, ge=0, le=86_400, description="Seconds for which a file has to stay as it is before it is taken."
    )
    every_s: float = Field(2, ge=0.2, le=86_400, description="Seconds between two looks.")
    existing: bool = Field(False, description="Take the files as well that are there when the trigger is made.")

    @field_validator("on", mode="before")
    @classmethod
    def _listed(cls, on: object) -> object:
        """Take a text with commas too, as the command line gives it."""
        return [part.strip() for part in on.split(",")] if isinstance(on, str) else on

    @property
    def place(self) -> tuple[str, str, bool]:
        """Which files are looked at; what was seen elsewhere says nothing about these."""
        return self.path, self.pattern, self.recursive

    @field_validator("path")
    @classmethod
    def _without_end(cls, path: str) -> str:
        return path.rstrip("/") or "/"

    def check(self) -> None:
        """Make sure that the path leads to where it seems to.

        Raises:
            TriggerSettingsError
        """
        if not self.path.isprintable() or ".." in self.path.split("/"):
            raise TriggerSettingsError(
                "The path must not lead upwards, and has no control characters.",
                hint="Write it like incoming, or /srv/in.",
                field="path",
            )


class NotifySettings(_Settings):
    """Tell people when a run of the script has failed: by mail, or by a request to an address."""

    kind: Literal["notify"] = "notify"
    to: str = Field("", max_length=1000, description="Mail addresses, with commas between them.")
    url: str = Field("", max_length=2000, description="Where a JSON object with `text` is posted.")
    url_secret: str = Field("", max_length=128, description="Name of the secret that holds this address.")
    every_minutes: int = Field(
        15, ge=0, le=7 * 24 * 60, description="After a notice there is none for so long; the next one counts them."
    )

    def check(self) -> None:
        """Make sure that it says in one way where to.

        Raises:
            TriggerSettingsError
        """
        given = [name for name in ("to", "url", "url_secret") if getattr(self, name)]
        if len(given) != 1:
            raise TriggerSettingsError(
                "A notice goes to one of mail addresses, an address, and an address in a secret.",
                hint="Give one of to, url and url_secret.",
                field=given[-1] if given else "to",
            )
        if self.url and not self.url.startswith(("https://", "http://")):
            raise TriggerSettingsError(
                "This is not an address.", hint="It begins with https:// or http://.", field="url"
            )
        for text in self.to.split(",") if self.to else []:
            try:
                parse_address(text.strip())
            except AddressError:
                raise TriggerSettingsError(
                    "This is not a list of mail addresses.",
                    hint="Write it like a@example.com, b@example.com.",
                    field="to",
                ) from None


TriggerSettings = Annotated[
    ScheduleSettings | WebhookSettings | AfterSettings | FolderSettings | NotifySettings, Field(discriminator="kind")
]
_KINDS = (ScheduleSettings, WebhookSettings, AfterSettings, FolderSettings, NotifySettings)
_NAMES = frozenset(name for part in _KINDS for name in part.model_fields)
_ADAPTER: TypeAdapter[Any] = TypeAdapter(TriggerSettings)


def parse_trigger(stored: str) -> TriggerSettings:
    """Return settings from their stored form, JSON.

    Raises:
        TriggerSettingsError: an older release stored what this one does not take.
    """
    try:
        return _ADAPTER.validate_json(stored)  # type: ignore[no-any-return]
    except ValidationError:
        raise TriggerSettingsError from None


def changed_trigger(settings: TriggerSettings, changes: dict[str, Any]) -> TriggerSettings:
    """Return ``settings`` with ``changes``; a field that is ``None`` goes back to its default.

    Raises:
        TriggerSettingsError: ``field`` names the setting.
    """
    values = {**settings.model_dump(exclude_unset=True), **changes, "kind": settings.kind}
    return check_trigger({key: value for key, value in values.items() if value is not None})


def check_trigger(values: dict[str, Any]) -> TriggerSettings:
    """Return the settings that ``values`` says, with defaults for what is not in it.

    Raises:
        TriggerSettingsError: ``field`` names the setting.
    """
    try:
        return _ADAPTER.validate_python(values)  # type: ignore[no-any-return]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        # Only a name of ours: another one is what somebody sent, and may be anything.
        named = next((str(part) for part in first["loc"] if part in _NAMES), None)
        if first["type"] == "extra_forbidden":
            known = ", ".join(_names(values))
            raise TriggerSettingsError(
                "This kind of trigger has no such setting.", field="settings", hint=f"Settings: {known}."
            ) from None
        message = first["msg"].removeprefix("Value error, ")
        where = f"{named}: " if named else ""
        raise TriggerSettingsError(f"{where}{message}.", field=named or "settings") from None


def _names(values: dict[str, Any]) -> list[str]:
    fields = next((part.model_fields for part in _KINDS if part.model_fields["kind"].default == values["kind"]), {})
    return sorted(fields.keys() - {"kind"})
