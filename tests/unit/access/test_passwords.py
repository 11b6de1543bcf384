"""Passwords: which are taken, and their hashes."""

import hashlib

import pytest

from nightdrop.access.passwords import (
    COST,
    Cost,
    Hasher,
    PasswordCommonError,
    PasswordNotTextError,
    PasswordTooLongError,
    PasswordTooShortError,
    check_password,
)

LONG = "".join(hashlib.sha512(bytes([n])).hexdigest() for n in range(8))
CHEAP = Cost(memory_kib=8, passes=1, lanes=1)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "x7Kq92mLpz01",
        "Zw\u00f6lf Boxk\u00e4mpfer jagen Viktor",
        "\u5bc6\u7801\u662f\u4e00\u4e2a\u5f88\u957f\u7684\u53e5\u5b50\u5427\u5bf9",
        LONG,
        " lmzq vohd tbxr ",
    ],
)
def test_what_is_taken(password):
    check_password(password, "bob")


@pytest.mark.parametrize(
    ("password", "error"),
    [
        ("", PasswordTooShortError),
        ("x7Kq92mLpz0", PasswordTooShortError),
        # Eleven characters, however they are composed.
        ("x7Kq92mLpzo\u0308", PasswordTooShortError),
        (LONG + "x", PasswordTooLongError),
        ("x" * 10_000_000, PasswordTooLongError),
        ("x7Kq92mLpz01\ud800", PasswordNotTextError),
    ],
    ids=["empty", "11", "11-composed", "1025", "huge", "surrogate"],
)
def test_what_has_not_the_form(password, error):
    with pytest.raises(error) as caught:
        check_password(password, "bob", field="new")
    assert caught.value.field == "new"
    assert not password or password not in str(caught.value)


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password1234",
        "qwertyuiop12",
        "1q2w3e4r5t6y",
        "123456789012",
        "aaaaaaaaaaaaaaaaaaaa",
        "iloveyou12345",
        "letmein123456",
        "administrator1",
        "p4ssw0rdp4ssw0rd",
        "abcabcabcabcabc",
        "nightdropnightdrop",
        "annika.example",
        "Annika.Example1",
        "elpmaxe.akinna",
    ],
)
def test_what_is_easily_guessed(password):
    with pytest.raises(PasswordCommonError):
        check_password(password, "annika.example")


def test_a_hash_says_how_it_was_made_and_fits_its_password_alone():
    hasher = Hasher(CHEAP)
    stored = hasher.hash("x7Kq92mLpz01")
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert stored != hasher.hash("x7Kq92mLpz01")
    assert hasher.verify("x7Kq92mLpz01", stored)
    for wrong in ("", "x7Kq92mLpz0", "x7Kq92mLpz01 ", "X7Kq92mLpz01", "x7Kq92mLpz01\0", "\ud800"):
        assert not hasher.verify(wrong, stored)
    assert not hasher.verify("x7Kq92mLpz01", None)


def test_one_password_in_two_forms_of_unicode():
    hasher = Hasher(CHEAP)
    assert hasher.verify("Z\u00fcrich", hasher.hash("Zu\u0308rich"))
    # Compatibility characters are others: NFC, not NFKC, or two passwords would be one.
    assert not hasher.verify("file", hasher.hash("\ufb01le"))


def test_a_hash_of_other_parameters_is_outdated():
    stored = Hasher(CHEAP).hash("x")
    assert not Hasher(CHEAP).is_outdated(stored)
    assert Hasher().is_outdated(stored)
    assert Hasher(CHEAP).is_outdated("")


def test_the_real_parameters_work():
    """At least the first recommendation of OWASP for one lane: 46 MiB and one pass."""
    assert COST.memory_kib >= 47_104
    hasher = Hasher()
    stored = hasher.hash("x7Kq92mLpz01")
    assert hasher.verify("x7Kq92mLpz01", stored)
    assert not hasher.is_outdated(stored)
    assert not hasher.verify("x7Kq92mLpz01", None)


def test_nothing_prints_a_password():
    from nightdrop.access.sign_in import Attempt

    attempt = Attempt("name-needle", "needle", "needle", "needle")
    assert "needle" not in repr(attempt)
