"""The identity that this home knows its keepers by, in ``keeper/identity``: a database cannot bring in another one.

Seeds are sealed to public keys, so whoever writes to the database could seal an identity of their own to every node and
sign a list of recipients with it. The file lies where only the keeper looks.
"""

from pathlib import Path

from nightdrop.core.errors import UnavailableError
from nightdrop.core.home import write_private

FILE = "identity"


class IdentityReplacedError(UnavailableError):
    """The database has another identity than the one that this home knows."""

    code = "identity_replaced"
    hint = (
        "Somebody changed the keeper's schema, or it is another installation's. Compare `nightdrop key show` with the"
        " fingerprint that init printed, on every host, and restore the schema from a backup."
    )


def check_identity(path: Path, fingerprint: str) -> None:
    """Compare ``fingerprint`` with the one in the file ``path``; the first one is written there.

    Raises:
        IdentityReplacedError: it is another one, or the file cannot be used.
    """
    try:
        known = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        known = ""
    except (OSError, UnicodeDecodeError):
        raise IdentityReplacedError(f"{path} cannot be read.") from None
    if not known:
        _write(path, fingerprint)
    elif known != fingerprint:
        raise IdentityReplacedError


def _write(path: Path, fingerprint: str) -> None:
    try:
        path.unlink(missing_ok=True)
        write_private(path, f"{fingerprint}\n".encode())
    except OSError:
        raise IdentityReplacedError(f"{path} cannot be written.") from None
