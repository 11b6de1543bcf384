"""What is told of a directory between two looks; on real files."""

import os

import pytest

from nightdrop.syncjs.files import Files, Roots, watching
from nightdrop.syncjs.files.problem import FileProblem
from nightdrop.syncjs.files.watching import DirectoryWatch, WatchSpec

AT_MS = 1_700_000_000_000


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def time():
    return [1000.0]


@pytest.fixture
def watch(tmp_path, folder, time):
    files = Files(Roots.open(str(tmp_path), []))

    def watch(**spec):
        return DirectoryWatch(files, WatchSpec("in", **spec), lambda: time[0], lambda: AT_MS)

    return watch


def told(watch):
    return [(event.kind, event.path) for event in watch.look()]


def test_what_is_there_already_is_no_event(watch, folder):
    (folder / "old").write_text("x")
    watching = watch()
    assert told(watching) == []
    (folder / "new").touch()
    assert [(event.at_ms, event.kind, event.path) for event in watching.look()] == [(AT_MS, "CREATE", "in/new")]
    assert told(watching) == []


def test_a_new_file_with_something_in_it_is_created_and_written(watch, folder):
    watching = watch()
    (folder / "a").write_text("x")
    assert told(watching) == [("CREATE", "in/a"), ("WRITE", "in/a")]


def test_each_kind_of_change(watch, folder):
    for name in ("written", "touched", "replaced", "moved", "removed", "closed"):
        (folder / name).write_text("x")
    (folder / "directory").mkdir()
    watching = watch()
    (folder / "written").write_text("longer")
    os.utime(folder / "touched", ns=(1, 1))
    stamp = (folder / "replaced").stat()
    (folder / "other").write_text("y")
    os.utime(folder / "other", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    (folder / "other").rename(folder / "replaced")
    (folder / "moved").rename(folder / "elsewhere")
    (folder / "removed").unlink()
    (folder / "closed").chmod(0o600 if (folder / "closed").stat().st_mode & 0o777 != 0o600 else 0o644)
    (folder / "directory" / "inside").write_text("x")
    assert sorted(told(watching)) == [
        ("CHMOD", "in/closed"),
        ("CREATE", "in/elsewhere"),
        ("REMOVE", "in/removed"),
        ("RENAME", "in/moved"),
        ("WRITE", "in/replaced"),
        ("WRITE", "in/touched"),
        ("WRITE", "in/written"),
    ]


def test_a_file_that_becomes_a_directory(watch, folder):
    (folder / "x").write_text("x")
    watching = watch()
    (folder / "x").unlink()
    (folder / "x").mkdir()
    assert told(watching) == [("REMOVE", "in/x"), ("CREATE", "in/x")]


def test_directories_below_only_when_asked_for(watch, folder):
    flat, deep = watch(), watch(recursive=True)
    (folder / "sub").mkdir()
    (folder / "sub" / "a").write_text("x")
    assert told(flat) == [("CREATE", "in/sub")]
    assert told(deep) == [("CREATE", "in/sub"), ("CREATE", "in/sub/a"), ("WRITE", "in/sub/a")]


def test_masks(watch, folder):
    watching = watch(include=("*.csv", "*.txt"), exclude=("draft*",))
    for name in ("a.csv", "b.txt", "c.dat", "draft.csv"):
        (folder / name).touch()
    assert told(watching) == [("CREATE", "in/a.csv"), ("CREATE", "in/b.txt")]


def test_hidden_files_and_files_on_their_way_are_left_out(watch, folder):
    watching = watch(recursive=True)
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "a").touch()
    (folder / ".0123456789abcdef.part").touch()
    (folder / "b.csv.tempfile").touch()
    assert told(watching) == []
    (folder / "b.csv.tempfile").rename(folder / "b.csv")
    assert told(watching) == [("CREATE", "in/b.csv")]


def test_a_delay_tells_of_a_file_once_it_is_left_alone(watch, folder, time):
    watching = watch(delay_s=5)
    (folder / "a").write_text("1")
    (folder / "b").write_text("1")
    assert told(watching) == []
    time[0] += 4
    (folder / "a").write_text("12")
    assert told(watching) == []
    time[0] += 1
    assert told(watching) == [("CREATE", "in/b"), ("WRITE", "in/b")]
    time[0] += 4
    assert told(watching) == [("CREATE", "in/a"), ("WRITE", "in/a")]


def test_a_directory_that_goes_away_and_comes_back(watch, folder):
    (folder / "a").write_text("x")
    watching = watch()
    folder.rename(folder.with_name("away"))
    with pytest.raises(FileProblem, match="does not exist"):
        watching.look()
    folder.with_name("away").rename(folder)
    assert told(watching) == []
    (folder / "a").unlink()
    assert told(watching) == [("REMOVE", "in/a")]


def test_links_are_not_followed(watch, folder, tmp_path):
    watching = watch(recursive=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").touch()
    (folder / "link").symlink_to(tmp_path / "outside")
    assert told(watching) == []


def test_too_many_files_are_a_problem(watch, folder, monkeypatch):
    monkeypatch.setattr(watching, "MAX_ENTRIES", 2)
    for name in "ab":
        (folder / name).touch()
    watched = watch()
    (folder / "c").touch()
    with pytest.raises(FileProblem, match="more than 2 files"):
        watched.look()
