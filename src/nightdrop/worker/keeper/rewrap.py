"""A new node key: identity and site keys are sealed to it, and the one before opens nothing any more.

Killed at any point, either key opens everything, and the same command, or the next start of the keeper, ends it.
"""

import os
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

from nightdrop.audit.events import Event
from nightdrop.core.redacted import RedactedBytes
from nightdrop.crypto.identity import Identity, fingerprint
from nightdrop.crypto.recipients import recipients_signed, sign_recipients
from nightdrop.crypto.seeds import public_key_from_seed
from nightdrop.keys.custody import NodeKeyNotStoredError
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.keeper_db import INSERT_IDENTITY, INSERT_RECIPIENT, INSERT_SEED
from nightdrop.keys.site_keys import Recipient, reseal_for_node
from nightdrop.worker.keeper.keyring import Keyring
from nightdrop.worker.keeper.recovery import new_node_key, sync_directory
from nightdrop.worker.keeper.store import Change, KeeperStore, NotWrittenError


def rewrap(store: KeeperStore, path: Path) -> str:
    """Replace the node key at ``path`` by a new one; return its fingerprint.

    Raises:
        NodeKeyMissingError, NodeKeyInvalidError, NodeKeyExposedError, NodeKeyUnknownError, NodeKeyNotStoredError,
        IdentityUnopenableError, SiteKeyUnopenableError, RecipientsUnsignedError, NotWrittenError.
    """
    keyring = Keyring(store, FileCustody(path))
    keyring.load()
    if keyring.problem is not None:
        raise keyring.problem
    assert keyring.node is not None
    assert keyring.identity is not None
    if finish_rewrap(store, keyring.identity, keyring.node):
        # An earlier attempt got as far as putting the new key in its place: that was the new key.
        return keyring.node
    following = path.with_name(path.name + ".next")
    if not following.exists():
        new_node_key(following)
    new = _public(following)
    found = fingerprint(new)
    if all(each.fingerprint != found for each in store.recipients()):
        _add(store, keyring, new)
    _take_place(following, path)
    finish_rewrap(store, keyring.identity, found)
    return found


def finish_rewrap(store: KeeperStore, identity: Identity, node: str) -> bool:
    """Take out the node key that ``node`` has replaced; ``False`` when no replacement is that far.

    Raises:
        NotWrittenError: nothing was changed.
    """
    old = store.replaced_node()
    if old is None or old == node:
        return False
    with store.recipients_held():
        recipients = store.recipients()
        signature = store.recipients_signature() or b""
        # What somebody else wrote into the list must not be signed along.
        if not recipients_signed(identity.public, signature, [each.signed_form for each in recipients]):
            return False
        left = [each for each in recipients if each.fingerprint != old]
        changes = [*store.remove_recipient_changes(old), _signature(store, identity, left)]
        about = {"node": node, "removed": [old], "recipients": "signed"}
        store.record(Event.KEEPER_NODE_KEY_CHANGED, about, changes, durable=True)
    # It is done, whatever keeps the log from being emptied now: the next start empties it.
    with suppress(NotWrittenError):
        store.purge()
    return True


def _add(store: KeeperStore, keyring: Keyring, new: bytes) -> None:
    with ExitStack() as stack:
        stack.enter_context(store.recipients_held())
        old, identity, seeds = stack.enter_context(keyring.everything_open())
        recipients = keyring.trusted_recipients(identity)
        identity_row, seed_rows = reseal_for_node(
            new, identity_seed=identity.reveal(), site_seeds=[(site, epoch, s.reveal()) for site, epoch, s in seeds]
        )
        signer = Identity(identity.reveal())
        found = Recipient("node", new)
        changes: list[Change] = [(INSERT_RECIPIENT, (found.fingerprint, found.kind, new))]
        changes.append((INSERT_IDENTITY, (found.fingerprint, identity_row.public, identity_row.sealed)))
        changes += [(INSERT_SEED, (row.site_id, row.epoch, row.fingerprint, row.sealed)) for row in seed_rows]
        changes += [_signature(store, signer, [*recipients, found]), store.replaced_node_change(old)]
        about = {"node": found.fingerprint, "replaces": old, "recipients": "signed"}
        store.record(Event.KEEPER_NODE_KEY_ADDED, about, changes, durable=True)


def _signature(store: KeeperStore, identity: Identity, recipients: Iterable[Recipient]) -> Change:
    return store.recipients_signature_change(sign_recipients(identity, [each.signed_form for each in recipients]))


def _public(path: Path) -> bytes:
    seed: RedactedBytes = FileCustody(path).load()
    try:
        return public_key_from_seed(seed.reveal())
    finally:
        seed.wipe()


def _take_place(following: Path, path: Path) -> None:
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            following.replace(path)
            sync_directory(path.parent)
            # Best effort, as the file system may keep the old blocks: the old seed is in no file any more.
            os.pwrite(fd, bytes(os.fstat(fd).st_size), 0)
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError:
        raise NodeKeyNotStoredError(f"The new node key could not be put at {path}.") from None
