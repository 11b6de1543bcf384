"""Rotation of a site's key, the keeper's half: a new epoch, secrets sealed anew, the old seeds destroyed.

The keeper writes no secret itself: the worker stores each new form in place of exactly the form that was handed in,
so what a person changes meanwhile wins. Until the worker says that no secret of an earlier epoch is left, and the
keeper has seen it for itself, both epochs open.
"""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from nightdrop.core.errors import ConflictError
from nightdrop.crypto.opening import wipe
from nightdrop.crypto.sealing import seal_secret
from nightdrop.keys.site_keys import PublishedSiteKey
from nightdrop.worker.keeper.control import BadRequestError, described_key, read_item, text
from nightdrop.worker.keeper.keeper import Keeper, Parts
from nightdrop.worker.keeper.keyring import SiteKeyUnopenableError
from nightdrop.worker.keeper.release import RefusedError, is_name
from nightdrop.worker.keeper.sealed_rows import SealedRow
from nightdrop.worker.keeper.store import Change, HighWater

Json = dict[str, Any]


class RotationUnfinishedError(ConflictError):
    """Secrets of the site are still sealed to an earlier epoch."""

    code = "rotation_unfinished"


def begin_rotation(keeper: Keeper, message: Json) -> Json:
    """Make the key of a site's next epoch, or return the one that an earlier request made.

    Raises:
        BadRequestError, and what ``Keyring.begin_epoch`` raises.
    """
    site_id, epoch = text(message, "site"), _epoch(message)
    keeper.refresh()
    return described_key(keeper.require().keyring.begin_epoch(site_id, epoch))


def reseal(keeper: Keeper, message: Json) -> Iterator[Json | None]:
    """Seal secrets anew to the site's newest epoch, giving way (``None``) after each; the last item is the answer.

    Name, revision, value and policy stay. Each result is ``{"sealed": ...}`` or ``{"failure": class}``.

    Raises:
        BadRequestError, RotationStaleError, SiteKeyUnopenableError, NotWrittenError, and what keeps the keeper from
        opening anything.
    """
    parts = keeper.require()
    if parts.keyring.problem is not None:
        raise parts.keyring.problem
    key = parts.keyring.begin_epoch(text(message, "site"), _epoch(message))
    items = message.get("secrets")
    if not isinstance(items, list):
        raise BadRequestError(field="secrets")
    results: list[Json] = []
    changes: list[Change] = []
    for item in items:
        name, row = read_item(item)
        results.append(_reseal(parts, key, name, row, changes))
        yield None
    # Before anything is handed out: a new form that the keeper does not know as its own would be a swapped one.
    parts.store.note_reseals(changes)
    yield {"results": results}


def finish_rotation(keeper: Keeper, message: Json) -> Json:
    """Destroy the seeds of all epochs before ``epoch``; ``purged`` tells whether they are gone from every file.

    While it is false, ask again: somebody reads the database.

    Raises:
        RotationUnfinishedError: a secret of an earlier epoch is left.
        BadRequestError, RowsUnavailableError, RotationStaleError, NotWrittenError.
    """
    site_id, epoch = text(message, "site"), _epoch(message)
    parts = keeper.require()
    if keeper.rows.any_older(site_id, epoch):
        raise RotationUnfinishedError
    destroyed = parts.keyring.destroy_before(site_id, epoch)
    return {"destroyed": destroyed, "purged": parts.store.try_purge()}


def _reseal(parts: Parts, key: PublishedSiteKey, name: str, row: SealedRow, changes: list[Change]) -> Json:
    if not is_name(name):
        return {"failure": "format"}
    if row.well_formed() and parts.keyring.shut(key.site_id, row.epoch):
        # Not the secret's fault: the recovery key may still open it.
        raise SiteKeyUnopenableError
    try:
        opened = parts.releaser.open(key.site_id, name, row)
    except RefusedError as refusal:
        return {"failure": refusal.failure}
    try:
        sealed = seal_secret(
            key.public_key,
            site_id=key.site_id,
            epoch=key.epoch,
            name=name,
            revision=row.revision,
            value=opened.value,
            policy=opened.policy,
        )
    finally:
        wipe(opened.value)
    if opened.mark is not None:
        changes.append(parts.store.high_water_change(key.site_id, name, opened.mark))
    mark = HighWater(row.revision, hashlib.sha256(sealed).digest())
    changes.append(parts.store.reseal_change(key.site_id, name, mark))
    return {"sealed": base64.b64encode(sealed).decode("ascii")}


def _epoch(message: Json) -> int:
    epoch = message.get("epoch")
    # The first epoch is made with the site, not by a rotation.
    if type(epoch) is not int or not 1 < epoch < 2**31:
        raise BadRequestError(field="epoch")
    return epoch
