"""The public test vectors of the format (CCTV), and the files of another implementation with post-quantum keys."""

import base64
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from nightdrop.core.errors import NightdropError
from nightdrop.otfe import hybrid
from nightdrop.otfe.decrypt import Decryptor
from nightdrop.otfe.keys import parse_identity, parse_key, passphrase_key
from node import run_module

# What of ours is one class of theirs. A stanza that gives a low-order share, or the identity itself, opens nothing here.
ALLOWED = {
    "header failure": {
        *("otfe_header", "otfe_version", "otfe_truncated", "otfe_not_encrypted", "otfe_work_factor", "otfe_wrong_key"),
    },
    "HMAC failure": {"otfe_header_changed"},
    "no match": {"otfe_wrong_key"},
    "payload failure": {"otfe_damaged", "otfe_truncated", "otfe_trailing"},
    "armor failure": {"otfe_armored", "otfe_not_encrypted"},
}
# A key for the vectors that have none.
ANY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"


@dataclass
class Vector:
    name: str
    fields: dict[str, list[str]]
    file: bytes

    @property
    def expected(self) -> str:
        return self.fields["expect"][0]

    def decrypt(self) -> bytes:
        identities = [parse_identity(text) for text in self.fields.get("identity", [])]
        passphrases = [passphrase_key(text).identities[0] for text in self.fields.get("passphrase", [])]
        decryptor = Decryptor([*identities, *passphrases] or [parse_identity(ANY)])
        return decryptor.update(self.file) + decryptor.finish()


def parsed(name: str, data: bytes) -> Vector:
    head, _, file = data.partition(b"\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.decode().splitlines():
        key, _, value = line.partition(": ")
        fields.setdefault(key, []).append(value)
    assert fields.get("compressed", ["zlib"]) == ["zlib"]
    return Vector(name, fields, zlib.decompress(file) if "compressed" in fields else file)


@pytest.fixture(scope="module")
def vectors() -> list[Vector]:
    source = """
        import * as files from "cctv-age"
        const coded = Object.entries(files).map(([name, data]) => [name, Buffer.from(data).toString("base64")])
        console.log(JSON.stringify(Object.fromEntries(coded)))
    """
    return [parsed(name, base64.b64decode(text)) for name, text in run_module(source).items()]


def test_there_are_vectors_of_each_class(vectors: list[Vector]) -> None:
    counts = Counter(vector.expected for vector in vectors)
    assert counts.keys() == {"success", *ALLOWED}
    assert len(vectors) > 140


def test_good_files_open(vectors: list[Vector]) -> None:
    good = [each for each in vectors if each.expected == "success" and "armored" not in each.fields]
    wrong = [each.name for each in good if hashlib.sha256(each.decrypt()).hexdigest() != each.fields["payload"][0]]
    assert (len(good), wrong) == (19, [])


def failures(vectors: list[Vector]) -> Iterator[tuple[str, str, str]]:
    for vector in vectors:
        if vector.expected != "success" and "armored" not in vector.fields:
            try:
                vector.decrypt()
            except NightdropError as error:
                yield vector.name, vector.expected, error.code
            else:
                yield vector.name, vector.expected, "opened"


def test_bad_files_fail_in_their_class(vectors: list[Vector]) -> None:
    assert [each for each in failures(vectors) if each[2] not in ALLOWED[each[1]]] == []


def test_the_text_form_is_told_from_a_plain_file(vectors: list[Vector]) -> None:
    armored = [each for each in vectors if each.file.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")]
    assert len(armored) > 20
    for vector in armored:
        with pytest.raises(NightdropError) as caught:
            vector.decrypt()
        assert caught.value.code == "otfe_armored"


SIZES = [0, 1, 65535, 65536, 65537]


def test_post_quantum_files_go_both_ways() -> None:
    identity = hybrid.generate()
    key = parse_key(identity)
    contents = [bytes(size) for size in SIZES]
    ours = [(encryptor := key.encryptor()).update(content) + encryptor.finish() for content in contents]
    source = """
        import { Decrypter, Encrypter, identityToRecipient } from "age-encryption"
        import { text } from "node:stream/consumers"
        const given = JSON.parse(await text(process.stdin))
        const decrypter = new Decrypter()
        decrypter.addIdentity(given.identity)
        const opened = []
        for (const file of given.ours) opened.push((await decrypter.decrypt(Buffer.from(file, "base64"))).length)
        const recipient = await identityToRecipient(given.identity)
        const theirs = []
        for (const size of given.sizes) {
            const encrypter = new Encrypter()
            encrypter.addRecipient(recipient)
            theirs.push(Buffer.from(await encrypter.encrypt(new Uint8Array(size))).toString("base64"))
        }
        console.log(JSON.stringify({ recipient, opened, theirs }))
    """
    coded = [base64.b64encode(file).decode() for file in ours]
    done = run_module(source, {"identity": identity, "sizes": SIZES, "ours": coded})
    assert done["recipient"] == str(key.recipients[0])
    assert done["opened"] == SIZES
    for text, content in zip(done["theirs"], contents, strict=True):
        decryptor = key.decryptor()
        assert decryptor.update(base64.b64decode(text)) + decryptor.finish() == content
