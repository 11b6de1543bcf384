import os
import stat
from pathlib import Path

import pytest

from nightdrop.core.errors import NightdropError
from nightdrop.core.redacted import RedactedBytes
from nightdrop.keys.custody import (
    Custody,
    NodeKeyExistsError,
    NodeKeyExposedError,
    NodeKeyInvalidError,
    NodeKeyMissingError,
    NodeKeyNotStoredError,
)
from nightdrop.keys.custody_file import FileCustody

SEED = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "node.key"


@pytest.fixture
def stored(path: Path) -> FileCustody:
    custody = FileCustody(path)
    custody.store(RedactedBytes(SEED))
    return custody


def refused(custody: FileCustody, error: type[NightdropError]) -> None:
    with pytest.raises(error) as caught:
        custody.load()
    assert str(custody.path) in caught.value.message
    assert caught.value.hint
    assert [type(problem) for problem in custody.check()] == [error]


def test_what_is_stored_is_loaded(stored: FileCustody) -> None:
    custody: Custody = stored
    assert custody.name == "file"
    assert custody.load().reveal() == SEED
    assert custody.check() == []


def test_the_file_is_private(stored: FileCustody) -> None:
    assert stat.S_IMODE(stored.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(stored.path.parent.stat().st_mode) == 0o700
    assert stored.path.read_text().startswith("NIGHTDROP-NODE-1-")


def test_a_key_is_never_overwritten(stored: FileCustody) -> None:
    before = stored.path.read_bytes()
    with pytest.raises(NodeKeyExistsError):
        stored.store(RedactedBytes(bytes(32)))
    assert stored.path.read_bytes() == before


def test_a_link_is_not_followed_when_storing(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    target = tmp_path / "elsewhere"
    path.symlink_to(target)
    with pytest.raises(NodeKeyExistsError):
        FileCustody(path).store(RedactedBytes(SEED))
    assert not target.exists()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NodeKeyNotStoredError):
        FileCustody(tmp_path / "file" / "node.key").store(RedactedBytes(SEED))


def test_no_key(path: Path) -> None:
    refused(FileCustody(path), NodeKeyMissingError)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_key_that_others_may_open_is_refused(stored: FileCustody, mode: int) -> None:
    stored.path.chmod(mode)
    refused(stored, NodeKeyExposedError)


def test_a_key_of_another_owner_is_refused(stored: FileCustody, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: stored.path.stat().st_uid + 1)
    refused(stored, NodeKeyExposedError)


def test_a_link_is_refused(stored: FileCustody) -> None:
    real = stored.path.rename(stored.path.with_suffix(".real"))
    stored.path.symlink_to(real)
    refused(stored, NodeKeyExposedError)


def test_a_directory_is_refused(path: Path) -> None:
    path.mkdir(parents=True, mode=0o700)
    refused(FileCustody(path), NodeKeyInvalidError)


def test_a_named_pipe_is_refused_without_waiting(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path, 0o600)
    refused(FileCustody(path), NodeKeyInvalidError)


@pytest.mark.parametrize("change", ["", "NIGHTDROP-NODE-1", "x" * 5000])
def test_a_file_of_something_else_is_refused(stored: FileCustody, change: str) -> None:
    stored.path.write_text(change)
    refused(stored, NodeKeyInvalidError)


def test_every_cut_and_a_changed_character_are_noticed(stored: FileCustody) -> None:
    whole = stored.path.read_bytes()
    changed = whole[:20] + (b"7" if whole[20:21] != b"7" else b"8") + whole[21:]
    for content in (whole[:-2], whole[: len(whole) // 2], whole + b"0000", changed):
        stored.path.write_bytes(content)
        with pytest.raises(NodeKeyInvalidError) as caught:
            stored.load()
        assert whole[20:40].decode() not in str(caught.value) + repr(caught.value)


def test_a_directory_that_others_may_write_is_a_problem(stored: FileCustody) -> None:
    stored.path.parent.chmod(0o770)
    assert [problem.code for problem in stored.check()] == ["node_key_exposed"]
