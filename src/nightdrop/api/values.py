"""Values that come as text: sealed here, before anything else sees them."""

import re

from nightdrop.core.caller import Caller
from nightdrop.core.errors import InvalidError
from nightdrop.crypto.memory import wipe
from nightdrop.crypto.sealing import check_value, seal_secret
from nightdrop.crypto.value import ValueNotTextError
from nightdrop.secrets.model import EpochConflictError, RevisionConflictError, SecretInfo
from nightdrop.secrets.store import SecretStore

_ATTEMPTS = 5
# What other programs show in place of a value; saving an untouched form would store it.
_PLACEHOLDER = re.compile(
    r"\s*(?:[*\u2022\u25cf]{3,}|[\[<(](?:hidden|redacted|masked|secret)[^\n]{0,40}[\])>])\s*", re.IGNORECASE
)


class PlaceholderValueError(InvalidError):
    """The value is a placeholder, such as ***, that stands for a value."""

    code = "value_placeholder"
    hint = "Nothing was stored. Give the value itself."


def put_value(
    store: SecretStore,
    caller: Caller,
    site_id: str,
    name: str,
    value: str,
    *,
    description: str | None = None,
    create: bool | None = None,
) -> SecretInfo:
    """Seal a value to its site's key and store it; tried again when somebody else stored the name meanwhile.

    Raises:
        PlaceholderValueError, ValueEmptyError, ValueTooLargeError, ValueHasNulError, ValueNotTextError, and what
        ``SecretStore.put`` raises.
    """
    if _PLACEHOLDER.fullmatch(value):
        raise PlaceholderValueError(field="value")
    data = _encoded(value)
    try:
        check_value(data)
        for _ in range(_ATTEMPTS - 1):
            try:
                return _seal_and_put(store, caller, site_id, name, data, description, create=create)
            except (RevisionConflictError, EpochConflictError):
                continue
        return _seal_and_put(store, caller, site_id, name, data, description, create=create)
    finally:
        wipe(data)


def _seal_and_put(
    store: SecretStore,
    caller: Caller,
    site_id: str,
    name: str,
    data: bytearray,
    description: str | None,
    *,
    create: bool | None,
) -> SecretInfo:
    key = store.sealing_key(caller, site_id, name)
    sealed = seal_secret(
        key.public_key, site_id=key.site_id, epoch=key.epoch, name=name, revision=key.revision, value=data
    )
    return store.put(caller, site_id, name, sealed, key.revision, key.epoch, description=description, create=create)


def _encoded(value: str) -> bytearray:
    try:
        return bytearray(value, "utf-8")
    except UnicodeEncodeError:
        raise ValueNotTextError(field="value") from None
