"""Servers that lie, flood and stall, over SFTP: a clean failure, bounded memory, nothing outside the target directory."""

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostile_sftp import NAMES, HostileServer
from nightdrop.syncjs.remotes.port import Limits
from remote_clients import Client

STALL_S = 0.5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileServer]:
    root = tmp_path_factory.mktemp("root")
    (root / "f").write_bytes(os.urandom(1000))
    (root / "good").write_bytes(b"good")
    (root / "loop1").symlink_to("loop2")
    (root / "loop2").symlink_to("loop1")
    running = HostileServer(root)
    yield running
    running.stop()


@pytest.fixture
def make(server: HostileServer, tmp_path: Path):
    site = tmp_path / "deep" / "site"
    site.mkdir(parents=True)
    made: list[Client] = []

    def client(how: str, **limits: int) -> Client:
        options = {"Timeout": STALL_S, "ConnectTimeout": 10}
        made.append(Client("sftp", site, {**server.fields, "User": how}, options, limits=Limits(**limits)))
        assert made[-1].connect() is True, made[-1].lines()
        return made[-1]

    yield client
    for each in made:
        each.close()
    # Whatever the server did, nothing was written beside the site's directory.
    assert [entry.name for entry in tmp_path.iterdir()] == ["deep"]
    assert [entry.name for entry in (tmp_path / "deep").iterdir()] == ["site"]


@pytest.mark.parametrize("kind", ["dots", "parent", "absolute", "slash", "nul", "empty"])
@pytest.mark.parametrize("folder", [False, True])
def test_a_name_that_leads_elsewhere_ends_the_call(make, kind: str, folder: bool) -> None:
    client = make(f"name {'dir ' if folder else ''}{kind}", depth=3)
    assert client.DownloadR("*", "to") is False
    assert client.Download("*", "to") is False
    assert client.ListDir("") == []
    assert client.ListDirR("") == []
    assert client.DelTree("in") is False
    assert client.lines("error").count("a name that is not one") == 5
    assert not (client.local / "to").exists()


@pytest.mark.parametrize("kind", ["newline", "terminal", "long"])
def test_a_name_that_no_local_file_should_have_is_left_out(make, kind: str) -> None:
    client = make(f"name {kind}")
    assert client.Download("*", "to") is False
    assert "a local file cannot have this name" in client.lines("error")
    name = NAMES[kind].decode()
    assert [item["Name"] for item in client.ListDir("")] == sorted(["good", name])


def test_a_name_that_is_not_utf8_is_downloaded_but_not_shown(make, server: HostileServer) -> None:
    client = make("name latin")
    assert [item["Name"] for item in client.ListDir("")] == ["good"]
    assert "1 names are left out" in client.lines("warn")


def test_a_name_longer_than_a_path_ends_the_call(make) -> None:
    client = make("name dir very long")
    assert client.DownloadR("*", "to") is False
    assert client.ListDirR("") == []


def test_a_directory_of_100_000_files_is_listed(make) -> None:
    client = make("many")
    assert len(client.ListDir("")) == 100_000
    assert client.lines() == ""


def test_more_entries_than_the_limit_end_the_call(make) -> None:
    client = make("many", entries=5_000)
    for method in ("ListDir", "ListDirR"):
        assert getattr(client, method)("") == []
    assert client.Download("*", "to") is False
    assert client.lines("error").count("more than 5000 entries") == 3


def test_an_endless_listing_ends_and_does_not_fill_the_memory(make) -> None:
    client = make("endless listing", entries=20_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert client.ListDir("") == []
    assert client.Download("*", "to") is False
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert "more than 20000 entries" in client.lines("error")


@pytest.mark.parametrize("method", ["ListDirR", "ListFilesR", "DownloadR", "DelTree"])
def test_directories_without_end_end(make, method: str) -> None:
    client = make("deep")
    arguments = {"DelTree": ["in"], "DownloadR": ["*", "to"], "ListFilesR": ["", "*"]}.get(method, [""])
    assert not getattr(client, method)(*arguments)
    assert "nested deeper than 100" in client.lines("error")


def test_links_that_lead_in_a_circle_are_nothing(make) -> None:
    client = make("honest")
    listed = {item["Name"]: item["Type"] for item in client.ListDir("")}
    assert listed == {"f": "FILE", "good": "FILE", "loop1": "OTHER", "loop2": "OTHER"}
    assert client.DownloadR("*", "to") is True, client.lines()
    assert sorted(entry.name for entry in (client.local / "to").iterdir()) == ["f", "good"]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("says smaller", "the server said 10 bytes, but sends more"),
        ("says larger", "the server said 10000000 bytes, but 1000 arrived"),
        ("says huge", "bytes, but 1000 arrived"),
    ],
)
def test_a_size_that_is_a_lie_leaves_the_target_alone(make, how: str, reason: str) -> None:
    client = make(how)
    (client.local / "to").mkdir()
    (client.local / "to/f").write_bytes(b"precious")
    client.options |= {"DownloadPolicy": 1, "DeleteSourceAfterDownload": True, "VersionedDownload": True}
    assert client.Download("f", "to") is False
    assert reason in client.lines("error")
    assert [entry.name for entry in (client.local / "to").iterdir()] == ["f"]
    assert (client.local / "to/f").read_bytes() == b"precious"


@pytest.mark.parametrize("temporary", [True, False])
def test_an_upload_that_the_server_only_pretends_to_store_is_a_failure(make, temporary: bool) -> None:
    client = make("swallows")
    (client.local / "new").write_bytes(b"12345")
    client.options |= {"DeleteSourceAfterUpload": True, "UploadWithTempName": temporary}
    assert client.Upload("new", "") is False
    assert "5 bytes were sent, but the server has 0" in client.lines("error")
    assert (client.local / "new").read_bytes() == b"12345"
    assert client.Exists("new") is False


def test_many_uploads_that_the_server_only_pretends_to_store_are_failures(make) -> None:
    client = make("swallows")
    (client.local / "from").mkdir()
    for n in range(60):
        (client.local / f"from/{n}").write_bytes(b"12345")
    assert client.Upload("from/*", "many") is False
    assert client.lines("error").count("5 bytes were sent, but the server has 0") == 60
    assert "uploaded 0 files" in client.lines("error")


@pytest.mark.parametrize(
    ("how", "method", "arguments"),
    [
        ("stalls at list", "ListDir", [""]),
        ("stalls at list", "DownloadR", ["*", "to"]),
        ("stalls at fstat", "Download", ["f", "to"]),
        ("stalls at read", "Download", ["f", "to"]),
        ("stalls at write", "Upload", ["stalled", ""]),
    ],
)
def test_a_server_that_falls_silent_is_not_waited_for(make, how: str, method: str, arguments: list[str]) -> None:
    client = make(how)
    (client.local / "stalled").write_bytes(b"1")
    client.options["StopOnTransferError"] = True
    began = time.monotonic()
    assert not getattr(client, method)(*arguments)
    assert time.monotonic() - began < 30
    assert "the server did not answer in time" in client.lines("error")
    assert not list((client.local).glob("to/*"))


def test_a_banner_without_end_is_not_waited_for(server: HostileServer, tmp_path: Path) -> None:
    client = Client("sftp", tmp_path, {**server.fields, "User": "endless banner"}, {"ConnectTimeout": STALL_S})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert client.connect() is False
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert "the server did not answer in time" in client.lines("error")
    client.close()
