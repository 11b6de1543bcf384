"""Sites with real keys and really sealed values, for tests of the stores."""

from dataclasses import dataclass, field

from sqlalchemy import text

from nightdrop.access.sites import PublishedSiteKey, Site, SiteStore
from nightdrop.core.caller import SYSTEM, Caller, host_owner
from nightdrop.core.clock import Clock
from nightdrop.core.ids import new_id
from nightdrop.crypto.sealing import seal_secret
from nightdrop.crypto.seeds import generate_seed
from nightdrop.db.engine import Database
from nightdrop.keys.site_keys import new_site_key
from nightdrop.secrets.names import fold, search_text
from nightdrop.secrets.store import SealingKey, SecretInfo, SecretStore

OWNER = host_owner("owner")
_IDENTITY = bytes(generate_seed())


def published_key(site_id: str, epoch: int = 1) -> PublishedSiteKey:
    key = new_site_key(site_id, epoch, identity_seed=_IDENTITY, recipients=()).published
    return PublishedSiteKey(key.epoch, key.suite, key.key_id, key.public_key, key.signature, key.identity)


def seal(key: SealingKey, name: str, value: bytes = b"value", revision: int | None = None) -> bytes:
    return seal_secret(
        key.public_key,
        site_id=key.site_id,
        epoch=key.epoch,
        name=name,
        revision=key.revision if revision is None else revision,
        value=value,
    )


@dataclass
class Vault:
    """A database with a site that has a key, and its stores."""

    db: Database
    clock: Clock
    sites: SiteStore = field(init=False)
    secrets: SecretStore = field(init=False)
    site: Site = field(init=False)

    def __post_init__(self) -> None:
        self.sites = SiteStore(self.db, self.clock)
        self.secrets = SecretStore(self.db, self.clock)
        self.site = self.new_site("default")

    def new_site(self, name: str) -> Site:
        site = self.sites.create(SYSTEM, name)
        self.sites.publish_site_key(site.id, published_key(site.id))
        return site

    def put(
        self, name: str, value: bytes = b"value", *, site: str | None = None, by: Caller = OWNER, **more
    ) -> SecretInfo:
        site = site or self.site.id
        key = self.secrets.sealing_key(by, site, name)
        return self.secrets.put(by, site, name, seal(key, name, value), key.revision, key.epoch, **more)

    def key(self, name: str | None = None) -> SealingKey:
        return self.secrets.sealing_key(OWNER, self.site.id, name)

    def names(self, **options) -> list[str]:
        return [item.name for item in self.secrets.list(OWNER, self.site.id, **options).items]


def fill(vault, rows, site=None):
    """Insert secrets straight into the table: (name, description, updated, used)."""
    statement = text(
        "INSERT INTO secrets (id, site_id, name, name_key, search, description, created_ms, updated_ms, updated_by,"
        " last_used_ms, revision, epoch, sealed)"
        " VALUES (:id, :site, :name, :key, :search, :description, 1, :updated, 'x', :used, 1, 1, :sealed)"
    )
    values = [
        {
            "id": new_id("sec"),
            "site": site or vault.site.id,
            "name": name,
            "key": fold(name),
            "search": search_text(name, description),
            "description": description,
            "updated": updated,
            "used": used,
            "sealed": bytes(1500),
        }
        for name, description, updated, used in rows
    ]
    with vault.db.write() as connection:
        connection.execute(statement, values)
