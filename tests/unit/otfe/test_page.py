"""The page of formats says what the code does."""

from pathlib import Path

from nightdrop.otfe import errors, hybrid, x25519
from nightdrop.otfe.header import MAX_HEADER_BYTES
from nightdrop.otfe.keys import parse_key
from nightdrop.otfe.scrypt import MAX_WORK_FACTOR, WORK_FACTOR
from nightdrop.otfe.sizes import CHUNK_BYTES

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text()
SECTION = " ".join(PAGE[PAGE.index("\n## Encrypted files") : PAGE.index("\n## Audit chain")].split())


def test_it_has_every_failure_of_a_file() -> None:
    for kind in errors.OtfeError.__subclasses__():
        # A size alone is no file.
        if kind is not errors.SizeError:
            assert f"`{kind.code}`" in SECTION


def test_it_has_the_numbers() -> None:
    one = parse_key(x25519.generate())
    many = parse_key(hybrid.generate())
    per_one, per_many = one.recipients[0].stanza_bytes, many.recipients[0].stanza_bytes
    assert f"header has {one.header_bytes - per_one} bytes and {per_one} for each recipient" in SECTION
    assert f"with post-quantum ones {many.header_bytes - per_many} and {per_many} for each" in SECTION
    assert f"with a passphrase {parse_key('secret').header_bytes}." in SECTION
    assert f"larger than {MAX_HEADER_BYTES} bytes" in SECTION
    assert f"n / {CHUNK_BYTES} rounded up" in SECTION
    assert f"work factor {WORK_FACTOR} | up to work factor {MAX_WORK_FACTOR} in scripts" in SECTION
