import json

import pytest

from nightdrop.access.settings import (
    GIB,
    KIB,
    MIB,
    SettingInvalidError,
    SettingUnknownError,
    SiteSettings,
    changed_settings,
    parse_duration,
    parse_settings,
    parse_size,
    shown_settings,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("128MiB", 128 * MIB),
        ("128 mib", 128 * MIB),
        (" 1GiB ", GIB),
        ("64k", 64 * KIB),
        ("2G", 2 * GIB),
        ("1kB", 1000),
        ("5MB", 5_000_000),
        ("17", 17),
        ("17B", 17),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1.5MiB", "1TiB", "1 2", "0x10", "1e6", "\u0661MiB", "1" * 16])
def test_what_is_no_size(text):
    with pytest.raises(SettingInvalidError):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("90", 90), ("5m", 300), ("2h", 7200), ("1h30m", 5400), ("1M5S", 65), (" 7 ", 7)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1.5s", "soon", "1d", "30s5m", "1 m", "\u0661s"])
def test_what_is_no_duration(text):
    with pytest.raises(SettingInvalidError):
        parse_duration(text)


def test_the_defaults():
    defaults = SiteSettings(128 * MIB, 60, 300, 10 * MIB, 64 * MIB, (), (), ())
    assert parse_settings("{}") == defaults
    assert shown_settings(defaults)["egress_deny"] == []


def test_what_is_stored_is_what_was_changed():
    stored = changed_settings(
        "{}", {"wall": "5m", "egress_deny": ["*", "*", " 10.0.0.0/8 "], "egress_allow": "a.example,,b.example"}
    )
    assert json.loads(stored) == {
        "wall": 300,
        "egress_deny": ["*", "10.0.0.0/8"],
        "egress_allow": ["a.example", "b.example"],
    }
    stored = changed_settings(stored, {"cpu": 7.0, "egress_deny": None, "egress_allow": []})
    assert parse_settings(stored) == SiteSettings(wall=300, cpu=7)


def test_a_mail_server():
    given = {"smtp_host": " mail.example.com ", "smtp_port": "465", "smtp_tls": "implicit", "smtp_user": "me"}
    given |= {"smtp_password_secret": "smtp", "smtp_from": "Night <night@example.com>"}
    settings = parse_settings(changed_settings("{}", given))
    assert settings == SiteSettings(**{**given, "smtp_host": "mail.example.com", "smtp_port": 465})
    assert parse_settings(changed_settings("{}", dict.fromkeys(given, ""))) == SiteSettings()


def test_a_setting_of_a_newer_version_is_ignored_and_kept():
    stored = '{"cpu":5,"warp":9}'
    assert parse_settings(stored) == SiteSettings(cpu=5)
    assert json.loads(changed_settings(stored, {"cpu": 6})) == {"cpu": 6, "warp": 9}


@pytest.mark.parametrize(
    ("key", "near"), [("memroy", "memory"), ("egress-allow", "egress_allow"), ("WALL", ""), ("x", "")]
)
def test_an_unknown_setting_names_the_nearest(key, near):
    with pytest.raises(SettingUnknownError) as caught:
        changed_settings("{}", {key: "1"})
    assert near in caught.value.hint
    assert "egress_deny" in caught.value.hint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("memory", "1MiB"),
        ("memory", 0),
        ("memory", True),
        ("memory", 2.5),
        ("memory", [1]),
        ("memory", "lots"),
        ("memory", 10**30),
        ("cpu", "0s"),
        ("wall", "1000h"),
        ("log", "2GiB"),
        ("body", "65MiB"),
        ("egress_allow", "http://example.com"),
        ("egress_allow", "10.0.0.0/33"),
        ("smtp_host", "mail.example.com:25/x"),
        ("smtp_host", "a b"),
        ("smtp_host", 5),
        ("smtp_port", "65536"),
        ("smtp_port", "-1"),
        ("smtp_port", "25s"),
        ("smtp_port", "\u0662\u0665"),
        ("smtp_tls", "tls"),
        ("smtp_tls", ["none"]),
        ("smtp_user", "a\nb"),
        ("smtp_password_secret", "n" * 129),
        ("smtp_password_secret", "\u00e4"),
        ("smtp_from", "night"),
        ("smtp_from", "a@example.com, b@example.com"),
        ("egress_deny", "a b"),
        ("egress_deny", [1]),
        ("egress_deny", {"a": 1}),
        ("egress_deny", 5),
    ],
)
def test_a_bad_value_names_its_setting(key, value):
    with pytest.raises(SettingInvalidError) as caught:
        changed_settings("{}", {key: value})
    assert caught.value.field == key
    assert caught.value.message.startswith(key)
    assert caught.value.hint
