"""The list of keys that seeds are sealed to, signed: whoever can write the keeper's database cannot add one."""

from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from nightdrop.crypto.identity import Identity
from nightdrop.crypto.info import join_fields

RECIPIENTS_LABEL = b"nightdrop/recipients/v1"


def sign_recipients(identity: Identity, recipients: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the 64-byte signature over the whole list of (kind, public key); their order does not matter."""
    return identity.sign(_message(recipients))


def recipients_signed(identity_public: bytes, signature: bytes, recipients: Iterable[tuple[str, bytes]]) -> bool:
    """Tell whether this identity signed exactly this list: nobody added, nobody missing, no kind changed."""
    try:
        Ed25519PublicKey.from_public_bytes(identity_public).verify(signature, _message(recipients))
    except (InvalidSignature, ValueError):
        return False
    return True


def _message(recipients: Iterable[tuple[str, bytes]]) -> bytes:
    # The list as a whole: with a signature each, one could be taken away without a trace.
    fields = [join_fields(kind.encode(), public_key) for kind, public_key in recipients]
    return join_fields(RECIPIENTS_LABEL, *sorted(fields))
