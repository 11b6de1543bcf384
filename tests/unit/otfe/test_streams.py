"""Files in pieces: any cut of the input gives the same, and nothing that is not authentic comes out."""

import os
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightdrop.core.errors import NightdropError
from nightdrop.otfe import x25519
from nightdrop.otfe.coder import Coder
from nightdrop.otfe.decrypt import Decryptor
from nightdrop.otfe.encrypt import Encryptor
from nightdrop.otfe.errors import (
    DamagedError,
    KeyEmptyError,
    NoIdentityError,
    OtfeError,
    TrailingDataError,
    TruncatedError,
)
from nightdrop.otfe.keys import parse_key
from nightdrop.otfe.sizes import CHUNK_BYTES, SEALED_CHUNK_BYTES

KEY = parse_key(x25519.generate())
CONTENT = os.urandom(3 * CHUNK_BYTES + 100)
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 100]


def through(coder: Coder, data: bytes, cuts: list[int]) -> bytes:
    """Send ``data`` in pieces; check that never more is written than was announced."""
    result = b""
    for start, end in pairwise([0, *sorted(cuts), len(data)]):
        room = coder.room_for(end - start)
        got = coder.update(data[start:end])
        assert len(got) <= room
        result += got
    return result + coder.finish()


def sealed(content: bytes) -> bytes:
    return through(KEY.encryptor(), content, [])


def opened(data: bytes, cuts: list[int] | None = None) -> bytes:
    return through(KEY.decryptor(), data, cuts or [])


FILE = sealed(CONTENT)
HEAD = KEY.header_bytes + 16
BORDERS = [HEAD + number * SEALED_CHUNK_BYTES for number in range(4)]


def cuts_of(size: int) -> st.SearchStrategy[list[int]]:
    near = [place for border in (CHUNK_BYTES, SEALED_CHUNK_BYTES, HEAD) for place in (border - 1, border, border + 1)]
    return st.lists(
        st.one_of(st.integers(0, size), st.sampled_from([n for n in near if n <= size] or [0])), max_size=12
    )


@given(st.data(), st.sampled_from(SIZES))
def test_any_cut_of_the_content_gives_a_file_of_it(data: st.DataObject, size: int) -> None:
    file = through(KEY.encryptor(), CONTENT[:size], data.draw(cuts_of(size)))
    assert len(file) == KEY.encrypted_size(size)
    assert opened(file) == CONTENT[:size]


@given(cuts_of(len(FILE)))
def test_any_cut_of_the_file_gives_its_content(cuts: list[int]) -> None:
    assert opened(FILE, cuts) == CONTENT


def test_one_byte_at_a_time() -> None:
    content = CONTENT[:300]
    file = through(KEY.encryptor(), content, list(range(300)))
    assert opened(file, list(range(len(file)))) == content


@given(cuts_of(len(FILE)), st.integers(0, len(FILE) - 1))
def test_any_cut_of_a_shorter_file_fails(cuts: list[int], size: int) -> None:
    with pytest.raises(NightdropError) as caught:
        opened(FILE[:size], [cut for cut in cuts if cut <= size])
    allowed = {"otfe_not_encrypted"} if size == 0 else {"otfe_truncated", "otfe_damaged"}
    assert caught.value.code in allowed


