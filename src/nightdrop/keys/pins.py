"""Known keepers: which identity a server had when it was first met, as ``known_hosts`` does for SSH.

One JSON object ``{target: fingerprint}``, mode 0600, replaced in one step.
"""

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from nightdrop.core.errors import DeniedError, InvalidError, UnavailableError
from nightdrop.core.home import user_config_dir

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


class PinMismatchError(DeniedError):
    """The keeper is not the one that was known under this address."""

    code = "pin_mismatch"


class EpochRolledBackError(DeniedError):
    """The server offers a key of the site that was replaced by a later one."""

    code = "epoch_rolled_back"


class FingerprintInvalidError(InvalidError):
    """This is not a fingerprint."""

    code = "fingerprint_invalid"
    hint = "A fingerprint is SHA256: and 43 characters, as init prints it."


class PinsUnreadableError(UnavailableError):
    """The file of known keepers cannot be used."""

    code = "pins_unreadable"
    hint = "Put it right, or remove it: every keeper then counts as met for the first time, so compare fingerprints."


def pins_file() -> Path:
    """Return where the known keepers of this user are kept."""
    return user_config_dir() / "known-keepers.json"


def epochs_file() -> Path:
    """Return where the highest epochs met by this user are kept."""
    return user_config_dir() / "known-epochs.json"


def pinned(target: str, path: Path | None = None) -> str | None:
    """Return the fingerprint that is known for ``target``.

    Raises:
        PinsUnreadableError
    """
    return _read(path or pins_file()).get(target)


def pin(target: str, fingerprint: str, path: Path | None = None) -> None:
    """Remember ``fingerprint`` for ``target`` (an address), replacing what was known: accepting on purpose.

    Raises:
        FingerprintInvalidError, PinsUnreadableError.
    """
    path = path or pins_file()
    _check_fingerprint(fingerprint)
    with _locked(path):
        _write(path, _read(path) | {target: fingerprint})


def check(target: str, fingerprint: str, path: Path | None = None) -> bool:
    """Compare ``fingerprint`` with the one known for ``target``; the first one met is remembered.

    Returns:
        ``True`` when this was the first meeting: tell the person, so that they can compare.

    Raises:
        PinMismatchError: another keeper answers there now.
        FingerprintInvalidError, PinsUnreadableError.
    """
    path = path or pins_file()
    _check_fingerprint(fingerprint)
    with _locked(path):
        known = _read(path)
        if target not in known:
            _write(path, known | {target: fingerprint})
            return True
    if known[target] != fingerprint:
        raise PinMismatchError(
            f"The keeper of {target} has the fingerprint {fingerprint}, but {known[target]} was known.",
            hint=(
                "Either the installation was made anew, or somebody stands between you and it and would read what"
                " you send. Ask its administrator for the fingerprint that init printed, over another way. Only"
                f" if it is the new one, remove the entry of {target} from {path} and repeat."
            ),
        )
    return False


def check_epoch(target: str, site_id: str, epoch: int, path: Path | None = None) -> None:
    """Compare the epoch of a site's key with the highest one met at ``target``, and remember it when it is higher.

    A key of an earlier epoch is signed as well, but it was destroyed, perhaps because others know it.

    Raises:
        EpochRolledBackError: an earlier one is offered.
        PinsUnreadableError
    """
    path = path or epochs_file()
    where = f"{target} {site_id}"
    with _locked(path):
        known = _read(path)
        highest = known.get(where, "0")
        if not (highest.isascii() and highest.isdigit()):
            raise PinsUnreadableError(f"The file {path} cannot be read.")
        if epoch < int(highest):
            raise EpochRolledBackError(
                f"The server offers the site's key of epoch {epoch}, and had one of epoch {highest} before.",
                hint="Do not send the value. If a backup from before the rotation was restored on purpose, remove the"
                f" line of this site from {path}.",
            )
        if epoch > int(highest):
            _write(path, known | {where: str(epoch)})


def _check_fingerprint(fingerprint: str) -> None:
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise FingerprintInvalidError


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    # A file of its own: the lock must outlive the replacement of the file it protects.
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        raise PinsUnreadableError(f"The directory {path.parent} cannot be written.") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _read(path: Path) -> dict[str, str]:
    try:
        known = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise PinsUnreadableError(f"The file {path} cannot be read.") from None
    # A damaged file must not make every keeper a stranger again: that would accept anybody.
    if not isinstance(known, dict) or not all(isinstance(value, str) for value in known.values()):
        raise PinsUnreadableError(f"The file {path} cannot be read.")
    return known


def _write(path: Path, known: dict[str, str]) -> None:
    new = path.with_suffix(".new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(new, flags, 0o600), "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        raise PinsUnreadableError(f"The file {path} cannot be written.") from None
