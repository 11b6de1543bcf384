"""Checkpoints: the keeper signs how long both audit logs are, and notices one that became shorter.

Each database holds the checkpoint of the other's log: app.db that of the keeper's, keeper.db that of people's. So
whoever cuts one of them has to change both.
"""

import binascii
from typing import Any

from nightdrop.audit.checkpoint import Checkpoint, Log, Verdict, read_checkpoint
from nightdrop.audit.events import Event
from nightdrop.core.errors import ConflictError, UnavailableError
from nightdrop.crypto.identity import Identity
from nightdrop.crypto.notes import NoteInvalidError
from nightdrop.worker.keeper.control import BadRequestError
from nightdrop.worker.keeper.keeper import Keeper
from nightdrop.worker.keeper.store import KeeperStore

Json = dict[str, Any]


class IdentityNotOpenError(UnavailableError):
    """The keeper's identity is not open, so nothing can be signed."""

    code = "identity_not_open"
    hint = "See: nightdrop doctor"


class CheckpointStaleError(ConflictError):
    """The keeper of another host was faster."""

    code = "checkpoint_stale"


def remembered(keeper: Keeper, _message: Json) -> Json:
    """Return which entry of people's log the keeper remembers: its number, 0 for none."""
    parts = keeper.require()
    found = _remembered(parts.store, _identity(keeper))
    return {"size": found.size if found else 0}


def checkpoint(keeper: Keeper, message: Json) -> Json:
    """Sign how long both logs are; ``cut`` names the logs that lack what an earlier checkpoint says.

    ``kept`` is the newest signed checkpoint of the keeper's log that the worker has. ``size`` and ``head`` are the end
    of people's log, ``known`` is the hash of its entry with the number that ``remembered`` gave.

    Raises:
        CheckpointStaleError: the keeper of another host has remembered another entry since.
        BadRequestError, IdentityNotOpenError, NotWrittenError.
    """
    size, head, known = message.get("size"), _hash(message, "head"), _hash(message, "known")
    if type(size) is not int or size < 0 or head is None:
        raise BadRequestError(field="size")
    store, identity = keeper.require().store, _identity(keeper)
    # A checkpoint is there: a release that signs recipients has run, so the signature is not one that never was.
    keeper.require().keyring.settle_recipients(first=message.get("kept") is None)
    cut = []
    if not _own_log_holds(store, identity, message.get("kept")):
        cut.append(Log.KEEPER)
    earlier = _remembered(store, identity)
    if store.shared and earlier is not None and earlier.size != message.get("remembered"):
        raise CheckpointStaleError
    if earlier is not None and (verdict := earlier.judge(size, known)) is not Verdict.HOLDS:
        cut.append(Log.SITE)
        _report(store, earlier, verdict)
    at_ms = keeper.now_ms()
    site_note = Checkpoint(Log.SITE, size, head, at_ms).sign(identity)
    store.remember_checkpoint(Log.SITE, size, site_note, replace=Log.SITE in cut)
    # The last: it covers what was just reported. On disk first, or a power failure would look like a cut.
    store.sync()
    own = Checkpoint(Log.KEEPER, *store.end, at_ms)
    return {
        "at_ms": at_ms,
        "keeper": {"size": own.size, "note": own.sign(identity, store.chain)},
        "site": {"size": size, "note": site_note},
        "cut": cut,
    }


def _own_log_holds(store: KeeperStore, identity: Identity, kept: Any) -> bool:
    if not isinstance(kept, str):
        return True
    try:
        earlier = read_checkpoint(kept, identity.public, store.chain)
    except NoteInvalidError:
        # Somebody wrote to app.db; `audit verify` says so. It proves nothing about our log.
        return True
    verdict = earlier.judge(store.end[0], store.entry_hash(earlier.size))
    if verdict is Verdict.HOLDS:
        return True
    _report(store, earlier, verdict)
    return False


def _report(store: KeeperStore, earlier: Checkpoint, verdict: Verdict) -> None:
    about = {"log": earlier.log, "verdict": verdict, "size": earlier.size, "head": earlier.head.hex()}
    store.record(Event.KEEPER_LOG_CUT, about)


def _remembered(store: KeeperStore, identity: Identity) -> Checkpoint | None:
    note = store.checkpoint(Log.SITE)
    try:
        return read_checkpoint(note, identity.public) if note is not None else None
    except NoteInvalidError:
        return None


def _identity(keeper: Keeper) -> Identity:
    identity = keeper.require().keyring.identity
    if identity is None:
        raise IdentityNotOpenError
    return identity


def _hash(message: Json, key: str) -> bytes | None:
    value = message.get(key)
    if value is None:
        return None
    try:
        data = binascii.unhexlify(value)
    except (binascii.Error, TypeError, ValueError):
        raise BadRequestError(field=key) from None
    if len(data) != 32:
        raise BadRequestError(field=key)
    return data
