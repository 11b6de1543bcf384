"""When a secret stops working, as people write it."""

import time

import click
import pytest

from nightdrop.cli.expiry import EXPIRY, expiry_body, has_expired

MIDNIGHT_MS = 3_981_330_000_000
HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def in_new_york(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "after_ms"),
    [
        ("2096-02-29", 0),
        ("2096-02-29T12:00", 12 * HOUR_MS),
        ("2096-02-29 12:00:30", 12 * HOUR_MS + 30_000),
        ("2096-02-29T12:00Z", 7 * HOUR_MS),
        ("2096-02-29T12:00+01:00", 6 * HOUR_MS),
    ],
)
def test_a_time_is_local_unless_it_says_otherwise(text, after_ms):
    assert EXPIRY.convert(text, None, None) == MIDNIGHT_MS + after_ms


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("90m", 5400), ("12h", 43_200), ("90d", 90 * 86_400), ("2w", 14 * 86_400)]
)
def test_a_time_from_now(text, seconds):
    before = time.time_ns() // 1_000_000
    found = EXPIRY.convert(text, None, None)
    assert before + seconds * 1000 <= found <= time.time_ns() // 1_000_000 + seconds * 1000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "90",
        "d",
        "-1d",
        "1y",
        "1.5d",
        " 1d",
        "1d ",
        "0s",
        "2024-01-01",
        "1969-01-01",
        "2096-13-01",
        "999999999w",
    ],
)
def test_what_is_no_expiry(text):
    with pytest.raises(click.BadParameter) as caught:
        EXPIRY.convert(text, None, None)
    assert len(text) < 4 or text not in caught.value.message


def test_never_is_told_from_not_given():
    assert expiry_body(None) == {}
    assert expiry_body(EXPIRY.convert("never", None, None)) == {"expires_ms": None}
    assert expiry_body(5) == {"expires_ms": 5}


def test_what_has_expired():
    now = time.time_ns() // 1_000_000
    assert [has_expired({"expires_ms": at}) for at in (None, now + 60_000, now, 1)] == [False, False, True, True]
