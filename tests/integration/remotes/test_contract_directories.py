"""What every client does with directories and single files."""

import pytest

from remote_backends import Work


def paths(items: list[dict[str, object]]) -> list[object]:
    return [item["Path"] for item in items]


def test_a_listing_tells_name_path_type_size_and_time(work: Work) -> None:
    work.put("in/a.csv", b"12345", mtime=1_700_000_000)
    work.put("in/sub/b.txt", b"1")
    folder, file = sorted(work.client.ListDir(work.at("in"), 0), key=lambda item: item["Type"])
    assert (folder["Name"], folder["Type"], folder["Path"]) == ("sub", "DIR", work.at("in/sub"))
    assert (file["Name"], file["Type"], file["Size"]) == ("a.csv", "FILE", 5)
    # Listings without facts are to the minute or the day.
    assert abs(file["TimeStamp"] / 1000 - 1_700_000_000) < 86_400
    assert file["Permissions"] == ("" if "permissions" in work.lacks else "rw-r--r--")
    assert work.client.Stat(work.at("in/a.csv"))["TimeStamp"] == 1_700_000_000_000


def test_listings_are_filtered_by_type_and_mask(work: Work) -> None:
    for name in ("a.csv", "b.txt", "deep/c.csv", "deep/deeper/d.csv", ".hidden"):
        work.put(name)
    here = work.client
    assert paths(here.ListDir(work.at(""), 1)) == [work.at(name) for name in (".hidden", "a.csv", "b.txt")]
    assert paths(here.ListDir(work.at(""), 2)) == [work.at("deep")]
    assert len(here.ListDir(work.at(""))) == 4
    assert paths(here.ListDirR(work.at(""), 2)) == [work.at("deep"), work.at("deep/deeper")]
    assert len(here.ListDirR(work.at(""), 0)) == 7
    assert paths(here.ListFiles(work.at(""), "*.csv")) == [work.at("a.csv")]
    assert paths(here.ListFilesR(work.at(""), "*.csv")) == [
        work.at("a.csv"),
        work.at("deep/c.csv"),
        work.at("deep/deeper/d.csv"),
    ]
    assert paths(here.ListFiles(work.at(""), "[ab].???")) == [work.at("a.csv"), work.at("b.txt")]


@pytest.mark.parametrize("method", ["ListDir", "ListDirR", "ListFiles", "ListFilesR"])
def test_a_directory_that_is_not_there_lists_as_nothing_and_says_so(work: Work, method: str) -> None:
    second = "*" if "Files" in method else 0
    assert getattr(work.client, method)(work.at("nowhere"), second) == []
    assert f"{method} {work.at('nowhere')}: " in work.lines("error")


def test_an_empty_directory_lists_as_nothing_and_says_nothing(work: Work) -> None:
    assert work.client.ListDir(work.at("")) == []
    assert work.lines() == ""


def test_names_with_spaces_wildcards_and_other_letters(work: Work) -> None:
    names = ["with space.txt", "-rf", "[x]*?.txt", "grüße.txt", "日本.txt", "a -> b", "100%.txt", 'it\'s "q".txt']
    for name in names:
        work.put(f"in/{name}", name.encode())
    assert sorted(item["Name"] for item in work.client.ListFiles(work.at("in"), "*")) == sorted(names)
    assert work.client.Download(work.at("in/*"), work.at("in")), work.lines()
    assert {name: work.read(f"in/{name}").decode() for name in names} == {name: name for name in names}
    assert work.client.Upload(work.at("in/*"), work.at("again")), work.lines()
    assert work.names("again") == sorted(names)


def test_directories_are_made_with_their_parents(work: Work) -> None:
    assert work.client.MakeDir(work.at("a/b/c")) is True
    assert work.client.MakeDir(work.at("a/b/c/")) is True
    assert work.names("a/b") == ["c"]
    work.put("file")
    assert work.client.MakeDir(work.at("file/sub")) is False
    assert f"MakeDir {work.at('file/sub')}: " in work.lines("error")


def test_directories_are_renamed_with_what_is_in_them(work: Work) -> None:
    work.put("old/sub/a", b"a")
    assert work.client.RenDir(work.at("old"), work.at("new")) is True
    assert work.there("new/sub/a") == b"a"
    assert work.names() == ["new"]


def test_an_empty_directory_is_renamed(work: Work) -> None:
    work.remote.make_dir(work.at("old"))
    assert work.client.RenDir(work.at("old"), work.at("new")) is True
    assert work.names() == ["new"]


def test_nothing_is_renamed_onto_something_else(work: Work) -> None:
    work.put("a/1")
    work.put("b/2")
    work.put("file", b"1")
    work.put("other", b"2")
    assert work.client.RenDir(work.at("a"), work.at("b")) is False
    assert work.client.RenFile(work.at("file"), work.at("other")) is False
    assert work.client.RenDir(work.at("file"), work.at("new")) is False
    assert work.client.RenFile(work.at("a"), work.at("new")) is False
    assert work.client.RenFile(work.at("missing"), work.at("new")) is False
    assert work.names() == ["a", "b", "file", "other"]
    assert work.there("other") == b"2"


def test_only_an_empty_directory_is_deleted_alone(work: Work) -> None:
    work.put("full/a")
    work.remote.make_dir(work.at("empty"))
    assert work.client.DelDir(work.at("full")) is False
    assert work.client.DelDir(work.at("empty")) is True
    assert work.client.DelDir(work.at("missing")) is False
    assert work.names() == ["full"]


def test_a_tree_is_deleted(work: Work) -> None:
    work.put("keep/precious", b"1")
    work.put("tree/a/b/c")
    work.remote.make_dir(work.at("tree/empty"))
    assert work.client.DelTree(work.at("tree")) is True, work.lines()
    assert work.names() == ["keep"]
    assert work.client.DelTree(work.at("tree")) is False


@pytest.mark.parametrize("root", ["", "/", "."])
def test_the_whole_server_is_not_deleted(work: Work, root: str) -> None:
    assert work.client.DelTree(root) is False
    assert work.remote.exists(work.at(""))


def test_files_are_renamed_deleted_and_looked_at(work: Work) -> None:
    work.put("a", b"123")
    assert work.client.Exists(work.at("a")) is True
    assert work.client.RenFile(work.at("a"), work.at("b")) is True
    assert work.client.Exists(work.at("a")) is False
    assert work.client.Stat(work.at("a")) is None
    stat = work.client.Stat(work.at("b"))
    assert (stat["Name"], stat["Path"], stat["Type"], stat["Size"]) == ("b", work.at("b"), "FILE", 3)
    assert work.client.Stat(work.at(""))["Type"] == "DIR"
    assert work.client.DelFile(work.at("b")) is True
    assert work.client.DelFile(work.at("b")) is False
    assert f"DelFile {work.at('b')}: " in work.lines("error")


@pytest.mark.parametrize("path", ["a\nDELE b", "a\rb", "a\0b", "x" * 5000])
def test_paths_that_no_protocol_carries_are_refused(work: Work, path: str) -> None:
    for method in ("ListDir", "MakeDir", "DelFile", "DelDir", "DelTree", "Exists", "Stat"):
        assert not getattr(work.client, method)(path)
        assert f"{method} " in work.lines("error")


def test_arguments_are_checked(work: Work) -> None:
    assert work.client.ListDir(5) == []
    assert work.client.Upload("a") is False
    assert work.client.UploadWithPath("a", "b", "c") is False
    assert work.lines("error").count("must be") == 3
