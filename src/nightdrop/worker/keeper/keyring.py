"""The private keys, opened once at the start; a key that does not open is a state, not an end."""

from collections.abc import Iterator
from contextlib import contextmanager

from nightdrop.audit.events import Event
from nightdrop.core.errors import NightdropError, UnavailableError
from nightdrop.core.redacted import RedactedBytes
from nightdrop.crypto.identity import fingerprint
from nightdrop.crypto.opening import OpenError, SitePrivateKey, open_seed
from nightdrop.crypto.seeds import IDENTITY_EPOCH, IDENTITY_SUBJECT, KeyInvalidError, public_key_from_seed
from nightdrop.keys.custody import Custody
from nightdrop.keys.keeper_db import INSERT_SEED
from nightdrop.keys.site_keys import FIRST_EPOCH, PublishedSiteKey, SeedRow, new_site_key, publish
from nightdrop.worker.keeper.store import KeeperStore


class NodeKeyUnknownError(UnavailableError):
    """The node key on this host is not one that the site keys are sealed to."""

    code = "node_key_unknown"
    hint = "Put the right node key back, or make this one known with the recovery key: nightdrop key recover"


class IdentityUnopenableError(UnavailableError):
    """The keeper's identity does not open with the node key."""

    code = "identity_unopenable"
    hint = "Restore keeper/keeper.db from a backup."


class SiteKeyUnopenableError(UnavailableError):
    """The site's key does not open with the node key."""

    code = "site_key_unopenable"
    hint = "Restore keeper/keeper.db from a backup, or use the recovery key: nightdrop key recover"


class Keyring:
    """Site private keys by (site id, epoch). The node key itself is not kept: it is loaded when it is needed."""

    def __init__(self, store: KeeperStore, custody: Custody) -> None:
        self._store = store
        self._custody = custody
        self._keys: dict[tuple[str, int], SitePrivateKey] = {}
        self._newest = dict(store.site_epochs())
        self._broken: dict[str, str] = {}
        self.problem: NightdropError | None = None
        self.node: str | None = None

    def load(self) -> None:
        """Open everything that opens; what is wrong is in ``problem`` and ``reason`` afterwards."""
        try:
            with self._node_seed() as seed:
                self._open_sites(seed)
                self._open_identity(seed).wipe()
                self.problem = None
        except NightdropError as error:
            self.problem = error

    def find(self, site_id: str, epoch: int) -> SitePrivateKey | None:
        """Return the private key of a site's epoch, or ``None`` when it is not open."""
        return self._keys.get((site_id, epoch))

    def reason(self, site_id: str) -> str | None:
        """Return why a site cannot be opened: a stable code, or ``None`` when it can."""
        newest = self._newest.get(site_id)
        if newest is None:
            return "site_key_missing"
        if (site_id, newest) in self._keys:
            return None
        return self._broken.get(site_id) or (self.problem.code if self.problem else SiteKeyUnopenableError.code)

    def sites(self) -> dict[str, str]:
        """Return each known site with ``ok`` or the reason why it cannot be opened."""
        return {site_id: self.reason(site_id) or "ok" for site_id in self._newest}

    def publish(self, site_id: str) -> PublishedSiteKey:
        """Return a site's public key, signed; make the key when there is none yet.

        A worker that died after the first answer asks again and gets the same key.

        Raises:
            NodeKeyMissingError, NodeKeyInvalidError, NodeKeyExposedError, NodeKeyUnknownError,
            IdentityUnopenableError, SiteKeyUnopenableError, NotWrittenError.
        """
        with self._node_seed() as seed:
            identity = self._open_identity(seed)
            try:
                epoch = self._newest.get(site_id)
                return (
                    self._make(site_id, seed, identity)
                    if epoch is None
                    else self._again(site_id, epoch, seed, identity)
                )
            finally:
                identity.wipe()

    def _make(self, site_id: str, node: RedactedBytes, identity: RedactedBytes) -> PublishedSiteKey:
        made = new_site_key(site_id, FIRST_EPOCH, identity_seed=identity.reveal(), recipients=self._store.recipients())
        about = {"site": site_id, "epoch": FIRST_EPOCH, "key_id": made.published.key_id}
        # On disk before anybody can seal to it: a value sealed to a lost key is lost too.
        self._store.record(
            Event.KEEPER_SITE_KEY_CREATED, about, [(INSERT_SEED, _columns(row)) for row in made.rows], durable=True
        )
        self._newest[site_id] = FIRST_EPOCH
        mine = next(row for row in made.rows if row.fingerprint == self.node)
        self._open_site(site_id, FIRST_EPOCH, mine.sealed, node)
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
            if not any(each.kind == "node" and each.fingerprint == found for each in self._store.recipients()):
                raise NodeKeyUnknownError
            self.node = found
            yield seed
        finally:
            seed.wipe()

    def _open_identity(self, node: RedactedBytes) -> RedactedBytes:
        sealed = self._store.sealed_identity(self.node or "")
        if sealed is None:
            raise IdentityUnopenableError
        try:
            return open_seed(node.reveal(), sealed, purpose="identity", subject=IDENTITY_SUBJECT, epoch=IDENTITY_EPOCH)
        except OpenError:
            raise IdentityUnopenableError from None

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


def _columns(row: SeedRow) -> tuple[str, int, str, bytes]:
    return row.site_id, row.epoch, row.fingerprint, row.sealed
