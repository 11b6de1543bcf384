"""RFC 6238, appendix B (SHA-1), shortened to six digits, and what surrounds it."""

import base64

import pytest

from nightdrop.access.totp import (
    matching_step,
    new_recovery_codes,
    new_totp_key,
    recovery_hash,
    shown_key,
    totp_uri,
)

KEY = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")],
)
def test_the_codes_of_the_standard(seconds, code):
    assert matching_step(KEY, code, seconds * 1000) == seconds // 30
    for drift in (-30, 30):
        assert matching_step(KEY, code, (seconds + drift) * 1000) == seconds // 30
    assert matching_step(KEY, code, (seconds + 90) * 1000) is None
    assert seconds < 90 or matching_step(KEY, code, (seconds - 90) * 1000) is None


@pytest.mark.parametrize("typed", ["287 082", " 287082\n", "2 8 7 0 8 2", "\u2003287082"])
def test_spaces_do_not_matter(typed):
    assert matching_step(KEY, typed, 59_000) == 1


@pytest.mark.parametrize(
    "typed", ["", " ", "28708", "2870820", "-287082", "287O82", "\u0662\u0668\u0667\u0660\u0668\u0662"]
)
def test_anything_else_is_no_code(typed):
    assert matching_step(KEY, typed, 59_000) is None


def test_a_key_is_as_long_as_the_hash_and_shown_as_apps_take_it():
    key = new_totp_key()
    assert len(key) == 20
    shown = shown_key(key)
    assert base64.b32decode(shown + "=" * (-len(shown) % 8)) == key
    assert totp_uri(KEY, "a@b+c") == (
        "otpauth://totp/nightdrop:a%40b%2Bc?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=nightdrop"
    )


def test_recovery_codes():
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) == 16 for code in codes)
    assert recovery_hash(codes[0]) == recovery_hash(f" {codes[0].upper().replace('-', ' ')}")
    assert recovery_hash(codes[0]) != recovery_hash(codes[1])
    assert recovery_hash("\ud800")
