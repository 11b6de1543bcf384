"""``nightdrop init --join``: a home for one more host of an installation on PostgreSQL."""

from dataclasses import dataclass
from pathlib import Path

from nightdrop.core.clock import SystemClock
from nightdrop.core.config import Config, load_config
from nightdrop.core.errors import InvalidError
from nightdrop.core.home import Home, create_home
from nightdrop.crypto.identity import fingerprint
from nightdrop.crypto.suite import require_support
from nightdrop.db.engine import Database
from nightdrop.db.migrate import require_head
from nightdrop.install.init import undo, write_configs
from nightdrop.keys.bootstrap import create_node_key
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.keeper_config import keeper_database
from nightdrop.keys.keeper_postgres import request_to_join
from nightdrop.keys.known_identity import FILE, check_identity


class NothingToJoinError(InvalidError):
    """There is no database of an installation to join."""

    code = "nothing_to_join"
    hint = "Set NIGHTDROP_DATABASE to its PostgreSQL URL; for a worker NIGHTDROP_KEEPER_DATABASE too."


@dataclass(frozen=True, slots=True)
class Joined:
    """What ``init --join`` made; without a node key the home is one for ``nightdrop web`` alone."""

    home: Path
    node_key: Path | None = None
    node: str | None = None
    identity: str | None = None


def join_home(root: Path, node_key: Path | None = None) -> Joined:
    """Make a home in ``root`` with a node key that asks to be approved; on failure nothing of it is left.

    Raises:
        NothingToJoinError: no PostgreSQL is named, or it has no installation.
        HomeExistsError, HomeNotOursError, HomeReadOnlyError: it cannot be made there.
        NodeKeyExistsError: a node key lies there already.
        ConfigInvalidError, KeeperConfigError, DatabaseUrlError, DatabaseUnreachableError, DatabaseNotReadyError,
        KeeperDbUnreachableError, KeeperSchemaMissingError, KeeperDbDamagedError.
    """
    require_support()
    existed = root.exists()
    home = create_home(root)
    made: list[Path] = []
    try:
        config = load_config(home)
        made = write_configs(home, config)
        _check_database(home, config)
        return _ask(home, config, node_key)
    except BaseException:
        undo(home, existed, made)
        raise


def _check_database(home: Home, config: Config) -> None:
    if config.is_sqlite:
        raise NothingToJoinError
    with Database.open(config.database_url(home)) as db:
        require_head(db)


def _ask(home: Home, config: Config, node_key: Path | None) -> Joined:
    if (keeper := keeper_database(home)) is None:
        return Joined(home.root)
    custody = FileCustody(node_key or config.node_key_path(home))
    public = create_node_key(custody)
    try:
        identity = request_to_join(keeper, home.instance, public, SystemClock().now_ms())
        check_identity(home.keeper_db.parent / FILE, fingerprint(identity))
    except BaseException:
        custody.path.unlink(missing_ok=True)
        raise
    return Joined(home.root, custody.path, fingerprint(public), fingerprint(identity))
