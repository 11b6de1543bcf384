"""Signed notes in the form of C2SP signed-note: a few lines of text, an empty line, a line with the signature.

One signature, Ed25519, by the keeper's identity.
"""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from nightdrop.core.errors import InvalidError
from nightdrop.crypto.identity import SIGNATURE_BYTES, Identity

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_DASH = "\N{EM DASH} "
MAX_NOTE = 4096


class NoteInvalidError(InvalidError):
    """This is not a note that the keeper signed."""

    code = "note_invalid"
    hint = "Use the whole output of: nightdrop audit checkpoint"


def sign_note(identity: Identity, name: str, text: str) -> str:
    """Return ``text``, which ends with a line break, as a signed note.

    ``name`` names the key; it has no space and no plus sign.
    """
    signature = identity.sign(text.encode())
    proof = base64.b64encode(_key_id(name, identity.public) + signature).decode("ascii")
    return f"{text}\n{_DASH}{name} {proof}\n"


def read_note(note: str, name: str, identity_public: bytes) -> str:
    """Return the text of a signed note.

    Raises:
        NoteInvalidError: not a note, or not signed by this identity under this name.
    """
    text, _, signed = note.rpartition("\n\n")
    text += "\n"
    start = f"{_DASH}{name} "
    if len(note) > MAX_NOTE or not signed.startswith(start) or not signed.endswith("\n") or signed.count("\n") != 1:
        raise NoteInvalidError
    try:
        proof = base64.b64decode(signed[len(start) : -1], validate=True)
        if len(proof) != _KEY_ID_BYTES + SIGNATURE_BYTES or proof[:_KEY_ID_BYTES] != _key_id(name, identity_public):
            raise NoteInvalidError
        Ed25519PublicKey.from_public_bytes(identity_public).verify(proof[_KEY_ID_BYTES:], text.encode())
    except (binascii.Error, InvalidSignature, ValueError):
        raise NoteInvalidError from None
    return text


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_KEY_ID_BYTES]
