"""A lost node key: with the recovery key, everything is sealed anew to another node key."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nightdrop.audit.events import Event
from nightdrop.core.errors import ConflictError, InvalidError
from nightdrop.core.redacted import RedactedBytes
from nightdrop.crypto.identity import Identity, fingerprint
from nightdrop.crypto.opening import OpenError, open_seed
from nightdrop.crypto.recipients import recipients_signed, sign_recipients
from nightdrop.crypto.seeds import IDENTITY_EPOCH, IDENTITY_SUBJECT, public_key_from_seed
from nightdrop.keys.bootstrap import create_node_key
from nightdrop.keys.custody import (
    NodeKeyExistsError,
    NodeKeyExposedError,
    NodeKeyInvalidError,
    NodeKeyMissingError,
    NodeKeyNotStoredError,
)
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.keeper_db import INSERT_IDENTITY, INSERT_RECIPIENT, INSERT_SEED
from nightdrop.keys.site_keys import Recipient, reseal_for_node
from nightdrop.worker.keeper.keyring import IdentityUnopenableError, SiteKeyUnopenableError
from nightdrop.worker.keeper.store import Change, KeeperStore, NotWrittenError, SealedSeed


class WrongRecoveryKeyError(InvalidError):
    """This recovery key belongs to another installation."""

    code = "recovery_key_wrong"
    hint = "Use the key that was printed when this home was made."


class NothingToRecoverError(ConflictError):
    """The node key of this host is in place."""

    code = "nothing_to_recover"
    hint = "Move the node key away first if this host is to have a new one."


def recover(store: KeeperStore, node_key: Path, recovery: RedactedBytes) -> str:
    """Seal identity and site keys to the node key at ``node_key`` and not to this home's earlier ones; return its name.

    The node key is made when there is none. Killed at any point, the database is as before or as after, and the same
    command works again.

    Raises:
        WrongRecoveryKeyError, NothingToRecoverError, NodeKeyExistsError, NodeKeyNotStoredError,
        IdentityUnopenableError, SiteKeyUnopenableError, NotWrittenError: nothing was changed in the database.
    """
    recovery_recipient = Recipient("recovery", public_key_from_seed(recovery.reveal()))
    with store.recipients_held(), opened_with(store, recovery) as (identity, seeds):
        # Everything is open before the new key is made: a failure until here leaves no trace.
        public = _node_public(store, node_key)
        identity_row, seed_rows = reseal_for_node(
            public, identity_seed=identity.reveal(), site_seeds=[(site, epoch, s.reveal()) for site, epoch, s in seeds]
        )
        node = Recipient("node", public)
        signer = Identity(identity.reveal())
        others = _other_nodes(store, signer)
        signature = sign_recipients(signer, [each.signed_form for each in (node, recovery_recipient, *others)])
    found = node.fingerprint
    kept = [recovery_recipient.fingerprint, *(each.fingerprint for each in others)]
    removed = [each.fingerprint for each in store.recipients() if each not in (recovery_recipient, *others)]
    # Nobody else stays but the recovery key that was used: a list that somebody else wrote must not be signed.
    changes: list[Change] = store.only_these_changes(recovery_recipient.fingerprint, kept)
    changes.append((INSERT_RECIPIENT, (found, "node", public)))
    changes.append((INSERT_IDENTITY, (found, identity_row.public, identity_row.sealed)))
    changes += [(INSERT_SEED, (row.site_id, row.epoch, row.fingerprint, row.sealed)) for row in seed_rows]
    changes.append(store.recipients_signature_change(signature))
    about = {"node": found, "removed": removed, "recipients": "signed"}
    store.record(Event.KEEPER_RECOVERED, about, changes, durable=True)
    # The recovery is done, whatever keeps the log from being emptied now: the next start empties it.
    with suppress(NotWrittenError):
        store.purge()
    return found


def _other_nodes(store: KeeperStore, identity: Identity) -> list[Recipient]:
    """Return the nodes of other homes, unless the list is not the one that the keeper signed: then nobody stays."""
    recipients = store.recipients()
    signature = store.recipients_signature() or b""
    if not recipients_signed(identity.public, signature, [each.signed_form for each in recipients]):
        return []
    own = store.own_nodes()
    return [each for each in recipients if each.kind == "node" and each.fingerprint not in own]


@contextmanager
def opened_with(
    store: KeeperStore, seed_of: RedactedBytes, what: str = "recovery key"
) -> Iterator[tuple[RedactedBytes, list[tuple[str, int, RedactedBytes]]]]:
    """Give the identity's and every site's seed, opened with a recipient's (``what`` it is); they are wiped afterwards.

    Raises:
        WrongRecoveryKeyError: nothing is sealed to it.
        IdentityUnopenableError, SiteKeyUnopenableError: something sealed to it does not open.
    """
    recipient = Recipient("recovery", public_key_from_seed(seed_of.reveal())).fingerprint
    sealed = store.sealed_identity(recipient)
    if sealed is None:
        raise WrongRecoveryKeyError
    seeds: list[tuple[str, int, RedactedBytes]] = []
    identity: RedactedBytes | None = None
    try:
        try:
            identity = open_seed(
                seed_of.reveal(), sealed, purpose="identity", subject=IDENTITY_SUBJECT, epoch=IDENTITY_EPOCH
            )
        except OpenError:
            raise IdentityUnopenableError from None
        store.check_identity(Identity(identity.reveal()).public)
        for row in store.sealed_seeds(recipient):
            # One at a time: those that are open are wiped when a later one does not open.
            opened = _open_seed(seed_of, row, what)
            seeds.append((row.site_id, row.epoch, opened))
        yield identity, seeds
    finally:
        for _, _, seed in seeds:
            seed.wipe()
        if identity is not None:
            identity.wipe()


def _open_seed(seed_of: RedactedBytes, row: SealedSeed, what: str) -> RedactedBytes:
    try:
        return open_seed(seed_of.reveal(), row.sealed, purpose="site", subject=row.site_id, epoch=row.epoch)
    except OpenError:
        raise SiteKeyUnopenableError(f"The key of site {row.site_id} does not open with the {what}.") from None


def _node_public(store: KeeperStore, path: Path) -> bytes:
    try:
        seed = FileCustody(path).load()
    except NodeKeyMissingError:
        return new_node_key(path)
    except (NodeKeyInvalidError, NodeKeyExposedError):
        raise NodeKeyExistsError(f"There is something at {path} already that cannot be used as a node key.") from None
    try:
        public = public_key_from_seed(seed.reveal())
    finally:
        seed.wipe()
    # A key that nothing is sealed to yet is what a recovery leaves that was killed before its commit.
    if any(each.fingerprint == fingerprint(public) for each in store.recipients()):
        raise NothingToRecoverError
    return public


def new_node_key(path: Path) -> bytes:
    """Make a node key at ``path``, where there is none, and return its public key.

    Raises:
        NodeKeyNotStoredError
    """
    # Whole or not at all: a half-written file at the final place would be in the way of the next attempt.
    partial = FileCustody(path.with_name(path.name + ".new"))
    try:
        partial.path.unlink(missing_ok=True)
        public = create_node_key(partial)
        os.link(partial.path, path)
        partial.path.unlink()
        sync_directory(path.parent)
    except OSError:
        raise NodeKeyNotStoredError(f"The node key could not be stored at {path}.") from None
    return public


def sync_directory(path: Path) -> None:
    """Make sure that names made or changed in a directory survive a power failure.

    Raises:
        OSError
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
