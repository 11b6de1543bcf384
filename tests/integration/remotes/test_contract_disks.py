"""What clients do with links and special files, which only servers with a disk have."""

import os

import pytest

from remote_backends import DISKS, Work

pytestmark = pytest.mark.parametrize("backend", DISKS, indirect=True, scope="module")


def test_a_tree_is_deleted_and_links_out_of_it_are_not_followed(work: Work) -> None:
    work.put("keep/precious", b"1")
    work.put("tree/a/b/c")
    (work.disk / "tree/link").symlink_to(work.disk / "keep")
    if "broken links" not in work.lacks:
        (work.disk / "tree/a/broken").symlink_to("missing")
    assert work.client.DelTree(work.at("tree")) is True, work.lines()
    assert work.names() == ["keep"]
    assert work.there("keep/precious") == b"1"
    assert work.client.DelTree(work.at("tree")) is False


def test_links_count_as_what_they_lead_to_but_are_not_walked_into(work: Work) -> None:
    work.put("real/file", b"1234")
    (work.disk / "real/link").symlink_to("file")
    (work.disk / "real/loop").symlink_to(work.disk / "real")
    listed = {item["Name"]: item["Type"] for item in work.client.ListDir(work.at("real"))}
    assert listed == {"file": "FILE", "link": "FILE", "loop": "DIR"}
    assert len(work.client.ListDirR(work.at("real"))) == 3
    assert work.client.DownloadR(work.at("real/*"), work.at("back")), work.lines()
    assert sorted(path.name for path in (work.local / "back").rglob("*")) == ["file", "link"]
    assert work.read("back/link") == b"1234"


def test_special_files_are_not_transferred(work: Work) -> None:
    os.mkfifo(work.local / "pipe")
    os.mkfifo(work.disk / "pipe")
    assert work.client.Upload(work.at("pipe"), work.at("in")) is False
    assert work.client.Upload(work.at("*"), work.at("in")) is True
    assert work.client.DownloadWithPath(work.at("pipe"), work.at("back"), 0) is False
    assert not (work.local / "back/pipe").exists()
