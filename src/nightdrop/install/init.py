"""``nightdrop init``: a home, its databases, its keys and the site ``default``."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from nightdrop.access.sites import PublishedSiteKey, SiteStore
from nightdrop.core.caller import SYSTEM
from nightdrop.core.clock import SystemClock
from nightdrop.core.home import Home, create_home
from nightdrop.crypto.identity import fingerprint
from nightdrop.crypto.suite import require_support
from nightdrop.db.engine import Database
from nightdrop.db.migrate import upgrade
from nightdrop.keys.bootstrap import NewKeys, create_keys
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.keeper_db import initialise

FIRST_SITE = "default"


@dataclass(frozen=True, slots=True)
class Installation:
    """What ``init`` made. ``recovery_key`` exists only here: print it, then let it go."""

    home: Path
    node_key: Path
    node: str
    identity: str
    site: str
    recovery_key: str

    def __repr__(self) -> str:
        return f"Installation(home={str(self.home)!r})"


def initialise_home(root: Path, node_key: Path | None = None) -> Installation:
    """Make a home in ``root`` with the site ``default``; on failure nothing of it is left.

    Raises:
        HomeExistsError, HomeNotOursError, HomeReadOnlyError: it cannot be made there.
        CryptoUnsupportedError: this build of the cryptography package lacks ML-KEM.
        NodeKeyExistsError: a node key lies at ``node_key`` already.
    """
    require_support()
    existed = root.exists()
    home = create_home(root)
    custody = FileCustody(node_key or home.default_node_key())
    try:
        keys = _make(home, custody)
    except BaseException:
        _undo(home, custody, existed)
        raise
    return Installation(
        home=home.root,
        node_key=custody.path,
        node=fingerprint(keys.node_public),
        identity=fingerprint(keys.identity_public),
        site=FIRST_SITE,
        recovery_key=str(keys.recovery_printed.reveal(), "ascii"),
    )


def _make(home: Home, custody: FileCustody) -> NewKeys:
    with Database.open(home) as db:
        upgrade(db)
        sites = SiteStore(db, SystemClock())
        site = sites.create(SYSTEM, FIRST_SITE)
        keys = create_keys(custody, [site.id])
        initialise(home.keeper_db, keys)
        for published in keys.published:
            sites.publish_site_key(
                published.site_id,
                PublishedSiteKey(
                    epoch=published.epoch,
                    suite=published.suite,
                    key_id=published.key_id,
                    public_key=published.public_key,
                    signature=published.signature,
                    identity=keys.identity_public,
                ),
            )
    return keys


def _undo(home: Home, custody: FileCustody, existed: bool) -> None:
    custody.path.unlink(missing_ok=True)
    if not existed:
        shutil.rmtree(home.root, ignore_errors=True)
        return
    for part in ("data", "keeper", "run", "sites"):
        shutil.rmtree(home.root / part, ignore_errors=True)
    (home.root / "nightdrop.json").unlink(missing_ok=True)
