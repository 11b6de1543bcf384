"""What every client does with files on their way."""

import os

import pytest

from remote_backends import Work, listing

SIZES = [0, 1, 32 * 1024, 256 * 1024 - 1, 256 * 1024, 1024 * 1024, 1024 * 1024 + 1, 5_000_000]


def test_files_of_any_size_arrive_whole(work: Work) -> None:
    files = {f"{size}.bin": os.urandom(size) for size in SIZES}
    for name, data in files.items():
        work.write(f"out/{name}", data)
    assert work.client.Upload(work.at("out/*"), work.at("in")) is True, work.lines()
    assert {name: work.there(f"in/{name}") for name in work.names("in")} == files
    assert work.client.Download(work.at("in/*.bin"), work.at("back")) is True, work.lines()
    assert {name: work.read(f"back/{name}") for name in files} == files
    assert f"uploaded {len(SIZES)} files" in work.lines("info")
    assert f"downloaded {len(SIZES)} files" in work.lines("info")


def test_a_mask_selects_files_of_one_directory(work: Work) -> None:
    for name in ("a.csv", "b.csv", "c.txt", "sub/d.csv"):
        work.write(name)
        work.put(f"there/{name}")
    assert work.client.Upload(work.at("*.csv"), work.at("up"))
    assert work.names("up") == ["a.csv", "b.csv"]
    assert work.client.Download(work.at("there/*.csv"), work.at("down"))
    assert listing(work.local / "down") == ["a.csv", "b.csv"]


def test_a_recursive_mask_keeps_the_directories(work: Work) -> None:
    for name in ("a.csv", "x.txt", "one/b.csv", "one/two/c.csv"):
        work.write(f"tree/{name}", name.encode())
    assert work.client.UploadR(work.at("tree/*.csv"), work.at("up")), work.lines()
    assert work.there("up/one/two/c.csv") == b"one/two/c.csv"
    assert (work.names("up"), work.names("up/one")) == (["a.csv", "one"], ["b.csv", "two"])
    assert work.client.DownloadR(work.at("up/*"), work.at("down")), work.lines()
    found = sorted(str(path.relative_to(work.local / "down")) for path in (work.local / "down").rglob("*.*"))
    assert found == ["a.csv", "one/b.csv", "one/two/c.csv"]


@pytest.mark.parametrize(("levels", "expected"), [(0, "f"), (1, "c/f"), (2, "b/c/f")])
def test_with_path_keeps_the_last_directories(work: Work, levels: int, expected: str) -> None:
    work.write("a/b/c/f", b"1")
    work.put("a/b/c/f", b"2")
    assert work.client.UploadWithPath(work.at("a/b/c/f"), work.at("up"), levels), work.lines()
    assert work.there(f"up/{expected}") == b"1"
    assert work.client.DownloadWithPath(work.at("a/b/c/f"), work.at("down"), levels), work.lines()
    assert work.read(f"down/{expected}") == b"2"


def test_with_path_keeps_all_directories_unless_told(work: Work) -> None:
    work.write("a/b/f", b"1")
    assert work.client.UploadWithPath(work.at("a/b/f"), work.at("up"))
    assert work.there(f"up/{work.at('a/b/f')}") == b"1"


def test_no_match_is_no_failure_but_a_missing_file_is(work: Work) -> None:
    assert work.client.Upload(work.at("*.none"), work.at("up")) is True
    assert work.client.Download(work.at("*.none"), work.at("down")) is True
    assert work.lines("warn").count("no file fits *.none") == 2
    assert work.client.Upload(work.at("none"), work.at("up")) is False
    assert work.client.Download(work.at("none"), work.at("down")) is False
    assert work.client.UploadWithPath(work.at("none"), work.at("up"), 1) is False
    assert work.client.DownloadWithPath(work.at("none"), work.at("down"), 1) is False
    assert work.lines("error").count("no such file") == 4


def test_a_local_path_does_not_lead_out(work: Work) -> None:
    outside = work.client.local.parent / "outside"
    outside.write_bytes(b"1")
    (work.local / "link").symlink_to(outside)
    (work.local / "up").symlink_to(work.client.local.parent)
    for path in ("../outside", work.at("link"), work.at("up/outside"), "a/../../outside"):
        assert work.client.Upload(path, work.at("in")) is False, path
    work.put("stolen", b"2")
    for folder in ("..", work.at("up"), work.at("sub/../../..")):
        assert work.client.Download(work.at("stolen"), folder) is False, folder
    assert not (work.client.local.parent / "stolen").exists()
    assert not work.remote.exists(work.at("in/outside"))
    work.put("link", b"new")
    work.options(DownloadPolicy=1)
    assert work.client.Download(work.at("link"), work.at("")) is True
    assert outside.read_bytes() == b"1"
    assert work.read("link") == b"new"


def test_what_goes_on_is_told_with_file_and_reason(work: Work) -> None:
    work.write("a", b"1")
    work.put("in/a/sub")
    work.options(UploadPolicy=1)
    assert work.client.Upload(work.at("a"), work.at("in")) is False
    [line] = [line for line in work.lines("error").splitlines() if "uploaded" not in line]
    assert work.at("a") in line
    assert work.remote.exists(work.at("in/a/sub"))


@pytest.mark.parametrize("policy", [0, 1, 2, 3])
def test_many_files_go_by_the_same_rules_as_one(work: Work, policy: int) -> None:
    for n in range(60):
        work.write(f"from/{n}", b"source", mtime=1_700_000_000)
    work.put("to/1", b"longer target", mtime=1_600_000_000)
    work.put("to/2", b"target", mtime=1_600_000_000)
    work.put("to/3", b"target", mtime=1_800_000_000)
    work.put("to/4/directory")
    work.options(UploadPolicy=policy)
    assert work.client.Upload(work.at("from/*"), work.at("to")) is False
    assert work.at("from/4") in work.lines("error")
    assert "1 failed" in work.lines("error")
    written = {0: [], 1: ["1", "2", "3"], 2: ["1"], 3: ["1", "2"]}[policy]
    assert [name for name in ("1", "2", "3") if work.there(f"to/{name}") == b"source"] == written
    assert all(work.there(f"to/{n}") == b"source" for n in range(5, 60))
    assert work.remote.mtime(work.at("to/59")) == 1_700_000_000
