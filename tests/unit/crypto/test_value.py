import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightdrop.core.errors import NightdropError
from nightdrop.crypto.value import (
    MAX_VALUE_BYTES,
    ValueEmptyError,
    ValueHasNulError,
    ValueNotTextError,
    ValueTooLargeError,
    check_value,
)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"", ValueEmptyError),
        (b"x" * (MAX_VALUE_BYTES + 1), ValueTooLargeError),
        (b"needle\0", ValueHasNulError),
        (b"\0", ValueHasNulError),
        (b"needle\xff", ValueNotTextError),
        (b"needle\xe2\x82", ValueNotTextError),
    ],
)
def test_what_a_value_may_not_be(value: bytes, error: type[NightdropError]) -> None:
    for form in (value, bytearray(value), memoryview(value)):
        with pytest.raises(error) as caught:
            check_value(form)
        assert caught.value.field == "value"
        assert caught.value.hint
        assert "needle" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("value", [b"x", "é€😀".encode(), b"a\r\n\tb\x7f", "\u20ac".encode() * (MAX_VALUE_BYTES // 3)])
def test_what_a_value_may_be(value: bytes) -> None:
    check_value(value)


def agrees_with_the_decoder(data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        with pytest.raises(ValueNotTextError):
            check_value(data)
    else:
        check_value(data)


@settings(max_examples=500, deadline=None)
@given(st.binary(min_size=1, max_size=12).filter(lambda data: 0 not in data))
def test_text_is_what_the_decoder_says(data: bytes) -> None:
    agrees_with_the_decoder(data)


def test_text_is_what_the_decoder_says_at_every_border() -> None:
    edges = [0x01, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0]
    leads = [*edges, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF]
    for lead in leads:
        agrees_with_the_decoder(bytes([lead]))
        for second in edges:
            agrees_with_the_decoder(bytes([lead, second]))
            for third in (0x7F, 0x80, 0xBF, 0xC0):
                agrees_with_the_decoder(bytes([lead, second, third]))
                for fourth in (0x7F, 0x80, 0xBF, 0xC0):
                    agrees_with_the_decoder(bytes([lead, second, third, fourth]))
