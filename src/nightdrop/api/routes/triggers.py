"""Triggers: what starts runs by itself."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from nightdrop.api.etags import IfMatch, etag, precondition
from nightdrop.api.paging import Page, PageQuery
from nightdrop.api.schema import In, Out
from nightdrop.api.services import CallerDep, Services, ServicesDep
from nightdrop.core.caller import Caller
from nightdrop.triggers.model import Trigger
from nightdrop.triggers.settings import TriggerKind, TriggerSettings

router = APIRouter(prefix="/sites/{site}/triggers", tags=["triggers"])


class TriggerOut(Out):
    """A trigger."""

    id: str
    site_id: str
    script_id: str
    script_name: str
    name: str
    kind: TriggerKind
    settings: TriggerSettings
    enabled: bool
    created_ms: int
    updated_ms: int
    updated_by: str
    next_ms: int | None = Field(description="When a schedule is due.")
    last_ms: int | None = Field(description="When it fired last.")
    last_run_id: str | None
    problem: str | None = Field(description="Why it did not fire the last time.")


class MadeTriggerOut(TriggerOut):
    """A trigger that was made just now."""

    hook: str | None = Field(description="The path of a webhook's address. It is not shown again.")


class HookOut(Out):
    """The address of a webhook."""

    hook: str = Field(description="The path of the address. It is not shown again.")


class TriggerQuery(PageQuery):
    """Which triggers."""

    script_id: str | None = Field(None, max_length=100)


class NewTrigger(In):
    """A trigger to make."""

    script: str = Field(description="The script that it starts: its name or id.")
    settings: TriggerSettings
    name: str = ""
    enabled: bool = True


class TriggerChange(In):
    """What to change; what is left out stays, a setting that is null goes back to its default."""

    settings: dict[str, Any] = Field(default_factory=dict)
    name: str | None = None
    enabled: bool | None = None


class CronQuery(In):
    """A cron expression in a time zone."""

    cron: str = Field(min_length=1, max_length=200)
    zone: str = Field("UTC", max_length=100)
    count: int = Field(5, ge=1, le=50)


class CronTimes(Out):
    """When it is due next."""

    times_ms: list[int]


@router.get("")
def list_triggers(
    site: str, query: Annotated[TriggerQuery, Query()], services: ServicesDep, caller: CallerDep
) -> Page[TriggerOut]:
    """List the triggers of a site or of one script."""
    page = services.triggers.list(
        caller, _site_id(services, caller, site), script=query.script_id, limit=query.limit, cursor=query.cursor
    )
    return Page(items=[_shown(trigger) for trigger in page.items], next=page.cursor)


@router.post("", status_code=201)
def create_trigger(site: str, body: NewTrigger, services: ServicesDep, caller: CallerDep) -> MadeTriggerOut:
    """Make a trigger."""
    site_id = _site_id(services, caller, site)
    made, token = services.triggers.create(
        caller, site_id, body.script, body.settings, name=body.name, enabled=body.enabled
    )
    return MadeTriggerOut(**_values(made), hook=None if token is None else hook_path(token))


@router.post("/upcoming")
def preview_schedule(site: str, body: CronQuery, services: ServicesDep, caller: CallerDep) -> CronTimes:
    """Show when a cron expression is due next, without storing anything."""
    site_id = _site_id(services, caller, site)
    return CronTimes(times_ms=services.triggers.upcoming(caller, site_id, body.cron, body.zone, body.count))


@router.get("/{trigger}")
def get_trigger(site: str, trigger: str, response: Response, services: ServicesDep, caller: CallerDep) -> TriggerOut:
    """Show a trigger."""
    found = services.triggers.get(caller, _site_id(services, caller, site), trigger)
    response.headers["ETag"] = _tag(found)
    return _shown(found)


@router.patch("/{trigger}")
def change_trigger(
    site: str,
    trigger: str,
    body: TriggerChange,
    response: Response,
    services: ServicesDep,
    caller: CallerDep,
    if_match: IfMatch = None,
) -> TriggerOut:
    """Change a trigger, or switch it on or off."""
    changed = services.triggers.change(
        caller,
        _site_id(services, caller, site),
        trigger,
        changes=body.settings,
        name=body.name,
        enabled=body.enabled,
        precondition=precondition(if_match, _tag),
    )
    response.headers["ETag"] = _tag(changed)
    return _shown(changed)


@router.post("/{trigger}/address")
def renew_hook(site: str, trigger: str, services: ServicesDep, caller: CallerDep) -> HookOut:
    """Give a webhook a new address; the old one is refused from now on."""
    token = services.triggers.renew_token(caller, _site_id(services, caller, site), trigger)
    return HookOut(hook=hook_path(token))


@router.delete("/{trigger}", status_code=204)
def delete_trigger(site: str, trigger: str, services: ServicesDep, caller: CallerDep) -> None:
    """Delete a trigger; its runs stay."""
    services.triggers.delete(caller, _site_id(services, caller, site), trigger)


def hook_path(token: str) -> str:
    """Return the path of a webhook's address."""
    return f"/hooks/{token}"


def _site_id(services: Services, caller: Caller, site: str) -> str:
    return services.sites.get(caller, site).id


def _tag(trigger: Trigger) -> str:
    return etag(trigger.id, trigger.name, trigger.enabled, trigger.settings.model_dump(mode="json"))


def _values(trigger: Trigger) -> dict[str, Any]:
    return {name: getattr(trigger, name) for name in TriggerOut.model_fields}


def _shown(trigger: Trigger) -> TriggerOut:
    return TriggerOut(**_values(trigger))
