"""The home directory: where everything of one installation lies, and who owns it."""

import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from nightdrop.core.errors import ConflictError, NotFoundError, UnavailableError

MARKER = "nightdrop.json"
FORMAT = 1


class NoHomeError(NotFoundError):
    """This directory is not a nightdrop home."""

    code = "home_missing"
    hint = "Make one with: nightdrop init --home DIR"


class HomeNotOursError(UnavailableError):
    """The home directory belongs to another user."""

    code = "home_not_ours"
    hint = "Run nightdrop as the user who owns the directory, or choose another with --home."


class HomeReadOnlyError(UnavailableError):
    """The home directory cannot be written."""

    code = "home_read_only"
    hint = "Check the permissions of the directory and whether its file system is mounted read-only."


class HomeExistsError(ConflictError):
    """This directory is a nightdrop home already."""

    code = "home_exists"
    hint = "Start it with: nightdrop up"


class HomeTooNewError(UnavailableError):
    """This home was made by a newer nightdrop."""

    code = "home_too_new"
    hint = "Install the nightdrop version that made it, or a newer one."


@dataclass(frozen=True, slots=True)
class Home:
    """Paths of one installation."""

    root: Path
    instance: str

    @property
    def app_db(self) -> Path:
        return self.root / "data" / "app.db"

    @property
    def keeper_db(self) -> Path:
        return self.root / "keeper" / "keeper.db"

    @property
    def keeper_config_file(self) -> Path:
        return self.root / "keeper" / "keeper.toml"

    @property
    def run_dir(self) -> Path:
        return self.root / "run"

    @property
    def admin_socket(self) -> Path:
        return self.run_dir / "admin.sock"

    @property
    def config_file(self) -> Path:
        return self.root / "nightdrop.toml"

    def site_files(self, site_id: str) -> Path:
        """Return the directory that scripts of a site see as their own."""
        return self.root / "sites" / site_id / "files"

    def default_node_key(self) -> Path:
        """Return where the node key lies by default: outside the home, so a copy of the home lacks it."""
        return user_config_dir() / "keys" / f"{self.instance}.key"


def user_config_dir() -> Path:
    """Return the per-user configuration directory (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "nightdrop"


def default_root() -> Path:
    """Return ``$NIGHTDROP_HOME``, else ``./var`` when that is a home, else ``~/.local/share/nightdrop``."""
    if set_root := os.environ.get("NIGHTDROP_HOME"):
        return Path(set_root).absolute()
    local = Path("var")
    if (local / MARKER).exists():
        return local.absolute()
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "nightdrop"


def create_home(root: Path) -> Home:
    """Make an empty home directory, mode 0700.

    Raises:
        HomeExistsError: there is one already.
        HomeNotOursError, HomeReadOnlyError: it cannot be made there.
    """
    if (root / MARKER).exists():
        raise HomeExistsError(f"{root} is a nightdrop home already.")
    home = Home(root.absolute(), secrets.token_hex(8))
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(root)
        root.chmod(0o700)
        for part in (home.app_db.parent, home.keeper_db.parent, home.run_dir, root / "sites"):
            part.mkdir(mode=0o700, exist_ok=True)
        _write_marker(home)
    except OSError:
        raise HomeReadOnlyError(f"{root} cannot be written.") from None
    return home


def _write_marker(home: Home) -> None:
    content = json.dumps({"format": FORMAT, "instance": home.instance}).encode() + b"\n"
    try:
        write_private(home.root / MARKER, content)
    except FileExistsError:
        # Somebody else was faster since we looked.
        raise HomeExistsError(f"{home.root} is a nightdrop home already.") from None


def open_home(root: Path) -> Home:
    """Return an existing home after checking owner, mode and format.

    Raises:
        NoHomeError, HomeNotOursError, HomeReadOnlyError, HomeTooNewError.
    """
    marker = root / MARKER
    try:
        data = json.loads(marker.read_text())
    except FileNotFoundError:
        raise NoHomeError(f"{root} is not a nightdrop home.") from None
    except PermissionError:
        raise HomeNotOursError(f"{root} belongs to another user.") from None
    except (ValueError, OSError):
        raise HomeReadOnlyError(f"{marker} cannot be read.") from None
    if data.get("format", 0) > FORMAT:
        raise HomeTooNewError
    _check_owner(root)
    if not os.access(root, os.W_OK):
        raise HomeReadOnlyError(f"{root} cannot be written.")
    home = Home(root.absolute(), str(data["instance"]))
    try:
        home.run_dir.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        raise HomeReadOnlyError(f"{root} cannot be written.") from None
    return home


def write_private(path: Path, data: bytes) -> None:
    """Create a file of mode 0600 that must not exist yet, and wait until it is on disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _check_owner(root: Path) -> None:
    info = root.stat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        raise HomeNotOursError(f"{root} belongs to another user.")
