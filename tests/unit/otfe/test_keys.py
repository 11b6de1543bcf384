"""Keys of files: Bech32, what opens what, what is never shown, and sizes."""

import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightdrop.core.errors import NightdropError
from nightdrop.core.redacted import RedactedBytes
from nightdrop.otfe import bech32, hybrid, keys, x25519
from nightdrop.otfe.errors import (
    KeyEmptyError,
    KeyFormError,
    NoIdentityError,
    ScryptMemoryError,
    SizeError,
    TooManyRecipientsError,
    WorkFactorError,
)
from nightdrop.otfe.header import MAX_HEADER_BYTES, Stanza, to_base64
from nightdrop.otfe.keys import (
    OtfeKey,
    identities_key,
    parse_identity,
    parse_key,
    parse_recipient,
    passphrase_key,
    recipients_key,
)
from nightdrop.otfe.scrypt import Passphrase
from nightdrop.otfe.sizes import CHUNK_BYTES, encrypted_size, plain_size

# The same in every process: tests are named after them.
ONE, TWO = (bech32.encode(x25519.IDENTITY_PREFIX, bytes([number]) * 32).upper() for number in (1, 2))
HYBRID = bech32.encode(hybrid.IDENTITY_PREFIX, bytes([3]) * 32).upper()


def recipient_of(identity: str) -> str:
    return str(parse_identity(identity).recipient)


def quick(text: str) -> OtfeKey:
    """A passphrase that costs nothing."""
    made = Passphrase(RedactedBytes(text.encode()), work_factor=4)
    return OtfeKey((made,), (made,))


def sealed(key: OtfeKey, content: bytes = b"content") -> bytes:
    encryptor = key.encryptor()
    return encryptor.update(content) + encryptor.finish()


def opened(key: OtfeKey, file: bytes) -> bytes:
    decryptor = key.decryptor()
    return decryptor.update(file) + decryptor.finish()


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20), st.binary(max_size=60))
def test_bech32_is_read_back_in_both_cases(prefix: str, data: bytes) -> None:
    text = bech32.encode(prefix.lower(), data)
    assert bech32.decode(text) == (prefix.lower(), data)
    assert bech32.decode(text.upper()) == (prefix.lower(), data)


# BIP 173: valid strings, and invalid ones. Those whose data is no whole number of bytes are no data for us.
@pytest.mark.parametrize("text", ["A12UEL5L", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "?1ezyfcl"])
def test_bech32_knows_the_examples(text: str) -> None:
    prefix, data = bech32.decode(text)
    assert bech32.encode(prefix, data) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "pzry9x0s0muk",
        "1pzry9x0s0muk",
        "x1b4n0q5v",
        "li1dgmt3",
        "A1G7SGD8",
        "10a06t8",
        "1qzzfhee",
        "aAge1",
        "a12uel5é",
    ],
)
def test_bech32_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"Bech32|checksum"):
        bech32.decode(text)


def test_bech32_refuses_mixed_case_and_bits_that_are_left_over() -> None:
    text = bech32.encode("age", bytes(32))
    with pytest.raises(ValueError, match="Bech32"):
        bech32.decode(text.replace("a", "A", 1))
    # 52 groups of 5 bits are 32 bytes and 4 bits, which are zero; 51 are 31 bytes and a whole group that is too much.
    for values in ([0] * 51 + [1], [0] * 51):
        check = bech32._polymod([*bech32._expand("age"), *values, *[0] * 6]) ^ 1
        groups = values + [check >> 5 * (5 - index) & 31 for index in range(6)]
        with pytest.raises(ValueError, match="padding"):
            bech32.decode("age1" + "".join(bech32._ALPHABET[group] for group in groups))


@given(st.integers(0, 61), st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l1b"))
def test_no_mistyped_recipient_is_taken(place: int, char: str) -> None:
    text = recipient_of(ONE)
    wrong = text[:place] + char + text[place + 1 :]
    if wrong != text:
        with pytest.raises(KeyFormError):
            parse_recipient(wrong)


@pytest.mark.parametrize(
    ("writer", "reader"),
    [
        (ONE, ONE),
        (recipient_of(ONE), ONE),
        (f"{recipient_of(TWO)} {recipient_of(ONE)}", ONE),
        (f"{ONE} {recipient_of(TWO)}", TWO),
        (ONE, f"{TWO} {ONE}"),
        (HYBRID, HYBRID),
        (recipient_of(HYBRID), HYBRID),
    ],
)
def test_what_opens_what(writer: str, reader: str) -> None:
    assert opened(parse_key(reader), sealed(parse_key(writer))) == b"content"


def test_a_passphrase_opens_what_it_wrote() -> None:
    assert opened(quick("secret"), sealed(quick("secret"))) == b"content"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_one_line_break_does_not_belong_to_a_passphrase(ending: str) -> None:
    file = sealed(quick("secret"))
    assert opened(passphrase_key("secret" + ending), file) == b"content"
    with pytest.raises(Exception, match="other keys"):
        opened(passphrase_key("secret" + ending + ending), file)


def test_a_recipient_decrypts_nothing() -> None:
    key = parse_key(recipient_of(ONE))
    assert not key.can_decrypt
    with pytest.raises(NoIdentityError):
        key.decryptor()
    with pytest.raises(NoIdentityError):
        identities_key(recipient_of(ONE))


def test_an_identity_is_no_recipient_and_a_key_no_passphrase() -> None:
    with pytest.raises(KeyFormError, match="identity, not a recipient"):
        recipients_key([ONE])
    with pytest.raises(KeyFormError, match="not a passphrase"):
        passphrase_key(ONE)


PARTS = ["age1", "AGE-SECRET-KEY-1", "age1pq1", "\n", " ", ",", "#", "q", "1", "\0", "\ud800", ONE, recipient_of(TWO)]


@given(st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=8)), max_size=8).map("".join))
def test_any_text_is_a_key_or_a_failure_with_a_code(text: str) -> None:
    try:
        found = "key" if parse_key(text).recipients else "nothing"
    except NightdropError as error:
        found = error.code
    assert found == "key" or found.startswith("otfe_key_")


