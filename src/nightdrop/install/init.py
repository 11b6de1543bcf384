"""``nightdrop init``: a home, its databases, its keys and the site ``default``."""

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from nightdrop.access.sites import PublishedSiteKey, SiteStore
from nightdrop.core.caller import SYSTEM
from nightdrop.core.clock import SystemClock
from nightdrop.core.config import Config, load_config
from nightdrop.core.errors import ConflictError, NightdropError
from nightdrop.core.home import Home, create_home, write_private
from nightdrop.crypto.identity import fingerprint
from nightdrop.crypto.suite import require_support
from nightdrop.db.engine import Database
from nightdrop.db.migrate import current, upgrade
from nightdrop.db.tables import metadata
from nightdrop.keys.bootstrap import NewKeys, create_keys
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.keeper_config import keeper_database, write_keeper_config
from nightdrop.keys.keeper_db import initialise
from nightdrop.keys.keeper_postgres import initialise_schema
from nightdrop.keys.known_identity import FILE, check_identity

FIRST_SITE = "default"


class DatabaseInUseError(ConflictError):
    """This database holds an installation already."""

    code = "database_in_use"
    hint = "Make a new, empty database for this one."


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

    The database is the one of the configuration: the home's, or the one in ``NIGHTDROP_DATABASE``, which is written
    down in ``nightdrop.toml`` so that the home finds it again.

    Raises:
        HomeExistsError, HomeNotOursError, HomeReadOnlyError: it cannot be made there.
        CryptoUnsupportedError: this build of the cryptography package lacks ML-KEM.
        NodeKeyExistsError: a node key lies at ``node_key`` already.
        ConfigInvalidError, DatabaseUrlError, DatabaseUnreachableError, DatabaseInUseError: the database is no good.
    """
    require_support()
    existed = root.exists()
    home = create_home(root)
    made: list[Path] = []
    try:
        config = load_config(home)
        custody = FileCustody(node_key or config.node_key_path(home))
        made = write_configs(home, config)
        keys = _make(home, config, custody)
    except BaseException:
        undo(home, existed, made)
        raise
    return Installation(
        home=home.root,
        node_key=custody.path,
        node=fingerprint(keys.node_public),
        identity=fingerprint(keys.identity_public),
        site=FIRST_SITE,
        recovery_key=str(keys.recovery_printed.reveal(), "ascii"),
    )


def write_configs(home: Home, config: Config) -> list[Path]:
    """Write down what came from the environment, where there is no file yet; return the files that were made.

    Raises:
        KeeperConfigError
    """
    files = [home.config_file, home.keeper_config_file]
    missing = [path for path in files if not path.exists()]
    if config.database and home.config_file in missing:
        # A JSON string is a TOML string too.
        write_private(home.config_file, f"database = {json.dumps(config.database)}\n".encode())
    if (keeper := keeper_database(home)) is not None:
        write_keeper_config(home, keeper)
    return [path for path in missing if path.exists()]


def _make(home: Home, config: Config, custody: FileCustody) -> NewKeys:
    with Database.open(config.database_url(home)) as db:
        if current(db) is not None:
            raise DatabaseInUseError
        try:
            upgrade(db)
            return _fill(home, db, custody)
        except BaseException:
            _empty(db)
            raise


def _fill(home: Home, db: Database, custody: FileCustody) -> NewKeys:
    sites = SiteStore(db, SystemClock())
    site = sites.create(SYSTEM, FIRST_SITE)
    keys = create_keys(custody, [site.id])
    try:
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
        # Last: what follows a failure can be taken back in the other database, and is not needed here.
        if (keeper := keeper_database(home)) is None:
            initialise(home.keeper_db, keys)
        else:
            initialise_schema(keeper, home.instance, keys)
            check_identity(home.keeper_db.parent / FILE, fingerprint(keys.identity_public))
    except BaseException:
        # Only what was made here: a key that was there before stays.
        custody.path.unlink(missing_ok=True)
        raise
    return keys


def _empty(db: Database) -> None:
    """Take our tables out of a database that had none before."""
    with suppress(NightdropError), db.write() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))


def undo(home: Home, existed: bool, made: list[Path]) -> None:
    """Take a home away again, and files that were ``made`` in a directory that ``existed`` before."""
    if not existed:
        shutil.rmtree(home.root, ignore_errors=True)
        return
    for part in ("data", "keeper", "run", "sites"):
        shutil.rmtree(home.root / part, ignore_errors=True)
    for path in (*made, home.root / "nightdrop.json"):
        path.unlink(missing_ok=True)
