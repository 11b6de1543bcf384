"""Bearer credentials: random text that its holder shows, and of which only a hash is kept."""

import hashlib
import secrets

# 256 bits: nobody guesses one, so a fast hash is enough and nothing needs to slow a guess down.
_BYTES = 32
_MAX_LENGTH = 100


def new_bearer(prefix: str = "") -> str:
    """Return a fresh credential."""
    return prefix + secrets.token_urlsafe(_BYTES)


def bearer_hash(shown: str) -> bytes:
    """Return what is stored of a credential, and looked up by."""
    return hashlib.sha256(shown[: _MAX_LENGTH + 1].encode("utf-8", "replace")).digest()
