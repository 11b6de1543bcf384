import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nightdrop.crypto.identity import fingerprint
from nightdrop.keys import pins

FIRST, SECOND = fingerprint(b"first"), fingerprint(b"second")
TARGET = "https://drop.example"


@pytest.fixture(autouse=True)
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "nightdrop" / "known-keepers.json"


def test_the_first_meeting_is_remembered(known: Path) -> None:
    assert pins.check(TARGET, FIRST) is True
    assert pins.check(TARGET, FIRST) is False
    assert json.loads(known.read_text()) == {TARGET: FIRST}
    assert stat.S_IMODE(known.stat().st_mode) == 0o600


def test_another_keeper_is_refused_and_the_hint_says_what_it_means(known: Path) -> None:
    pins.pin(TARGET, FIRST)
    with pytest.raises(pins.PinMismatchError) as caught:
        pins.check(TARGET, SECOND)
    error = caught.value
    assert FIRST in error.message
    assert SECOND in error.message
    assert "installation was made anew" in error.hint
    assert "somebody stands between" in error.hint
    assert str(known) in error.hint
    assert json.loads(known.read_text()) == {TARGET: FIRST}


def test_targets_are_apart() -> None:
    pins.check(TARGET, FIRST)
    assert pins.check("https://other.example", SECOND) is True
    assert pins.check(TARGET, FIRST) is False


def test_pin_accepts_another_keeper_on_purpose() -> None:
    pins.pin(TARGET, FIRST)
    pins.pin(TARGET, SECOND)
    assert pins.check(TARGET, SECOND) is False


@pytest.mark.parametrize("wrong", ["", "SHA256:", "sha256:" + FIRST[7:], FIRST + "=", FIRST[:-1], FIRST + "\n"])
def test_what_is_no_fingerprint_is_refused(known: Path, wrong: str) -> None:
    for use in (pins.pin, pins.check):
        with pytest.raises(pins.FingerprintInvalidError):
            use(TARGET, wrong)
    assert not known.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', "\xff"])
def test_a_damaged_file_does_not_make_strangers_welcome(known: Path, content: str) -> None:
    known.parent.mkdir()
    known.write_text(content, encoding="latin-1")
    with pytest.raises(pins.PinsUnreadableError):
        pins.check(TARGET, FIRST)
    assert known.read_text(encoding="latin-1") == content


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(pins.PinsUnreadableError):
        pins.check(TARGET, FIRST, tmp_path / "file" / "known.json")


def test_a_link_in_place_of_the_new_file_is_not_followed(known: Path, tmp_path: Path) -> None:
    known.parent.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("kept")
    known.with_suffix(".new").symlink_to(victim)
    with pytest.raises(pins.PinsUnreadableError):
        pins.pin(TARGET, FIRST)
    assert victim.read_text() == "kept"


def test_meetings_at_the_same_time_are_all_remembered(known: Path) -> None:
    targets = [f"https://{number}.example" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda target: pins.check(target, FIRST), targets))
    assert set(json.loads(known.read_text())) == set(targets)
    assert sorted(path.name for path in known.parent.iterdir()) == ["known-keepers.json", "known-keepers.lock"]


def test_an_earlier_epoch_than_the_highest_met_is_refused(tmp_path):
    path = tmp_path / "known-epochs.json"
    for epoch in (1, 1, 3, 3):
        pins.check_epoch("home:/a", "site_1", epoch, path)
    pins.check_epoch("home:/a", "site_2", 1, path)
    pins.check_epoch("home:/b", "site_1", 1, path)
    for epoch in (1, 2):
        with pytest.raises(pins.EpochRolledBackError) as caught:
            pins.check_epoch("home:/a", "site_1", epoch, path)
        assert str(path) in caught.value.hint
    pins.check_epoch("home:/a", "site_1", 4, path)
    path.write_text('{"home:/a site_1": "four"}')
    with pytest.raises(pins.PinsUnreadableError):
        pins.check_epoch("home:/a", "site_1", 4, path)
