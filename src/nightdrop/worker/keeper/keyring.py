"""The private keys, opened once at the start; a key that does not open is a state, not an end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from nightdrop.audit.events import Event
from nightdrop.core.errors import ConflictError, NightdropError, UnavailableError
from nightdrop.core.redacted import RedactedBytes
from nightdrop.crypto.identity import Identity, fingerprint
from nightdrop.crypto.opening import OpenError, SitePrivateKey, open_seed
from nightdrop.crypto.recipients import recipients_signed, sign_recipients
from nightdrop.crypto.seeds import IDENTITY_EPOCH, IDENTITY_SUBJECT, KeyInvalidError, public_key_from_seed
from nightdrop.keys.custody import Custody
from nightdrop.keys.keeper_db import INSERT_SEED
from nightdrop.keys.keeper_postgres import KeeperDbUnreachableError
from nightdrop.keys.site_keys import FIRST_EPOCH, PublishedSiteKey, Recipient, SeedRow, new_site_key, publish
from nightdrop.worker.keeper.store import DESTROY_SEEDS, KeeperStore, NotWrittenError, SealedSeed

# A script that asks for a secret that cannot be opened, in a loop, must not ask the database each time.
_LOOK_S = 1.0


class NodeKeyUnknownError(UnavailableError):
    """The node key on this host is not one that the site keys are sealed to."""

    code = "node_key_unknown"
    hint = (
        "Put the right node key back, make this one known with the recovery key (nightdrop key recover), or let it be"
        " approved on another host (nightdrop key approve)."
    )


class NodeRemovedError(UnavailableError):
    """This node was removed from the installation."""

    code = "node_removed"
    hint = (
        "It was done on another host, with nightdrop key remove. To let this host in again, make a new home:"
        " nightdrop init --join"
    )


class IdentityUnopenableError(UnavailableError):
    """The keeper's identity does not open with the node key."""

    code = "identity_unopenable"
    hint = "Restore keeper/keeper.db from a backup."


class SiteKeyUnopenableError(UnavailableError):
    """The site's key does not open with the node key."""

    code = "site_key_unopenable"
    hint = "Restore keeper/keeper.db from a backup, or use the recovery key: nightdrop key recover"


class RecipientsUnsignedError(UnavailableError):
    """The list of keys that site keys are sealed to is not the one that the keeper signed."""

    code = "recipients_unsigned"
    hint = (
        "Somebody changed keeper/keeper.db, so no new site key is made. Restore it from a backup, or move the node key"
        " away and run: nightdrop key recover"
    )


class RotationStaleError(ConflictError):
    """The site's key has another epoch than this rotation begins with."""

    code = "rotation_stale"
    hint = "Restore keeper.db and app.db from the same backup."


