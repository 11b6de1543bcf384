"""Secrets: names and what is known about them. No operation returns a value."""

import base64
import binascii
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from nightdrop.access.permissions import Permission, allowed
from nightdrop.api.etags import IfMatch, etag, precondition
from nightdrop.api.paging import Page, PageQuery
from nightdrop.api.schema import In, Out, UserOut
from nightdrop.api.services import CallerDep, Services, ServicesDep
from nightdrop.api.values import put_value
from nightdrop.core.caller import Caller
from nightdrop.core.errors import InvalidError
from nightdrop.core.ids import is_id
from nightdrop.secrets.listing import PREFIX
from nightdrop.secrets.model import KEEP, Keep, SecretInfo, SecretInUseError, SecretMissingError
from nightdrop.secrets.store import Precondition

router = APIRouter(prefix="/sites/{site}", tags=["secrets"])

# Of the scripts that use a secret, in the problem that keeps it from being deleted.
_MAX_LISTED = 100


class ValueFormError(InvalidError):
    """Give either `value`, or `sealed` with `revision` and `epoch`."""

    code = "value_form"
    hint = "`sealed` is the base64 form of a value sealed to the key of GET .../sealing-key."


class SealedNotBase64Error(InvalidError):
    """The sealed value is not base64."""

    code = "sealed_not_base64"
    hint = "Use the standard alphabet with padding (RFC 4648 section 4)."


class SealingKeyOut(Out):
    """The public key to seal a value of this site to, and the revision to bind it to. Bytes are base64."""

    site_id: str
    epoch: int
    suite: str
    key_id: str
    public_key: str
    signature: str = Field(description="By the keeper's identity key: check it, and pin the identity.")
    identity: str
    revision: int


class SecretOut(Out):
    """What is known about a secret. There is no field for its value."""

    id: str
    name: str
    description: str
    created_ms: int
    updated_ms: int
    updated_by: str
    last_used_ms: int | None
    revision: int
    epoch: int
    expires_ms: int | None = Field(description="When runs stop getting it; null is never.")
    health: str = Field(description="`ok`, `unchecked`, or why the keeper cannot open it.")
    used_by: int = Field(
        description="Scripts that name it in their code, and settings; other scripts may compute names."
    )


class SecretQuery(PageQuery):
    """Which secrets, in which order."""

    name: str | None = Field(None, description="Exactly this name.")
    q: str | None = Field(None, max_length=500, description="Text in name or description.")
    sort: Literal["name", "-name", "updated", "-updated", "used", "-used"] = "name"


class ExpiryIn(In):
    """An expiry that is not sealed with the value."""

    expires_ms: int | None = Field(
        None, ge=0, lt=2**53, description="When runs stop getting it, null for never. Not given, it stays."
    )

    @property
    def expiry(self) -> int | Keep | None:
        return self.expires_ms if "expires_ms" in self.model_fields_set else KEEP


class ValueIn(ExpiryIn):
    """A value: sealed by the caller, or text that is sealed at once."""

    sealed: str | None = Field(None, description="Base64 of the sealed value.")
    revision: int | None = Field(None, ge=1, lt=2**63)
    epoch: int | None = Field(None, ge=1, lt=2**31)
    value: str | None = Field(None, json_schema_extra={"writeOnly": True, "format": "password"}, repr=False)


class NewSecret(ValueIn):
    """A secret to store."""

    name: str
    description: str | None = None


class NewValue(ValueIn):
    """A value that overwrites the one there is, for good."""

    description: str | None = None


class SecretChange(ExpiryIn):
    """What can be changed without the value; what is not given stays."""

    description: str | None = None


@router.get("/sealing-key")
def get_sealing_key(
    site: str, services: ServicesDep, caller: CallerDep, name: Annotated[str | None, Query(max_length=500)] = None
) -> SealingKeyOut:
    """Return the site's public key; with `name`, also the revision that its next value must have."""
    key = services.secrets.sealing_key(caller, _site_id(services, caller, site), name)
    return SealingKeyOut(
        site_id=key.site_id,
        epoch=key.epoch,
        suite=key.suite,
        key_id=key.key_id,
        public_key=_base64(key.public_key),
        signature=_base64(key.signature),
        identity=_base64(key.identity),
        revision=key.revision,
    )


@router.get("/secrets")
def list_secrets(
    site: str, query: Annotated[SecretQuery, Query()], services: ServicesDep, caller: CallerDep
) -> Page[SecretOut]:
    """List, search and sort."""
    site_id = _site_id(services, caller, site)
    page = services.secrets.list(
        caller,
        site_id,
        name=query.name,
        search=query.q,
        sort=query.sort,
        limit=query.limit,
        cursor=query.cursor,
    )
    uses = services.secrets.count_uses(caller, site_id, [info.name for info in page.items])
    return Page(items=[_shown(info, uses.get(info.name, 0)) for info in page.items], next=page.cursor)


@router.post("/secrets", status_code=201)
def create_secret(
    site: str, body: NewSecret, response: Response, services: ServicesDep, caller: CallerDep
) -> SecretOut:
    """Store a secret under a new name."""
    site_id = _site_id(services, caller, site)
    return _tagged(
        response, services, caller, _put(services, caller, site_id, body.name, body, body.description, create=True)
    )


