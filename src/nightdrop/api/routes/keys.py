"""Site keys and their rotation. Public keys only: no private key is anywhere near this process."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from nightdrop.access.permissions import Permission, allowed
from nightdrop.api.schema import In, Out
from nightdrop.api.services import CallerDep, Services, ServicesDep
from nightdrop.core.caller import Caller
from nightdrop.secrets.model import UNDECRYPTABLE
from nightdrop.secrets.rotations import Rotation

router = APIRouter(prefix="/sites/{site}", tags=["keys"])


class SiteKeyOut(Out):
    """A key of a site. `retiring` keys still open what was sealed to them; nothing opens `destroyed` ones."""

    epoch: int
    key_id: str = Field(description="The fingerprint of the public key.")
    created_ms: int
    state: Literal["current", "retiring", "destroyed"]


class RotationOut(Out):
    """A rotation of a site's key to `epoch`."""

    epoch: int
    state: Literal["running", "blocked", "done"]
    requested_ms: int
    requested_by: str
    drop_undecryptable: bool
    moved: int = Field(description="Secrets that were sealed anew.")
    dropped: int = Field(description="Secrets that did not open and were deleted.")
    left: int = Field(description="Secrets that are sealed to an earlier epoch still.")
    problem: str | None = Field(description="Why it does not go on, `undecryptable` or another error code.")
    undecryptable: list[str] = Field(
        description="Names of secrets that do not open, at most 20; empty without `secrets:view`."
    )
    finished_ms: int | None


class SiteKeysOut(Out):
    """The keys of a site, the newest first, and the rotation that is under way."""

    keys: list[SiteKeyOut]
    rotation: RotationOut | None


class NewRotation(In):
    """A wish to rotate."""

    drop_undecryptable: bool = Field(
        default=False, description="Delete secrets that do not open, instead of keeping the earlier epoch for them."
    )


@router.get("/keys")
def list_site_keys(site: str, services: ServicesDep, caller: CallerDep) -> SiteKeysOut:
    """List the keys of a site."""
    keys, rotation = services.rotations.keys(caller, _site_id(services, caller, site))
    shown = [SiteKeyOut.model_validate(key) for key in keys]
    return SiteKeysOut(keys=shown, rotation=_shown(caller, rotation) if rotation is not None else None)


@router.post("/rotations", status_code=202)
def rotate_site_key(site: str, body: NewRotation, services: ServicesDep, caller: CallerDep) -> RotationOut:
    """Rotate the site's key: secrets are sealed anew, then the earlier key is destroyed for good.

    One that is under way goes on instead of a second one. Scripts read their secrets all the time.
    """
    site_id = _site_id(services, caller, site)
    rotation = services.rotations.request(caller, site_id, drop_undecryptable=body.drop_undecryptable)
    services.bell.ring("house")
    return _shown(caller, rotation)


@router.get("/rotations/{epoch}")
def get_rotation(
    site: str, epoch: Annotated[int, Path(ge=1, lt=2**31)], services: ServicesDep, caller: CallerDep
) -> RotationOut:
    """Show how a rotation is, by the epoch that it leads to."""
    return _shown(caller, services.rotations.get(caller, _site_id(services, caller, site), epoch))


def _site_id(services: Services, caller: Caller, site: str) -> str:
    return services.sites.get(caller, site).id


def _shown(caller: Caller, rotation: Rotation) -> RotationOut:
    if rotation.finished_ms is not None:
        state = "done"
    else:
        state = "blocked" if rotation.problem == UNDECRYPTABLE else "running"
    names = list(rotation.undecryptable) if allowed(caller, Permission.SECRETS_VIEW, rotation.site_id) else []
    fields = {name: getattr(rotation, name) for name in RotationOut.model_fields if name != "state"}
    return RotationOut.model_validate({**fields, "state": state, "undecryptable": names})
