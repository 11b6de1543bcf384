"""The nodes of an installation on PostgreSQL: which there are, which ask to join, and letting one in.

A node is let in by who has a node key that opens, on that host's command line. The web process has no part in it: who
took it over could let in a node of their own.
"""

from typing import Any

from nightdrop.audit.events import Event
from nightdrop.core.errors import NotFoundError, UnavailableError
from nightdrop.crypto.identity import Identity, fingerprint
from nightdrop.crypto.recipients import recipients_signed, sign_recipients
from nightdrop.crypto.seeds import public_key_from_seed
from nightdrop.keys.custody import Custody
from nightdrop.keys.keeper_db import INSERT_IDENTITY, INSERT_SEED
from nightdrop.keys.site_keys import Recipient, reseal_for_node
from nightdrop.worker.keeper.keyring import NodeKeyUnknownError, RecipientsUnsignedError
from nightdrop.worker.keeper.recovery import opened_with
from nightdrop.worker.keeper.store import Change
from nightdrop.worker.keeper.store_postgres import PostgresKeeperStore

_FORGET_REQUEST = "DELETE FROM join_requests WHERE home = ?"
_ADD = "INSERT INTO recipients (fingerprint, kind, public_key, home) VALUES (?, 'node', ?, ?)"
# On the channel of the other wake-ups, so that the new node looks at once.
_WAKE = "SELECT pg_notify('nightdrop_runs', 'house')"


class OneNodeError(UnavailableError):
    """This installation has one node."""

    code = "one_node"
    hint = "Several need PostgreSQL for the keeper's data too: see docs/how-to/postgresql.md."


class NodeMissingError(NotFoundError):
    """No node with this fingerprint asks to join."""

    code = "node_not_found"
    hint = "See: nightdrop key nodes. On the other host: nightdrop init --join"


def list_nodes(store: PostgresKeeperStore, custody: Custody) -> list[dict[str, Any]]:
    """Return the nodes that open, and those that ask to join, as JSON.

    Raises:
        KeeperDbUnreachableError, KeeperDbDamagedError: the database does not answer.
    """
    own = _own(custody)
    nodes = [
        {"node": node, "home": home, "state": "approved", "here": node == own, "asked_ms": None}
        for node, home in store.nodes()
    ]
    known = {node["node"] for node in nodes}
    return nodes + [
        {"node": each.fingerprint, "home": each.home, "state": "asks", "here": each.fingerprint == own}
        | {"asked_ms": each.at_ms}
        for each in store.requests()
        if each.fingerprint not in known
    ]


def approve(store: PostgresKeeperStore, custody: Custody, wanted: str) -> None:
    """Seal identity and every site's keys to the node that asks with exactly this fingerprint.

    Raises:
        NodeMissingError: nothing was changed.
        NodeKeyMissingError, NodeKeyInvalidError, NodeKeyExposedError, NodeKeyUnknownError, IdentityUnopenableError,
        SiteKeyUnopenableError, RecipientsUnsignedError: this node cannot open, so it lets nobody in.
        NotWrittenError, KeeperDbUnreachableError, KeeperDbDamagedError.
    """
    request = next((each for each in store.requests() if each.fingerprint == wanted), None)
    if request is None:
        raise NodeMissingError
    seed = custody.load()
    try:
        own = fingerprint(public_key_from_seed(seed.reveal()))
        if own not in {node for node, _ in store.nodes()}:
            raise NodeKeyUnknownError
        # A site key that is made meanwhile would lack the new node.
        with store.recipients_held(), opened_with(store, seed, "node key") as (identity, seeds):
            signer, recipients = Identity(identity.reveal()), store.recipients()
            signature = store.recipients_signature() or b""
            if not recipients_signed(signer.public, signature, [each.signed_form for each in recipients]):
                raise RecipientsUnsignedError
            recipients.append(Recipient("node", request.public_key))
            signature = sign_recipients(signer, [each.signed_form for each in recipients])
            opened = [(site, epoch, each.reveal()) for site, epoch, each in seeds]
            identity_row, seed_rows = reseal_for_node(
                request.public_key, identity_seed=identity.reveal(), site_seeds=opened
            )
            changes: list[Change] = [(_ADD, (wanted, request.public_key, request.home))]
            changes.append((INSERT_IDENTITY, (wanted, identity_row.public, identity_row.sealed)))
            changes += [(INSERT_SEED, (row.site_id, row.epoch, row.fingerprint, row.sealed)) for row in seed_rows]
            changes.append(store.recipients_signature_change(signature))
            changes += [(_FORGET_REQUEST, (request.home,)), (_WAKE, ())]
            about = {"node": wanted, "home": request.home, "by": own}
            store.record(Event.NODE_APPROVED, about, changes, durable=True)
    finally:
        seed.wipe()


def _own(custody: Custody) -> str | None:
    try:
        seed = custody.load()
    except UnavailableError:
        return None
    try:
        return fingerprint(public_key_from_seed(seed.reveal()))
    finally:
        seed.wipe()