@given(cuts_of(len(FILE)), st.integers(0, len(FILE) * 8 - 1))
def test_a_flipped_bit_fails_and_what_came_before_is_authentic(cuts: list[int], bit: int) -> None:
    changed = bytearray(FILE)
    changed[bit // 8] ^= 1 << bit % 8
    decryptor = KEY.decryptor()
    came = b""
    with pytest.raises(NightdropError):
        for start, end in pairwise([0, *sorted(cuts), len(changed)]):
            came += decryptor.update(changed[start:end])
        came += decryptor.finish()
    whole = max(0, bit // 8 - HEAD) // SEALED_CHUNK_BYTES * CHUNK_BYTES
    assert CONTENT.startswith(came)
    assert len(came) <= whole


PARTS = [
    b"-> ",
    b"--- ",
    b"X25519",
    b"scrypt",
    b" ",
    b"\n",
    b"A" * 43,
    b"A" * 64,
    b"\xff",
    b"18",
    FILE[:HEAD],
    FILE[22:120],
]


@given(st.lists(st.one_of(st.sampled_from(PARTS), st.binary(max_size=5)), max_size=12).map(b"".join))
def test_anything_else_is_a_failure_with_a_code(data: bytes) -> None:
    with pytest.raises(OtfeError):
        opened(FILE[:22] + data)


@pytest.mark.parametrize("number", range(4))
def test_a_file_cut_at_a_border_is_truncated(number: int) -> None:
    with pytest.raises(TruncatedError):
        opened(FILE[: BORDERS[number]])


@pytest.mark.parametrize("size", [CHUNK_BYTES, 2 * CHUNK_BYTES])
def test_a_file_that_ends_at_a_border_is_whole_only_with_all_of_it(size: int) -> None:
    file = sealed(CONTENT[:size])
    assert opened(file) == CONTENT[:size]
    with pytest.raises(TruncatedError):
        opened(file[:-SEALED_CHUNK_BYTES])


@pytest.mark.parametrize("size", [CHUNK_BYTES, 2 * CHUNK_BYTES])
@pytest.mark.parametrize("more", [b"x", bytes(SEALED_CHUNK_BYTES), None], ids=["byte", "chunk", "file"])
def test_data_after_a_full_last_chunk_is_trailing(size: int, more: bytes | None) -> None:
    file = sealed(CONTENT[:size])
    with pytest.raises(TrailingDataError):
        opened(file + (file if more is None else more))


@pytest.mark.parametrize(
    "order",
    [[1, 0, 2, 3], [0, 2, 1, 3], [0, 0, 1, 2, 3], [0, 1, 1, 2, 3], [0, 1, 2, 2, 3], [0, 2, 3], [1, 2, 3], [3], [0, 3]],
    ids=str,
)
def test_chunks_in_another_order_are_damage(order: list[int]) -> None:
    chunks = [FILE[start:end] for start, end in pairwise([*BORDERS, len(FILE)])]
    with pytest.raises(DamagedError):
        opened(FILE[:HEAD] + b"".join(chunks[number] for number in order))


def test_chunks_of_another_file_are_damage() -> None:
    with pytest.raises(DamagedError):
        opened(FILE[: BORDERS[1]] + sealed(CONTENT)[BORDERS[1] :])


def test_an_empty_last_chunk_after_others_is_damage() -> None:
    # Only a writer with the key can make it: of an encryptor that counts its last chunk as one that others follow.
    encryptor = KEY.encryptor()
    file = encryptor.update(CONTENT[: CHUNK_BYTES + 1])
    encryptor._pieces._filled = 0
    with pytest.raises(DamagedError):
        opened(file + encryptor.finish())


def test_a_buffer_holds_nothing_of_a_chunk_that_failed() -> None:
    changed = bytearray(FILE)
    changed[BORDERS[1] + 5] ^= 1
    decryptor = KEY.decryptor()
    out = bytearray(decryptor.room_for(len(changed)))
    with pytest.raises(DamagedError):
        decryptor.update_into(changed, out)
    assert out[:CHUNK_BYTES] == CONTENT[:CHUNK_BYTES]
    assert not any(out[CHUNK_BYTES:])


def test_after_a_failure_nothing_goes_on() -> None:
    decryptor = KEY.decryptor()
    with pytest.raises(NightdropError):
        decryptor.update(b"plain text")
    for call in (lambda: decryptor.update(FILE), decryptor.finish):
        with pytest.raises(ValueError, match="failed"):
            call()


@pytest.mark.parametrize("coder", [KEY.encryptor, KEY.decryptor])
def test_a_finished_file_takes_no_more(coder: object) -> None:
    made: Coder = coder()  # type: ignore[operator]
    made.update(FILE)
    made.finish()
    for call in (lambda: made.update(b"x"), made.finish):
        with pytest.raises(ValueError, match="finished"):
            call()


def test_nobody_encrypts_to_nobody_or_decrypts_with_nothing() -> None:
    with pytest.raises(KeyEmptyError):
        Encryptor([])
    with pytest.raises(NoIdentityError):
        Decryptor([])


def test_two_files_of_one_content_share_nothing() -> None:
    one, two = sealed(CONTENT), sealed(CONTENT)
    # The kinds of the stanzas are the same, their shares and bodies are not.
    assert one[40:80] != two[40:80]
    assert one[HEAD - 16 : HEAD] != two[HEAD - 16 : HEAD]
    assert one[HEAD:] != two[HEAD:]


@pytest.mark.parametrize("coder", [KEY.encryptor, KEY.decryptor], ids=["encrypt", "decrypt"])
def test_memory_does_not_grow_with_the_file(coder: object) -> None:
    made: Coder = coder()  # type: ignore[operator]
    source: Coder = KEY.encryptor() if made.room_for(0) == 0 else made
    block = bytes(256 * 1024)
    peaks = []
    tracemalloc.start()
    try:
        for _ in range(3):
            tracemalloc.reset_peak()
            for _ in range(40):
                data = source.update(block)
                if source is not made:
                    made.update(data)
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert max(peaks) < 3 * 1024 * 1024
    assert peaks[2] <= peaks[1] * 1.05
