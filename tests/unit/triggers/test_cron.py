from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from nightdrop.triggers.cron import CronError, CronNeverError, ZoneUnknownError, next_time, upcoming


def ms(text, zone="UTC", fold=0):
    time = datetime.fromisoformat(text)
    time = time if time.tzinfo else time.replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(time.timestamp() * 1000)


def utc(times):
    return [datetime.fromtimestamp(time / 1000, UTC).strftime("%m-%dT%H:%M") for time in times]


def test_the_next_five_times():
    assert utc(upcoming("30 7 * * 1-5", "UTC", ms("2026-11-26T08:00"), 5)) == [
        "11-27T07:30",
        "11-30T07:30",
        "12-01T07:30",
        "12-02T07:30",
        "12-03T07:30",
    ]


def test_a_time_that_is_now_is_over():
    assert next_time("0 8 * * *", "UTC", ms("2026-11-26T08:00")) == ms("2026-11-27T08:00")
    assert next_time("0 8 * * *", "UTC", ms("2026-11-26T08:00") - 1) == ms("2026-11-26T08:00")


@pytest.mark.parametrize(
    ("zone", "before", "skipped", "right_after"),
    [
        ("Europe/Berlin", "2026-03-28T12:00", "30 2 * * *", "2026-03-29T01:00+00:00"),
        ("America/New_York", "2026-03-07T12:00", "30 2 * * *", "2026-03-08T07:00+00:00"),
        ("Australia/Sydney", "2026-10-03T12:00", "30 2 * * *", "2026-10-03T16:00+00:00"),
        ("Australia/Lord_Howe", "2026-10-03T12:00", "15 2 * * *", "2026-10-03T15:30+00:00"),
        ("Africa/Cairo", "2026-04-23T12:00", "30 0 * * *", "2026-04-23T22:00+00:00"),
    ],
)
def test_a_time_that_spring_skips_runs_right_after_the_gap(zone, before, skipped, right_after):
    first, second = upcoming(skipped, zone, ms(before, zone), 2)
    assert first == ms(right_after)
    minute, hour = (int(part) for part in skipped.split()[:2])
    local = datetime.fromtimestamp(second / 1000, ZoneInfo(zone))
    assert (local.hour, local.minute) == (hour, minute)
    assert second - first < 25 * 3_600_000


@pytest.mark.parametrize(
    ("zone", "before", "repeated", "first_time"),
    [
        ("Europe/Berlin", "2026-10-24T12:00", "30 2 * * *", "2026-10-25T00:30+00:00"),
        ("America/New_York", "2026-10-31T12:00", "30 1 * * *", "2026-11-01T05:30+00:00"),
        ("Australia/Sydney", "2026-04-04T12:00", "30 2 * * *", "2026-04-04T15:30+00:00"),
        ("Australia/Lord_Howe", "2026-04-04T12:00", "45 1 * * *", "2026-04-04T14:45+00:00"),
    ],
)
def test_a_time_that_autumn_repeats_runs_once(zone, before, repeated, first_time):
    first, second = upcoming(repeated, zone, ms(before, zone), 2)
    assert first == ms(first_time)
    assert second - first > 23 * 3_600_000


@pytest.mark.parametrize(("zone", "day"), [("Europe/Berlin", "2026-10-25"), ("Europe/Berlin", "2026-03-29")])
def test_every_half_hour_is_every_half_hour_of_real_time(zone, day):
    times = upcoming("*/30 * * * *", zone, ms(f"{day}T00:00", zone), 20)
    assert {later - earlier for earlier, later in pairwise(times)} == {1_800_000}


def test_the_29th_of_february_is_in_years_that_have_it():
    assert utc(upcoming("0 0 29 2 *", "UTC", ms("2026-11-26T00:00"), 1)) == ["02-29T00:00"]


@pytest.mark.parametrize("name", ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"])
def test_names(name):
    assert next_time(name, "UTC", ms("2026-11-26T08:10")) > ms("2026-11-26T08:10")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "60 * * * *",
        "a b c d e",
        "0 0 30 2 *",
        "* * * * * * *",
        "0 0 " + "1," * 200 + "1 * *",
        "@reboot",
        "0 0 * * *\0",
    ],
)
def test_what_is_no_expression_is_refused(expression):
    with pytest.raises(CronError) as caught:
        next_time(expression, "UTC", 0)
    assert caught.value.field == "cron"
    assert expression == "" or expression not in caught.value.message


def test_a_day_that_never_comes_is_refused():
    with pytest.raises((CronNeverError, CronError)):
        next_time("0 0 31 2,4,6,9,11 *", "UTC", 0)


@pytest.mark.parametrize("zone", ["", "Berlin", "Europe/berlin", "../etc/passwd", "/etc/localtime", "a\0b"])
def test_what_is_no_zone_is_refused(zone):
    with pytest.raises(ZoneUnknownError):
        next_time("* * * * *", zone, 0)
