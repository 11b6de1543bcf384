"""The nodes of an installation on PostgreSQL: which there are, which ask to join, letting one in, taking one out.

Both are done by who has a node key that opens, on that host's command line. The web process has no part in it: who
took it over could let in a node of their own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nightdrop.audit.events import Event
from nightdrop.core.errors import ConflictError, NotFoundError, UnavailableError
from nightdrop.core.redacted import RedactedBytes
from nightdrop.crypto.identity import Identity, fingerprint
from nightdrop.crypto.recipients import recipients_signed, sign_recipients
from nightdrop.crypto.seeds import public_key_from_seed
from nightdrop.keys.custody import Custody
from nightdrop.keys.keeper_db import INSERT_IDENTITY, INSERT_SEED
from nightdrop.keys.site_keys import Recipient, reseal_for_node
from nightdrop.worker.keeper.keyring import RecipientsUnsignedError, check_node
from nightdrop.worker.keeper.recovery import opened_with
from nightdrop.worker.keeper.store import Change
from nightdrop.worker.keeper.store_postgres import PostgresKeeperStore, RemovedNode

# A node as it is listed.
_Listed = tuple[str, str, str, int | None, list[str]]
_KEYS = ("node", "home", "state", "asked_ms", "knows")
_FORGET_REQUEST = "DELETE FROM join_requests WHERE home = ?"
_ADD = "INSERT INTO recipients (fingerprint, kind, public_key, home) VALUES (?, 'node', ?, ?)"
# On the channel of the other wake-ups, so that every node looks at once.
_WAKE = "SELECT pg_notify('nightdrop_runs', 'house')"


class OneNodeError(UnavailableError):
    """This installation has one node."""

    code = "one_node"
    hint = "Several need PostgreSQL for the keeper's data too: see docs/how-to/postgresql.md."


class NodeMissingError(NotFoundError):
    """No node with this fingerprint asks to join."""

    code = "node_not_found"
    hint = "See: nightdrop key nodes. On the other host: nightdrop init --join"


class OwnNodeError(ConflictError):
    """This is the node key of this host, which a host does not remove itself."""

    code = "node_is_own"
    hint = "Run this on another host that can open; for a new node key of this host: nightdrop key rewrap"


class RecoveryKeyKeptError(ConflictError):
    """This is the recovery key, which is never removed."""

    code = "recovery_key_kept"
    hint = "Give the fingerprint of a node. See: nightdrop key nodes"


@dataclass(frozen=True, slots=True)
class _Opened:
    """What this node has opened, and the list of recipients as the keeper signed it."""

    own: str
    identity: RedactedBytes
    signer: Identity
    seeds: list[tuple[str, int, RedactedBytes]]
    recipients: list[Recipient]
    signature: bytes


def list_nodes(store: PostgresKeeperStore, custody: Custody) -> list[dict[str, Any]]:
    """Return the nodes that open, those that ask to join, and those that were removed, as JSON.

    ``knows`` are the sites (their ids) of which a removed node knows a key that still opens something.

    Raises:
        KeeperDbUnreachableError, KeeperDbDamagedError: the database does not answer.
    """
    own = _own(custody)
    nodes: list[_Listed] = [(node, home, "approved", None, []) for node, home in store.nodes()]
    known = {node for node, *_ in nodes}
    asks: list[_Listed] = [(each.fingerprint, each.home, "asks", each.at_ms, []) for each in store.requests()]
    epochs = store.site_epochs()
    removed: list[_Listed] = [
        (each.fingerprint, each.home, "removed", None, _knows(epochs, each)) for each in store.removed_nodes()
    ]
    listed = nodes + [each for each in [*asks, *removed] if each[0] not in known]
    return [{**dict(zip(_KEYS, each, strict=True)), "here": each[0] == own} for each in listed]


def approve(store: PostgresKeeperStore, custody: Custody, wanted: str) -> None:
    """Seal identity and every site's keys to the node that asks with exactly this fingerprint.

    Raises:
        NodeMissingError: nothing was changed.
        NodeKeyMissingError, NodeKeyInvalidError, NodeKeyExposedError, NodeKeyUnknownError, NodeRemovedError,
        IdentityUnopenableError, SiteKeyUnopenableError, RecipientsUnsignedError: this node cannot open, so it lets
        nobody in.
        NotWrittenError, KeeperDbUnreachableError, KeeperDbDamagedError.
    """
    request = next((each for each in store.requests() if each.fingerprint == wanted), None)
    if request is None:
        raise NodeMissingError
    with _opened(store, custody) as opened:
        recipients = [*opened.recipients, Recipient("node", request.public_key)]
        seeds = [(site, epoch, each.reveal()) for site, epoch, each in opened.seeds]
        identity_row, seed_rows = reseal_for_node(
            request.public_key, identity_seed=opened.identity.reveal(), site_seeds=seeds
        )
        changes: list[Change] = [*_signed(store, opened, recipients)]
        changes.append((_ADD, (wanted, request.public_key, request.home)))
        changes.append((INSERT_IDENTITY, (wanted, identity_row.public, identity_row.sealed)))
        changes += [(INSERT_SEED, (row.site_id, row.epoch, row.fingerprint, row.sealed)) for row in seed_rows]
        changes += [(_FORGET_REQUEST, (request.home,)), (_WAKE, ())]
        about = {"node": wanted, "home": request.home, "by": opened.own}
        store.record(Event.NODE_APPROVED, about, changes, durable=True)


def remove(store: PostgresKeeperStore, custody: Custody, wanted: str) -> dict[str, Any]:
    """Take a node off the list of recipients, with everything that is sealed to it; return it as ``list_nodes`` does.

    One transaction: killed at any point, the node is on the signed list or off it. This node opens and stays, so the
    last one that can open is never removed. A node that was removed before stays removed.

    Raises:
        NodeMissingError, OwnNodeError, RecoveryKeyKeptError: nothing was changed.
        What ``approve`` raises.
    """
    with _opened(store, custody) as opened:
        found = next((each for each in opened.recipients if each.fingerprint == wanted), None)
        if found is not None and found.kind == "recovery":
            raise RecoveryKeyKeptError
        if wanted == opened.own or wanted in store.own_nodes():
            raise OwnNodeError
        if found is not None:
            left = [each for each in opened.recipients if each != found]
            # What it could read until now; a seed of a site's earlier epoch is older than the newest one.
            knew: dict[str, int] = {}
            for row in store.sealed_seeds(wanted):
                knew[row.site_id] = max(row.epoch, knew.get(row.site_id, 0))
            node = RemovedNode(wanted, dict(store.nodes())[wanted], knew)
            changes = [*_signed(store, opened, left), *store.remove_node_changes(node), (_WAKE, ())]
            about = {"node": wanted, "home": node.home, "by": opened.own}
            store.record(Event.NODE_REMOVED, about, changes, durable=True)
        elif not store.is_removed_node(wanted):
            raise NodeMissingError("No node has this fingerprint.", hint="See: nightdrop key nodes")
    return next(each for each in list_nodes(store, custody) if each["node"] == wanted)


@contextmanager
def _opened(store: PostgresKeeperStore, custody: Custody) -> Iterator[_Opened]:
    """Give what this node opens; meanwhile no other keeper makes a site key or changes the list of recipients."""
    seed = custody.load()
    try:
        own = fingerprint(public_key_from_seed(seed.reveal()))
        with store.recipients_held():
            check_node(store, own)
            with opened_with(store, seed, "node key") as (identity, seeds):
                signer, recipients = Identity(identity.reveal()), store.recipients()
                signature = store.recipients_signature() or b""
                # What somebody else wrote into the list must not be signed along.
                if not recipients_signed(signer.public, signature, [each.signed_form for each in recipients]):
                    raise RecipientsUnsignedError
                yield _Opened(own, identity, signer, seeds, recipients, signature)
    finally:
        seed.wipe()


def _signed(store: PostgresKeeperStore, opened: _Opened, recipients: list[Recipient]) -> list[Change]:
    signature = sign_recipients(opened.signer, [each.signed_form for each in recipients])
    return store.sign_anew_changes(opened.signature, signature)


def _knows(epochs: list[tuple[str, int]], node: RemovedNode) -> list[str]:
    return sorted({site for site, epoch in epochs if epoch <= node.knew.get(site, 0)})


def _own(custody: Custody) -> str | None:
    try:
        seed = custody.load()
    except UnavailableError:
        return None
    try:
        return fingerprint(public_key_from_seed(seed.reveal()))
    finally:
        seed.wipe()