class Keyring:
    """Site private keys by (site id, epoch). The node key itself is not kept: it is loaded when it is needed."""

    def __init__(self, store: KeeperStore, custody: Custody) -> None:
        self._store = store
        self._custody = custody
        self._look_after = 0.0
        self._keys: dict[tuple[str, int], SitePrivateKey] = {}
        self._epochs = _by_site(store.site_epochs())
        self._broken: dict[str, str] = {}
        self._begun: dict[str, PublishedSiteKey] = {}
        self.problem: NightdropError | None = None
        self.node: str | None = None
        self.identity: Identity | None = None
        self.recipients = "unknown"

    def load(self) -> None:
        """Open everything that opens; what is wrong is in ``problem`` and ``reason`` afterwards."""
        try:
            with self._node_seed() as seed:
                self._open_sites(seed)
                with self._opened_identity(seed) as identity:
                    self.identity = Identity(identity.reveal())
                self.problem = None
                self._judge_recipients(self.identity)
        except NightdropError as error:
            self.problem = error

    def find(self, site_id: str, epoch: int) -> SitePrivateKey | None:
        """Return the private key of a site's epoch, or ``None`` when it is not open."""
        key = self._keys.get((site_id, epoch))
        if key is None and self._store.shared and time.monotonic() > self._look_after:
            self.catch_up()
            key = self._keys.get((site_id, epoch))
        return key

    def catch_up(self) -> None:
        """See what keepers of other hosts have made or taken away since; a database that is away changes nothing."""
        self._look_after = time.monotonic() + _LOOK_S
        try:
            epochs = _by_site(self._store.site_epochs())
            sealed = {(row.site_id, row.epoch): row.sealed for row in self._store.sealed_seeds(self.node or "")}
            self._check_known(self.node or "")
            self._epochs = epochs
            self._keys = {which: key for which, key in self._keys.items() if which in sealed}
            if new := sealed.keys() - self._keys.keys():
                with self._node_seed() as seed:
                    for site_id, epoch in new:
                        self._open_site(site_id, epoch, sealed[site_id, epoch], seed)
        except KeeperDbUnreachableError:
            return
        except NightdropError as error:
            # This node was taken out, or its key is gone: what it has opened before is not for it any more.
            self._keys.clear()
            self.identity = None
            self.problem = error

    def reason(self, site_id: str) -> str | None:
        """Return why a site cannot be opened: a stable code, or ``None`` when it can."""
        newest = self._newest(site_id)
        if newest is None:
            return "site_key_missing"
        if (site_id, newest) in self._keys:
            return None
        return self._broken.get(site_id) or (self.problem.code if self.problem else SiteKeyUnopenableError.code)

    def sites(self) -> dict[str, str]:
        """Return each known site with ``ok`` or the reason why it cannot be opened."""
        return {site_id: self.reason(site_id) or "ok" for site_id in self._epochs}

    @contextmanager
    def everything_open(self) -> Iterator[tuple[str, RedactedBytes, list[tuple[str, int, RedactedBytes]]]]:
        """Give this node's fingerprint, the identity's seed and all site seeds, to seal them to another key.

        Raises:
            SiteKeyUnopenableError: one does not open, so it would be lost.
            What ``publish`` raises.
        """
        seeds: list[tuple[str, int, RedactedBytes]] = []
        with self._node_seed() as node, self._opened_identity(node) as identity:
            assert self.node is not None
            rows = self._store.sealed_seeds(self.node)
            try:
                # One by one into the list that is wiped: the next one may not open.
                seeds.extend((row.site_id, row.epoch, self._seed(node, row)) for row in rows)
                yield self.node, identity, seeds
            finally:
                for _, _, seed in seeds:
                    seed.wipe()

    def shut(self, site_id: str, epoch: int) -> bool:
        """Tell whether the site has this epoch and its key does not open here: another key might open it."""
        return epoch in self._epochs.get(site_id, ()) and (site_id, epoch) not in self._keys

    def publish(self, site_id: str) -> PublishedSiteKey:
        """Return a site's newest public key, signed; make the first one when there is none yet.

        A worker that died after the first answer asks again and gets the same key.

        Raises:
            NodeKeyMissingError, NodeKeyInvalidError, NodeKeyExposedError, NodeKeyUnknownError,
            IdentityUnopenableError, SiteKeyUnopenableError, RecipientsUnsignedError, NotWrittenError.
        """
        with self._node_seed() as seed, self._opened_identity(seed) as identity, self._making():
            newest = self._newest(site_id)
            if newest is None:
                return self._make(site_id, FIRST_EPOCH, seed, identity)
            return self._again(site_id, newest, seed, identity)

    def begin_epoch(self, site_id: str, epoch: int) -> PublishedSiteKey:
        """Make the key of the next epoch, beside the one so far; asked again, return the same key.

        Raises:
            RotationStaleError: the newest epoch is neither this one nor the one before it.
            What ``publish`` raises.
        """
        newest = self._newest(site_id)
        if newest == epoch and (known := self._begun.get(site_id)) is not None and known.epoch == epoch:
            return known
        with self._node_seed() as seed, self._opened_identity(seed) as identity, self._making():
            newest = self._newest(site_id)
            if newest == epoch:
                begun = self._again(site_id, epoch, seed, identity)
            elif newest is None or newest != epoch - 1:
                raise RotationStaleError
            elif self.shut(site_id, newest):
                raise SiteKeyUnopenableError
            else:
                begun = self._make(site_id, epoch, seed, identity)
        self._begun[site_id] = begun
        return begun

    def destroy_before(self, site_id: str, epoch: int) -> list[int]:
        """Destroy the seeds of all epochs before ``epoch``, the newest one; return which they were.

        On disk when this returns; the write-ahead log still has the old pages until it is emptied.

        Raises:
            RotationStaleError, NotWrittenError.
        """
        if self._newest(site_id) != epoch or self.shut(site_id, epoch):
            raise RotationStaleError
        old = sorted(each for each in self._epochs[site_id] if each < epoch)
        if old:
            about = {"site": site_id, "epoch": epoch, "destroyed": old}
            changes = [(DESTROY_SEEDS, (site_id, epoch))]
            self._store.record(Event.KEEPER_SITE_KEY_ROTATED, about, changes, durable=True)
        for each in old:
            self._epochs[site_id].discard(each)
            self._keys.pop((site_id, each), None)
        return old

    @contextmanager
    def _making(self) -> Iterator[None]:
        """Keep keepers of other hosts from making keys, and from adding recipients, meanwhile."""
        with self._store.recipients_held():
            if self._store.shared:
                # This node may have been taken out since its key was looked at.
                self._check_known(self.node or "")
                self._epochs = _by_site(self._store.site_epochs())
            yield

    def _newest(self, site_id: str) -> int | None:
        return max(self._epochs.get(site_id, ()), default=None)

    def _judge_recipients(self, identity: Identity) -> None:
        """See whether the list of recipients is signed, or is one that an earlier release left."""
        recipients = self._store.recipients()
        if self._signed(identity.public, recipients):
            self.recipients = "signed"
            return
        self.recipients = "refused"
        # A home that ever had a signature does not lose it: a list without one is taken over once, and only the one
        # that earlier releases made, this node and the recovery key.
        kinds = sorted(each.kind for each in recipients)
        if self._store.recipients_signature() is not None or kinds != ["node", "recovery"]:
            return
        if not self._store.said("recipients", "signed"):
            self.recipients = "unsigned"

    def settle_recipients(self, *, first: bool) -> None:
        """Sign the list that an earlier release left; ``first`` says that no later release has run on this home."""
        if self.recipients != "unsigned" or self.identity is None:
            return
        if not first:
            self.recipients = "refused"
            return
        recipients = self._store.recipients()
        signature = sign_recipients(self.identity, [each.signed_form for each in recipients])
        about = {"recipients": "signed", "fingerprints": [each.fingerprint for each in recipients]}
        change = self._store.recipients_signature_change(signature)
        with suppress(NotWrittenError):  # the next start tries again
            self._store.record(Event.KEEPER_RECIPIENTS_SIGNED, about, [change], durable=True)
            self.recipients = "signed"

    def _signed(self, identity: bytes, recipients: list[Recipient]) -> bool:
        signature = self._store.recipients_signature() or b""
        return recipients_signed(identity, signature, [each.signed_form for each in recipients])

    def trusted_recipients(self, identity: RedactedBytes) -> list[Recipient]:
        """Return the recipients, once their signature by ``identity`` was checked.

        Raises:
            RecipientsUnsignedError
        """
        # Read and checked at each use, with the key that signed it and not with what the database says it is.
        recipients = self._store.recipients()
        if not self._signed(Identity(identity.reveal()).public, recipients):
            if self.recipients == "unsigned":
                raise RecipientsUnsignedError(
                    hint="Start nightdrop once: the keeper signs what an earlier release left."
                )
            self.recipients = "refused"
            raise RecipientsUnsignedError
        return recipients

    def _make(self, site_id: str, epoch: int, node: RedactedBytes, identity: RedactedBytes) -> PublishedSiteKey:
        recipients = self.trusted_recipients(identity)
        made = new_site_key(site_id, epoch, identity_seed=identity.reveal(), recipients=recipients)
        about = {"site": site_id, "epoch": epoch, "key_id": made.published.key_id}
        # On disk before anybody can seal to it: a value sealed to a lost key is lost too.
        self._store.record(
            Event.KEEPER_SITE_KEY_CREATED, about, [(INSERT_SEED, _columns(row)) for row in made.rows], durable=True
        )
        self._epochs.setdefault(site_id, set()).add(epoch)
        mine = next(row for row in made.rows if row.fingerprint == self.node)
        self._open_site(site_id, epoch, mine.sealed, node)
        return made.published

    def _again(self, site_id: str, epoch: int, node: RedactedBytes, identity: RedactedBytes) -> PublishedSiteKey:
        for row in self._store.sealed_seeds(fingerprint(public_key_from_seed(node.reveal()))):
            if (row.site_id, row.epoch) == (site_id, epoch):
                try:
                    seed = open_seed(node.reveal(), row.sealed, purpose="site", subject=site_id, epoch=epoch)
                except OpenError:
                    break
                try:
                    return publish(site_id, epoch, public_key_from_seed(seed.reveal()), identity.reveal())
                finally:
                    seed.wipe()
        raise SiteKeyUnopenableError

    @contextmanager
    def _node_seed(self) -> Iterator[RedactedBytes]:
        seed = self._custody.load()
        try:
            try:
                found = fingerprint(public_key_from_seed(seed.reveal()))
            except KeyInvalidError:
                raise NodeKeyUnknownError from None
            self._check_known(found)
            self.node = found
            yield seed
        finally:
            seed.wipe()

    @contextmanager
    def _opened_identity(self, node: RedactedBytes) -> Iterator[RedactedBytes]:
        seed = self._open_identity(node)
        try:
            yield seed
        finally:
            seed.wipe()

    def _check_known(self, node: str) -> None:
        check_node(self._store, node)

    def _open_identity(self, node: RedactedBytes) -> RedactedBytes:
        sealed = self._store.sealed_identity(self.node or "")
        if sealed is None:
            raise IdentityUnopenableError
        try:
            seed = open_seed(node.reveal(), sealed, purpose="identity", subject=IDENTITY_SUBJECT, epoch=IDENTITY_EPOCH)
        except OpenError:
            raise IdentityUnopenableError from None
        try:
            self._store.check_identity(Identity(seed.reveal()).public)
        except BaseException:
            seed.wipe()
            raise
        return seed

    def _seed(self, node: RedactedBytes, row: SealedSeed) -> RedactedBytes:
        try:
            return open_seed(node.reveal(), row.sealed, purpose="site", subject=row.site_id, epoch=row.epoch)
        except OpenError:
            raise SiteKeyUnopenableError from None

    def _open_sites(self, node: RedactedBytes) -> None:
        for row in self._store.sealed_seeds(self.node or ""):
            self._open_site(row.site_id, row.epoch, row.sealed, node)

    def _open_site(self, site_id: str, epoch: int, sealed: bytes, node: RedactedBytes) -> None:
        try:
            seed = open_seed(node.reveal(), sealed, purpose="site", subject=site_id, epoch=epoch)
        except OpenError:
            self._broken[site_id] = SiteKeyUnopenableError.code
            return
        try:
            self._keys[site_id, epoch] = SitePrivateKey(seed.reveal())
        finally:
            seed.wipe()


def check_node(store: KeeperStore, node: str) -> None:
    """See that site keys are sealed to this node key.

    Raises:
        NodeRemovedError, NodeKeyUnknownError: they are not.
    """
    if not any(each.kind == "node" and each.fingerprint == node for each in store.recipients()):
        raise NodeRemovedError if store.is_removed_node(node) else NodeKeyUnknownError


def _by_site(pairs: list[tuple[str, int]]) -> dict[str, set[int]]:
    epochs: dict[str, set[int]] = {}
    for site_id, epoch in pairs:
        epochs.setdefault(site_id, set()).add(epoch)
    return epochs


def _columns(row: SeedRow) -> tuple[str, int, str, bytes]:
    return row.site_id, row.epoch, row.fingerprint, row.sealed
