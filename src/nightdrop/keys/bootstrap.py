"""The keys of a new installation. Needs only the sealing half: nothing made here can be opened here."""

from collections.abc import Iterable
from dataclasses import dataclass

from nightdrop.core.redacted import RedactedBytes
from nightdrop.crypto.identity import Identity
from nightdrop.crypto.memory import wipe
from nightdrop.crypto.recipients import sign_recipients
from nightdrop.crypto.seeds import generate_seed, public_key_from_seed
from nightdrop.keys.custody import Custody
from nightdrop.keys.recovery import print_recovery_key
from nightdrop.keys.site_keys import (
    FIRST_EPOCH,
    IdentityRow,
    PublishedSiteKey,
    Recipient,
    SeedRow,
    new_site_key,
    reseal_for_node,
    seal_identity,
)

__all__ = ["NewKeys", "create_keys", "create_node_key", "reseal_for_node"]


@dataclass(frozen=True, slots=True)
class NewKeys:
    """Everything that ``create_keys`` made.

    ``recovery_printed`` is shown once and kept nowhere. ``recipients`` with their signature, ``identity_rows`` and
    ``seed_rows`` go to keeper.db, ``published`` to app.db.
    """

    node_public: bytes
    recovery_public: bytes
    recovery_printed: RedactedBytes
    identity_public: bytes
    recipients: tuple[Recipient, ...]
    recipients_signature: bytes
    identity_rows: tuple[IdentityRow, ...]
    seed_rows: tuple[SeedRow, ...]
    published: tuple[PublishedSiteKey, ...]


def create_keys(custody: Custody, site_ids: Iterable[str]) -> NewKeys:
    """Make node, recovery, identity and site keys; the node key goes into ``custody``, other seeds are forgotten.

    Raises:
        NodeKeyExistsError, NodeKeyNotStoredError: nothing was made.
        CryptoUnsupportedError: the library lacks the algorithms.
    """
    recovery_seed, identity_seed = generate_seed(), generate_seed()
    try:
        node = Recipient("node", create_node_key(custody))
        recovery = Recipient("recovery", public_key_from_seed(recovery_seed))
        identity = Identity(identity_seed)
        sites = [
            new_site_key(site_id, FIRST_EPOCH, identity_seed=identity_seed, recipients=(node, recovery))
            for site_id in site_ids
        ]
        return NewKeys(
            node_public=node.public_key,
            recovery_public=recovery.public_key,
            recovery_printed=print_recovery_key(recovery_seed),
            identity_public=identity.public,
            recipients=(node, recovery),
            recipients_signature=sign_recipients(identity, [each.signed_form for each in (node, recovery)]),
            identity_rows=(seal_identity(node, identity_seed), seal_identity(recovery, identity_seed)),
            seed_rows=tuple(row for site in sites for row in site.rows),
            published=tuple(site.published for site in sites),
        )
    finally:
        wipe(recovery_seed)
        wipe(identity_seed)


def create_node_key(custody: Custody) -> bytes:
    """Make a node key, hand its seed to ``custody`` and return its public key.

    Raises:
        NodeKeyExistsError, NodeKeyNotStoredError.
    """
    generated = generate_seed()
    seed = RedactedBytes(generated)
    wipe(generated)
    try:
        public_key = public_key_from_seed(seed.reveal())
        custody.store(seed)
    finally:
        seed.wipe()
    return public_key
