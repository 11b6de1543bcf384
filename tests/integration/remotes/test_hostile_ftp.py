"""Servers that lie, flood and stall, over FTP: a clean failure, bounded memory, nothing outside the target directory."""

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostile_ftp import CONTENT, NAMES, HostileFtp
from nightdrop.syncjs.remotes.port import Limits
from remote_clients import Client, dial

STALL_S = 0.5


@pytest.fixture(scope="module")
def server() -> Iterator[HostileFtp]:
    running = HostileFtp()
    yield running
    running.stop()


def client_of(server: HostileFtp, site: Path, how: str, **limits: int) -> Client:
    options = {"Timeout": STALL_S, "ConnectTimeout": STALL_S}
    fields = {"Host": f"127.0.0.1:{server.port}", "User": how, "Pass": "hunter2-unique", "TLSMode": 0}
    return Client("ftps", site, fields, options, limits=Limits(**limits))


@pytest.fixture
def make(server: HostileFtp, tmp_path: Path):
    site = tmp_path / "deep" / "site"
    site.mkdir(parents=True)
    made: list[Client] = []

    def client(how: str, **limits: int) -> Client:
        made.append(client_of(server, site, how, **limits))
        assert made[-1].connect() is True, made[-1].lines()
        return made[-1]

    yield client
    for each in made:
        each.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["deep"]
    assert [entry.name for entry in (tmp_path / "deep").iterdir()] == ["site"]


@pytest.mark.parametrize("greeting", ["endless", "one endless line", "silent", "rubbish"])
def test_a_greeting_that_is_none_ends_the_call(tmp_path: Path, greeting: str) -> None:
    server = HostileFtp(greeting)
    client = client_of(server, tmp_path, "x")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    assert client.connect() is False
    assert time.monotonic() - began < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
    assert client.lines("error").startswith("FtpsClient 127.0.0.1:")
    client.close()
    server.stop()


@pytest.mark.parametrize(
    ("how", "reason"),
    [("endless features", "does not end"), ("repeats", "the server refused the user or the password")],
)
def test_a_log_in_that_is_none_ends_the_call(server: HostileFtp, tmp_path: Path, how: str, reason: str) -> None:
    client = client_of(server, tmp_path, how)
    assert client.connect() is False
    assert reason in client.lines("error")
    assert "hunter2" not in client.lines()
    client.close()


@pytest.mark.parametrize("kind", ["dots", "absolute", "slash", "nul"])
@pytest.mark.parametrize("folder", ["file", "dir"])
def test_a_name_that_leads_elsewhere_ends_the_call(make, kind: str, folder: str) -> None:
    client = make(f"name {folder} {kind}", depth=3)
    assert client.DownloadR("*", "to") is False
    assert client.ListDir("") == []
    assert client.ListDirR("") == []
    assert client.DelTree("in") is False
    assert client.lines("error").count("a name that is not one") == 4
    assert not (client.local / "to").exists()


@pytest.mark.parametrize("kind", ["terminal", "long"])
def test_a_name_that_no_local_file_should_have_is_left_out(make, kind: str) -> None:
    client = make(f"name file {kind}")
    assert client.Download("*", "to") is False
    assert "a local file cannot have this name" in client.lines("error")
    assert sorted(item["Name"] for item in client.ListDir("")) == sorted(["good", NAMES[kind]])


@pytest.mark.parametrize(("how", "reason"), [("endless listing", "more than 20000 entries"), ("one endless line", "")])
def test_a_listing_without_end_ends(make, how: str, reason: str) -> None:
    client = make(how, entries=20_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert client.ListDir("") == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert reason in client.lines("error")
    assert client.lines("error") != ""


@pytest.mark.parametrize("method", ["ListDirR", "DownloadR", "DelTree"])
def test_directories_without_end_end(make, method: str) -> None:
    client = make("deep", depth=20)
    arguments = {"DelTree": ["in"], "DownloadR": ["*", "to"]}.get(method, [""])
    assert not getattr(client, method)(*arguments)
    assert "nested deeper than 20" in client.lines("error")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("says smaller", "the server said 10 bytes, but sends more"),
        ("says larger", "the server said 100000 bytes, but 1000 arrived"),
        ("endless file", "the server said 1000 bytes, but sends more"),
        ("says it is cut", "cut"),
        ("stalls at read", "did not answer in time"),
        ("points nowhere", ""),
    ],
)
def test_a_download_that_is_a_lie_leaves_the_target_alone(make, how: str, reason: str) -> None:
    client = make(how)
    (client.local / "to").mkdir()
    (client.local / "to/f").write_bytes(b"precious")
    client.options |= {"DownloadPolicy": 1, "DeleteSourceAfterDownload": True, "VersionedDownload": True}
    assert client.Download("f", "to") is False
    assert reason in client.lines("error")
    assert [entry.name for entry in (client.local / "to").iterdir()] == ["f"]
    assert (client.local / "to/f").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("how", "reason"), [("swallows", "12345 bytes were sent, but the server has 1000"), ("stalls at write", "")]
)
def test_an_upload_that_does_not_arrive_is_a_failure(make, how: str, reason: str) -> None:
    client = make(how)
    (client.local / "f").write_bytes(b"x" * 12345)
    client.options |= {"DeleteSourceAfterUpload": True, "UploadPolicy": 1}
    assert client.Upload("f", "") is False
    assert reason in client.lines("error")
    assert (client.local / "f").exists()


def test_the_address_in_an_answer_is_not_connected_to(make) -> None:
    client = make("points elsewhere")
    hosts: list[str] = []
    client.dial = lambda host, port, timeout_s, **_: hosts.append(host) or dial(host, port, timeout_s)
    assert client.Download("f", "to") is True, client.lines()
    assert (client.local / "to/f").read_bytes() == CONTENT
    assert hosts == ["127.0.0.1"]
