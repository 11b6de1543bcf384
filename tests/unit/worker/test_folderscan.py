"""What is seen of a watched folder: files in it, and nothing that a link or a name leads to."""

import os

import pytest

from nightdrop.access.settings import SiteSettings
from nightdrop.triggers.folders import Stamp, Watched
from nightdrop.triggers.model import Trigger
from nightdrop.triggers.settings import FolderSettings, TriggerSettingsError
from nightdrop.worker import folderscan
from nightdrop.worker.folderscan import ScanError, scan


def watched(path, paths=(), **settings):
    given = FolderSettings(path=path, **settings)
    trigger = Trigger("trg_1", "site_1", "scr_1", "s", "", given, True, 1, 1, "x", None, None, None, None)
    return Watched(trigger, SiteSettings(paths=paths))


def look(path, root, **more):
    return scan(watched(path, **more), root, lambda _: None)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "files"
    for name in ("in/a.csv", "in/b.txt", "in/deep/c.csv", "in/deep/er/d.csv", "in/.hidden", "in/.dir/e.csv"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "in/f.csv.tempfile").write_text("x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.csv").write_text("x")
    return root


def test_files_with_their_size_and_time(root):
    os.utime(root / "in/a.csv", ns=(1, 12345))
    found = look("in", root)
    assert found.keys() == {"a.csv", "b.txt"}
    assert found["a.csv"] == Stamp(8, 12345)
    assert look("in/", root, pattern="*.csv").keys() == {"a.csv"}
    assert look("./in/./deep", root).keys() == {"c.csv"}
    assert look("in", root, pattern="*.csv", recursive=True).keys() == {"a.csv", "deep/c.csv", "deep/er/d.csv"}


def test_links_lead_nowhere(root, tmp_path):
    (root / "in/link.csv").symlink_to(tmp_path / "outside/secret.csv")
    (root / "in/linked").symlink_to(tmp_path / "outside")
    (root / "other").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "in/pipe.csv")
    assert "secret.csv" not in str(look("in", root, recursive=True))
    assert "link.csv" not in look("in", root)
    assert "pipe.csv" not in look("in", root)
    with pytest.raises(ScanError, match="too many levels of symbolic links"):
        look("other", root)


def test_directories_of_the_host_only_when_the_site_has_them(root, tmp_path):
    outside = str(tmp_path / "outside")
    assert look(outside, root, paths=(f"{outside}:ro",)).keys() == {"secret.csv"}
    for paths in ((), (f"{outside}x",), (f"{outside}/secret.csv/deeper",)):
        with pytest.raises(ScanError, match="in none of the directories"):
            look(outside, root, paths=paths)
    with pytest.raises(ScanError, match="cannot be used: it is closed"):
        scan(watched(outside, paths=(outside,)), root, lambda _: "it is closed")


def test_what_is_wrong_is_said(root, monkeypatch):
    with pytest.raises(ScanError, match="no such file or directory"):
        look("missing", root)
    with pytest.raises(ScanError, match="not a directory"):
        look("in/a.csv", root)
    monkeypatch.setattr(folderscan, "MAX_FILES", 1)
    with pytest.raises(ScanError, match="more than 1 files"):
        look("in", root)


@pytest.mark.parametrize("path", ["..", "in/../..", "a\x00b", "a\nb"])
def test_a_path_that_leads_upwards_is_refused(path, root):
    with pytest.raises(TriggerSettingsError):
        FolderSettings(path=path).check()
    with pytest.raises((ScanError, ValueError)):
        look(path, root)
