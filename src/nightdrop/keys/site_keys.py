"""Site keys: made, sealed to everybody who may open them, signed and published."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from nightdrop.crypto.identity import fingerprint, identity_public, sign_site_key
from nightdrop.crypto.memory import wipe
from nightdrop.crypto.seeds import (
    IDENTITY_EPOCH,
    IDENTITY_SUBJECT,
    generate_seed,
    public_key_from_seed,
    seal_seed,
)
from nightdrop.crypto.suite import SUITE

RecipientKind = Literal["node", "recovery"]
FIRST_EPOCH = 1


@dataclass(frozen=True, slots=True)
class Recipient:
    """A public key that seeds are sealed to."""

    kind: RecipientKind
    public_key: bytes

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.public_key)

    @property
    def signed_form(self) -> tuple[str, bytes]:
        """What the signature over the list of recipients covers of this one."""
        return self.kind, self.public_key


@dataclass(frozen=True, slots=True)
class SeedRow:
    """A site seed sealed to one recipient: a row of keeper.db."""

    site_id: str
    epoch: int
    recipient: RecipientKind
    fingerprint: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """The identity seed sealed to one recipient: a row of keeper.db."""

    recipient: RecipientKind
    fingerprint: str
    sealed: bytes
    public: bytes


@dataclass(frozen=True, slots=True)
class PublishedSiteKey:
    """What everybody may know of a site key: a row of app.db."""

    site_id: str
    epoch: int
    suite: str
    key_id: str
    public_key: bytes
    signature: bytes
    identity: bytes


@dataclass(frozen=True, slots=True)
class NewSiteKey:
    """A new site key: sealed for keeper.db, and published for app.db."""

    rows: tuple[SeedRow, ...]
    published: PublishedSiteKey


def new_site_key(
    site_id: str, epoch: int, *, identity_seed: bytes | bytearray, recipients: Sequence[Recipient]
) -> NewSiteKey:
    """Make a site key and seal its seed to each recipient; the seed itself is forgotten.

    Raises:
        KeyInvalidError: a recipient's key is not a public key.
    """
    seed = generate_seed()
    try:
        public_key = public_key_from_seed(seed)
        rows = tuple(seal_site_seed(recipient, site_id, epoch, seed) for recipient in recipients)
    finally:
        wipe(seed)
    return NewSiteKey(rows, publish(site_id, epoch, public_key, identity_seed))


def publish(site_id: str, epoch: int, public_key: bytes, identity_seed: bytes | bytearray) -> PublishedSiteKey:
    """Return a site's public key, signed."""
    return PublishedSiteKey(
        site_id=site_id,
        epoch=epoch,
        suite=SUITE,
        key_id=fingerprint(public_key),
        public_key=public_key,
        signature=sign_site_key(identity_seed, site_id, epoch, SUITE, public_key),
        identity=identity_public(identity_seed),
    )


def seal_site_seed(recipient: Recipient, site_id: str, epoch: int, seed: bytes | bytearray) -> SeedRow:
    """Return a site seed sealed to one recipient."""
    sealed = seal_seed(recipient.public_key, seed, purpose="site", subject=site_id, epoch=epoch)
    return SeedRow(site_id, epoch, recipient.kind, recipient.fingerprint, sealed)


def seal_identity(recipient: Recipient, identity_seed: bytes | bytearray) -> IdentityRow:
    """Return the identity seed sealed to one recipient."""
    sealed = seal_seed(
        recipient.public_key, identity_seed, purpose="identity", subject=IDENTITY_SUBJECT, epoch=IDENTITY_EPOCH
    )
    return IdentityRow(recipient.kind, recipient.fingerprint, sealed, identity_public(identity_seed))


def reseal_for_node(
    node_public: bytes,
    *,
    identity_seed: bytes | bytearray,
    site_seeds: Iterable[tuple[str, int, bytes | bytearray]],
) -> tuple[IdentityRow, list[SeedRow]]:
    """Seal everything that the keeper opened to a node key: a new one after recovery, or one more host's.

    ``site_seeds`` are (site id, epoch, seed); the caller wipes them.
    """
    node = Recipient("node", node_public)
    rows = [seal_site_seed(node, site_id, epoch, seed) for site_id, epoch, seed in site_seeds]
    return seal_identity(node, identity_seed), rows
