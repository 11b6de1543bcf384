"""Values that come as text: sealed here, before anything else sees them."""

from contextlib import suppress
from functools import partial

from nightdrop.core.caller import Caller
from nightdrop.crypto.memory import wipe
from nightdrop.crypto.sealing import check_value, seal_secret
from nightdrop.crypto.value import ValueNotTextError, refuse_placeholder
from nightdrop.secrets.model import KEEP, EpochConflictError, Keep, RevisionConflictError, SecretInfo
from nightdrop.secrets.store import Precondition, SecretStore

_ATTEMPTS = 5


def put_value(
    store: SecretStore,
    caller: Caller,
    site_id: str,
    name: str,
    value: str,
    *,
    description: str | None = None,
    expires_ms: int | Keep | None = KEEP,
    create: bool | None = None,
    precondition: Precondition | None = None,
) -> SecretInfo:
    """Seal a value to its site's key and store it; tried again when somebody else stored the name meanwhile.

    Raises:
        PlaceholderValueError, ValueEmptyError, ValueTooLargeError, ValueHasNulError, ValueNotTextError, and what
        ``SecretStore.put`` raises.
    """
    data = _encoded(value)
    attempt = partial(
        _seal_and_put,
        store,
        caller,
        site_id,
        name,
        data,
        description=description,
        expires_ms=expires_ms,
        create=create,
        precondition=precondition,
    )
    try:
        check_value(data)
        refuse_placeholder(data)
        for _ in range(_ATTEMPTS - 1):
            with suppress(RevisionConflictError, EpochConflictError):
                return attempt()
        return attempt()
    finally:
        wipe(data)


def _seal_and_put(
    store: SecretStore,
    caller: Caller,
    site_id: str,
    name: str,
    data: bytearray,
    *,
    description: str | None,
    expires_ms: int | Keep | None,
    create: bool | None,
    precondition: Precondition | None,
) -> SecretInfo:
    key = store.sealing_key(caller, site_id, name)
    sealed = seal_secret(
        key.public_key, site_id=key.site_id, epoch=key.epoch, name=name, revision=key.revision, value=data
    )
    return store.put(
        caller,
        site_id,
        name,
        sealed,
        key.revision,
        key.epoch,
        description=description,
        expires_ms=expires_ms,
        create=create,
        precondition=precondition,
    )


def _encoded(value: str) -> bytearray:
    try:
        return bytearray(value, "utf-8")
    except UnicodeEncodeError:
        raise ValueNotTextError(field="value") from None