@pytest.mark.parametrize("text", ["", " ", "\n", "# only a comment\n"])
def test_nothing_is_never_a_key(text: str) -> None:
    for read in (parse_key, passphrase_key, identities_key, lambda given: recipients_key([given])):
        if text.startswith("#") and read is not identities_key:
            continue
        with pytest.raises(KeyEmptyError):
            read(text)
    with pytest.raises(KeyEmptyError):
        recipients_key([])


def test_there_are_no_more_recipients_than_a_header_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    one = parse_key(ONE)
    most = (MAX_HEADER_BYTES - one.header_bytes) // one.recipients[0].stanza_bytes + 1
    assert most > 600
    assert opened(one, sealed(OtfeKey([one.recipients[0]] * most, ()))) == b"content"
    with pytest.raises(TooManyRecipientsError):
        OtfeKey([one.recipients[0]] * (most + 1), ()).encryptor()
    # Already when a key is read, so that a run does not find out with its first file.
    monkeypatch.setattr(keys, "MAX_HEADER_BYTES", one.header_bytes)
    assert recipients_key([recipient_of(ONE)]).recipients
    with pytest.raises(TooManyRecipientsError):
        recipients_key([recipient_of(ONE), recipient_of(TWO)])


@pytest.mark.parametrize("factor", ["21", "100", "9" * 5000])
def test_a_work_factor_that_is_too_high_is_not_tried(factor: str) -> None:
    stanza = Stanza("scrypt", (to_base64(bytes(16)), factor), bytes(32))
    with pytest.raises(WorkFactorError):
        passphrase_key("secret").identities[0].unwrap([stanza])


def test_too_little_memory_for_a_passphrase_has_an_error() -> None:
    held = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + 100 * 1024 * 1024, held[1]))
    try:
        with pytest.raises(ScryptMemoryError):
            passphrase_key("secret").encryptor()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, held)


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * 4096


@pytest.mark.parametrize("text", [ONE, HYBRID, "secret passphrase"])
def test_nothing_shows_a_key(text: str) -> None:
    key = parse_key(text)
    shown = " ".join([repr(key), str(key), *(f"{one!r}" for one in [*key.identities, *key.recipients])])
    assert text not in shown
    assert "secret" not in shown.lower().replace("age-secret", "")


@pytest.mark.parametrize("text", [ONE, f"{ONE} {recipient_of(TWO)}", HYBRID])
@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_the_size_of_a_file_is_known_before(text: str, size: int) -> None:
    key = parse_key(text)
    assert len(sealed(key, bytes(size))) == key.encrypted_size(size)
    assert key.plain_size(key.encrypted_size(size)) == size


def test_the_size_of_a_file_with_a_passphrase_is_known_before() -> None:
    assert len(sealed(quick("secret"))) == quick("secret").encrypted_size(7)
    # The usual work factor has one digit more.
    assert passphrase_key("secret").header_bytes == quick("secret").header_bytes + 1


@given(st.integers(0, 2**50), st.integers(100, MAX_HEADER_BYTES))
def test_sizes_go_both_ways(plain: int, header: int) -> None:
    assert plain_size(encrypted_size(plain, header), header) == plain


@pytest.mark.parametrize("payload", [0, 15, 65552 + 1, 65552 + 15, 65552 + 16, 2 * 65552 + 16])
def test_sizes_between_those_of_files_are_refused(payload: int) -> None:
    with pytest.raises(SizeError):
        plain_size(168 + 16 + payload, 168)


@given(st.integers(0, 300_000))
def test_a_size_is_one_of_a_file_or_refused(size: int) -> None:
    try:
        plain = plain_size(size, 168)
    except SizeError:
        assert all(encrypted_size(near, 168) != size for near in range(max(0, size - 400), size))
    else:
        assert encrypted_size(plain, 168) == size
