"""Signed checkpoints: the stored ones read as they say, and the form is that of C2SP signed notes."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from nightdrop.audit.checkpoint import Checkpoint, Log, Verdict, read_checkpoint
from nightdrop.crypto.notes import NoteInvalidError

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "checkpoints.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vector(vector):
    public = bytes.fromhex(vector["identity"])
    if vector["failure"]:
        with pytest.raises(NoteInvalidError):
            read_checkpoint(vector["note"], public)
        return
    found = read_checkpoint(vector["note"], public)
    assert (found.log, found.size, found.head.hex(), found.at_ms) == tuple(
        vector[key] for key in ("log", "size", "head", "at_ms")
    )


def test_it_verifies_as_the_signed_note_specification_says():
    """By the words of c2sp.org/signed-note alone, without our code."""
    vector = VECTORS[0]
    public = bytes.fromhex(vector["identity"])
    text, signature_line = vector["note"].split("\n\n")
    dash, name, proof = signature_line.rstrip("\n").split(" ")
    assert dash == "\u2014"
    raw = base64.b64decode(proof)
    assert raw[:4] == hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], (text + "\n").encode())
    assert text.split("\n")[0] == name
    assert "+" not in name


@pytest.mark.parametrize(
    ("size", "hash_there", "verdict"),
    [(5, b"h" * 32, "holds"), (9, b"h" * 32, "holds"), (4, None, "cut"), (0, None, "cut"), (5, b"x" * 32, "rewritten")],
)
def test_what_it_says_of_a_log(size, hash_there, verdict):
    assert Checkpoint(Log.KEEPER, 5, b"h" * 32, 0).judge(size, hash_there) == verdict


def test_an_empty_log_may_grow():
    assert Checkpoint(Log.KEEPER, 0, bytes(32), 0).judge(7, None) is Verdict.HOLDS
