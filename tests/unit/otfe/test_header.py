"""Headers: read strictly, in any pieces, never without bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightdrop.otfe.errors import HeaderError, NotEncryptedError, TooManyRecipientsError, TruncatedError
from nightdrop.otfe.header import MAX_HEADER_BYTES, HeaderReader, Stanza, from_base64, header_size, serialise, to_base64
from nightdrop.otfe.header import stanza_size as size_of

KEY = bytes(16)
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=80)
STANZAS = st.lists(
    st.builds(Stanza, VISIBLE, st.lists(VISIBLE, max_size=3).map(tuple), st.binary(max_size=150)),
    min_size=1,
    max_size=5,
)


@given(STANZAS, st.integers(1, 200), st.binary(max_size=40))
def test_what_is_written_is_read_in_any_pieces(stanzas: list[Stanza], step: int, rest: bytes) -> None:
    data = serialise(stanzas, KEY) + rest
    reader = HeaderReader()
    for start in range(0, len(data), step):
        complete = reader.feed(data[start : start + step])
        if complete is not None:
            header, behind = complete
            assert header.stanzas == stanzas
            assert header.size == len(data) - len(rest)
            assert behind + data[start + step :] == rest
            header.verify(KEY)
            return
    raise AssertionError("the header did not end")


@given(STANZAS)
def test_the_size_is_known_before(stanzas: list[Stanza]) -> None:
    sizes = [
        size_of(stanza.kind, sum(1 + len(text) for text in stanza.arguments), len(stanza.body)) for stanza in stanzas
    ]
    assert header_size(sum(sizes)) == len(serialise(stanzas, KEY))


@given(st.binary(max_size=100))
def test_base64_is_read_back(data: bytes) -> None:
    assert from_base64(to_base64(data)) == data


@pytest.mark.parametrize("text", ["A", "AB", "AA==", "AA=", "A A", "AA\n", "A-", "A_", "é", "AAAAA"])
def test_base64_that_nobody_writes_is_refused(text: str) -> None:
    with pytest.raises(HeaderError):
        from_base64(text)


@pytest.mark.parametrize(
    "endless", [b"A" * 64 + b"\n", b"-> " + b"x" * 1000 + b"\n\n", b"A"], ids=["body", "stanzas", "line"]
)
def test_a_header_without_end_is_refused_and_not_kept(endless: bytes) -> None:
    reader = HeaderReader()
    reader.feed(b"age-encryption.org/v1\n-> X25519 x\n")
    with pytest.raises(HeaderError):
        for _ in range(200_000):
            reader.feed(endless)
    assert len(reader._read) <= MAX_HEADER_BYTES + 1


def test_a_header_of_the_largest_size_is_read_and_no_larger_one_written() -> None:
    def of(size: int) -> list[Stanza]:
        return [Stanza("x" * (size - header_size(size_of("", 0, 0))), (), b"")]

    data = serialise(of(MAX_HEADER_BYTES), KEY)
    assert len(data) == MAX_HEADER_BYTES
    complete = HeaderReader().feed(data + b"rest")
    assert complete is not None
    assert complete[1] == b"rest"
    with pytest.raises(TooManyRecipientsError):
        serialise(of(MAX_HEADER_BYTES + 1), KEY)
    with pytest.raises(HeaderError):
        HeaderReader().feed(data.replace(b"-> x", b"-> xx", 1))


def test_a_plain_file_is_told_at_its_first_byte() -> None:
    with pytest.raises(NotEncryptedError):
        HeaderReader().feed(b"b")
    with pytest.raises(NotEncryptedError):
        HeaderReader().feed(b"age-encryption.orgy")


def test_a_file_that_ends_in_its_header_is_truncated_and_an_empty_one_is_plain() -> None:
    reader = HeaderReader()
    with pytest.raises(NotEncryptedError):
        reader.end()
    reader.feed(b"a")
    with pytest.raises(TruncatedError):
        reader.end()
