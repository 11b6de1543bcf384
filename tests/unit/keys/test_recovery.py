import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightdrop.keys.recovery import RecoveryKeyInvalidError, parse_recovery_key, print_recovery_key

seeds = st.binary(min_size=32, max_size=32)


def text_of(seed: bytes) -> str:
    return print_recovery_key(seed).reveal().decode()


@given(seeds)
def test_what_is_printed_is_read(seed: bytes) -> None:
    text = text_of(seed)
    for form in (text, text.encode(), bytearray(text.encode()), f"  {text.lower()}\n", text.replace("-", " ")):
        assert parse_recovery_key(form).reveal() == seed


def test_the_form() -> None:
    text = text_of(bytes(32))
    assert text.startswith("NIGHTDROP-RECOVERY-1-0000-0000-")
    assert [len(group) for group in text.removeprefix("NIGHTDROP-RECOVERY-1-").split("-")] == [4] * 14
    assert str(print_recovery_key(bytes(32))) == "***"


@settings(max_examples=200)
@given(seeds, st.integers(0, 55), st.integers(1, 31))
def test_one_wrong_character_is_noticed_and_not_repeated(seed: bytes, index: int, step: int) -> None:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    body = text_of(seed).removeprefix("NIGHTDROP-RECOVERY-1").replace("-", "")
    wrong = body[:index] + alphabet[(alphabet.index(body[index]) + step) % 32] + body[index + 1 :]
    with pytest.raises(RecoveryKeyInvalidError) as caught:
        parse_recovery_key(f"NIGHTDROP-RECOVERY-1{wrong}")
    said = caught.value.message + caught.value.hint + repr(caught.value)
    assert not any(wrong[start : start + 6] in said for start in range(len(wrong) - 5))


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_anything_else_is_refused_by_name(text: str | bytes) -> None:
    with pytest.raises(RecoveryKeyInvalidError):
        parse_recovery_key(text)


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(RecoveryKeyInvalidError):
        parse_recovery_key("NIGHTDROP-RECOVERY-1" + "0" * 1_000_000)


def test_the_input_buffer_is_left_to_its_owner() -> None:
    text = bytearray(text_of(bytes(32)).encode())
    parse_recovery_key(text)
    assert text.startswith(b"NIGHTDROP")