@router.get("/secrets/{secret}")
def get_secret(site: str, secret: str, response: Response, services: ServicesDep, caller: CallerDep) -> SecretOut:
    """Show what is known about a secret, by its id."""
    return _tagged(response, services, caller, _info(services, caller, site, secret))


@router.put("/secrets/{secret}/value")
def put_secret_value(
    site: str,
    secret: str,
    body: NewValue,
    response: Response,
    services: ServicesDep,
    caller: CallerDep,
    if_match: IfMatch = None,
) -> SecretOut:
    """Overwrite a value at once and for good."""
    info = _info(services, caller, site, secret)
    unless = precondition(if_match, _tag)
    stored = _put(services, caller, info.site_id, info.name, body, body.description, create=False, unless=unless)
    return _tagged(response, services, caller, stored)


@router.patch("/secrets/{secret}")
def change_secret(
    site: str,
    secret: str,
    body: SecretChange,
    response: Response,
    services: ServicesDep,
    caller: CallerDep,
    if_match: IfMatch = None,
) -> SecretOut:
    """Change description and expiry; the value stays as it is."""
    info = _info(services, caller, site, secret)
    changed = services.secrets.describe(
        caller,
        info.site_id,
        info.name,
        body.description,
        expires_ms=body.expiry,
        precondition=precondition(if_match, _tag),
    )
    return _tagged(response, services, caller, changed)


@router.delete("/secrets/{secret}", status_code=204)
def delete_secret(
    site: str,
    secret: str,
    services: ServicesDep,
    caller: CallerDep,
    confirm: Annotated[str | None, Query(max_length=500, description="The name, where scripts use it.")] = None,
    if_match: IfMatch = None,
) -> None:
    """Delete a secret for good."""
    info = _info(services, caller, site, secret)
    unless = precondition(if_match, _tag)
    try:
        services.secrets.delete(caller, info.site_id, info.name, confirmed=confirm == info.name, precondition=unless)
    except SecretInUseError as error:
        if allowed(caller, Permission.SCRIPTS_VIEW, info.site_id):
            error.more = {"scripts": _users(services, caller, info)[:_MAX_LISTED]}
        raise


@router.get("/secrets/{secret}/users")
def list_secret_users(site: str, secret: str, services: ServicesDep, caller: CallerDep) -> Page[UserOut]:
    """List what uses a secret: settings, scripts, and scripts that compute names and so may."""
    info = _info(services, caller, site, secret)
    return Page(items=_users(services, caller, info))


def _put(
    services: Services,
    caller: Caller,
    site_id: str,
    name: str,
    body: ValueIn,
    description: str | None,
    *,
    create: bool,
    unless: Precondition | None = None,
) -> SecretInfo:
    if body.value is not None and (body.sealed, body.revision, body.epoch) == (None, None, None):
        info = put_value(
            services.secrets,
            caller,
            site_id,
            name,
            body.value,
            description=description,
            expires_ms=body.expiry,
            create=create,
            precondition=unless,
        )
    elif body.value is None and body.sealed is not None and body.revision is not None and body.epoch is not None:
        sealed = _decoded(body.sealed)
        info = services.secrets.put(
            caller,
            site_id,
            name,
            sealed,
            body.revision,
            body.epoch,
            description=description,
            expires_ms=body.expiry,
            create=create,
            precondition=unless,
        )
    else:
        raise ValueFormError
    # The worker lets the keeper check that it can open it.
    services.bell.ring("house")
    return info


def _users(services: Services, caller: Caller, info: SecretInfo) -> list[UserOut]:
    scripts = services.scripts.users_of(caller, info.site_id, info.name)
    others = services.secrets.other_uses(caller, info.site_id, info.name)
    return [UserOut.model_validate(user) for user in (*others, *scripts)]


def _tag(info: SecretInfo) -> str:
    # Neither when it was used last nor whether it opens: nobody changes those.
    return etag(info.id, info.revision, info.description, info.expires_ms)


def _tagged(response: Response, services: Services, caller: Caller, info: SecretInfo) -> SecretOut:
    response.headers["ETag"] = _tag(info)
    return _counted(services, caller, info)


def _site_id(services: Services, caller: Caller, site: str) -> str:
    return services.sites.get(caller, site).id


def _info(services: Services, caller: Caller, site: str, secret: str) -> SecretInfo:
    site_id = _site_id(services, caller, site)
    # The store takes names too; in an address only the id is safe, as a name may be "." or hold a slash.
    if not is_id(secret, PREFIX):
        raise SecretMissingError
    return services.secrets.get_info(caller, site_id, secret)


def _counted(services: Services, caller: Caller, info: SecretInfo) -> SecretOut:
    return _shown(info, services.secrets.count_uses(caller, info.site_id, [info.name]).get(info.name, 0))


def _shown(info: SecretInfo, used_by: int) -> SecretOut:
    return SecretOut(
        id=info.id,
        name=info.name,
        description=info.description,
        created_ms=info.created_ms,
        updated_ms=info.updated_ms,
        updated_by=info.updated_by,
        last_used_ms=info.last_used_ms,
        revision=info.revision,
        epoch=info.epoch,
        expires_ms=info.expires_ms,
        health=info.health,
        used_by=used_by,
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SealedNotBase64Error(field="sealed") from None
