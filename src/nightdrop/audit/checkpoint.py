"""Checkpoints: how long an audit log was at some time and how its last entry hashed, signed by the keeper.

Kept where whoever cuts the log cannot reach, a checkpoint shows that entries are missing or were written anew.
The form is that of C2SP tlog-checkpoint; the hash is the head of our chain, not the root of a Merkle tree.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from nightdrop.crypto.identity import Identity
from nightdrop.crypto.notes import NoteInvalidError, read_note, sign_note

_TEXT = re.compile(
    r"nightdrop/(keeper|site)/([0-9a-f]{16})\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\ntime ([0-9]{1,15})\n"
)


class Log(StrEnum):
    """Which audit log: what the keeper and runs did (keeper.db), or what people did (app.db)."""

    KEEPER = "keeper"
    SITE = "site"


class Verdict(StrEnum):
    """What a checkpoint says about a log."""

    HOLDS = "holds"
    CUT = "cut"
    REWRITTEN = "rewritten"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log had ``size`` entries, the last one with the hash ``head``, at ``at_ms`` (milliseconds since the epoch)."""

    log: Log
    size: int
    head: bytes
    at_ms: int

    def sign(self, identity: Identity, chain: str = "") -> str:
        """Return the signed note; ``chain`` tells the logs of several keepers apart."""
        name = note_name(self.log, identity.public, chain)
        head = base64.b64encode(self.head).decode("ascii")
        return sign_note(identity, name, f"{name}\n{self.size}\n{head}\ntime {self.at_ms}\n")

    def judge(self, size: int, hash_there: bytes | None) -> Verdict:
        """Judge a log that has ``size`` entries now, and ``hash_there`` as the hash of entry number ``self.size``."""
        if size < self.size:
            return Verdict.CUT
        return Verdict.HOLDS if self.size == 0 or hash_there == self.head else Verdict.REWRITTEN


def read_checkpoint(note: str, identity_public: bytes, chain: str = "") -> Checkpoint:
    """Return the checkpoint of a signed note; of a keeper's log, the one that is called ``chain``.

    Raises:
        NoteInvalidError: not a checkpoint, or not signed by this keeper.
    """
    found = _TEXT.match(note)
    if found is None:
        raise NoteInvalidError
    log = Log(found[1])
    text = read_note(note, note_name(log, identity_public, chain), identity_public)
    if _TEXT.fullmatch(text) is None:
        raise NoteInvalidError
    try:
        return Checkpoint(log, int(found[3]), base64.b64decode(found[4], validate=True), int(found[5]))
    except binascii.Error:
        raise NoteInvalidError from None


def note_name(log: Log, identity_public: bytes, chain: str = "") -> str:
    """Return the first line of a log's checkpoints, which is also the name of the key that signs them."""
    whose = identity_public + (chain.encode() if log is Log.KEEPER else b"")
    return f"nightdrop/{log}/{hashlib.sha256(whose).hexdigest()[:16]}"
