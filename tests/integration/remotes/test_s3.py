"""What only S3 has: styles of addresses, parts, keys that are refused, TLS without signed bodies."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import s3_server
from nightdrop.syncjs.remotes.port import Limits
from nightdrop.syncjs.remotes.s3 import S3Store
from nightdrop.syncjs.remotes.s3place import find, key
from nightdrop.syncjs.remotes.transfer import CodecError
from remote_backends import AUTHORITY, trusting
from remote_clients import Client, dial

PART = 8 * 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_server.S3Server]:
    running = s3_server.start(tmp_path_factory.mktemp("s3"))
    yield running
    running.stop()


@pytest.fixture
def client(server: s3_server.S3Server, tmp_path: Path) -> Iterator[Client]:
    made = Client("s3", tmp_path, server.fields())
    yield made
    made.close()


@pytest.mark.parametrize(("size", "parts"), [(PART, None), (PART + 1, 2), (3 * PART, 3)])
def test_large_files_go_in_parts(client: Client, server: s3_server.S3Server, size: int, parts: int | None) -> None:
    data = os.urandom(size)
    (client.local / "f").write_bytes(data)
    assert client.connect(), client.lines()
    client.options = {"UploadPolicy": 1, "DownloadPolicy": 1}
    assert client.Upload("f", f"parts{size}"), client.lines()
    bucket = s3_server.Bucket(server)
    assert bucket.read(f"parts{size}/f") == data
    tag = bucket.api.head_object(Bucket=bucket.name, Key=f"parts{size}/f")["ETag"].strip('"')
    assert tag.partition("-")[2] == ("" if parts is None else str(parts))
    assert bucket.mtime(f"parts{size}/f") == pytest.approx((client.local / "f").stat().st_mtime, abs=1e-5)
    assert client.Download(f"parts{size}/f", "back"), client.lines()
    assert (client.local / "back/f").read_bytes() == data
    assert bucket.unfinished() == []


class Failing:
    """A codec that ends in the middle of a file."""

    slow = False

    def __init__(self, after: int) -> None:
        self.left = after

    def sealed_size(self, size: int) -> int:
        return size

    def encoder(self) -> "Failing":
        return self

    def update(self, data: bytes) -> bytes:
        self.left -= len(data)
        if self.left < 0:
            raise CodecError("enough of this")
        return data

    def finish(self) -> bytes:
        return b""


@pytest.mark.parametrize("options", [{}, {"VersionedUpload": True}, {"UploadWithTempName": True}])
def test_a_failed_upload_leaves_no_parts_and_the_file_that_was_there(
    client: Client, server: s3_server.S3Server, options: dict[str, Any]
) -> None:
    bucket = s3_server.Bucket(server)
    bucket.put("failing/f", b"precious")
    (client.local / "f").write_bytes(bytes(4 * PART))
    client.codecs = lambda _: Failing(3 * PART)
    client.options = {"OTFE": True, "OTFEKey": "k", "UploadPolicy": 1, **options}
    assert client.connect(), client.lines()
    assert client.Upload("f", "failing") is False
    assert "enough of this" in client.lines("error")
    assert bucket.read("failing/f") == b"precious"
    assert [key for key in bucket.keys("failing/") if not key.endswith("/")] == ["failing/f"]
    assert bucket.unfinished() == []


def test_the_bucket_in_the_host_name(client: Client, server: s3_server.S3Server) -> None:
    hosts: list[str] = []

    def to_server(host: str, port: int, timeout_s: float) -> Any:
        hosts.append(f"{host}:{port}")
        return dial("127.0.0.1", server.port, timeout_s)

    client.dial = to_server
    client.fields |= {"PathStyle": False, "Endpoint": f"http://s3.{s3_server.REGION}.amazonaws.com"}
    (client.local / "f").write_bytes(b"1")
    assert client.connect(), client.lines()
    assert client.Upload("f", "virtual style/+"), client.lines()
    assert s3_server.Bucket(server).read("virtual style/+/f") == b"1"
    assert set(hosts) == {f"{s3_server.BUCKET}.s3.{s3_server.REGION}.amazonaws.com:80"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"APIKeySecret": "wrong-and-secret"}, "does not accept the access key's secret"),
        ({"APIKeyID": "AKIAAAAAAAAAAAAAAAAA"}, "does not know the access key"),
        ({"Bucket": "there-is-none"}, "no such bucket"),
        ({"Bucket": ""}, "Bucket is not set"),
        ({"Bucket": "a/../b"}, "Bucket is not the name of a bucket"),
        ({"APIKeyID": ""}, "APIKeyID is not set"),
        ({"APIKeySecret": ""}, "APIKeySecret is not set"),
        ({"SessionToken": "a\r\nHost: other"}, "SessionToken holds characters"),
        ({"Region": "eu/central"}, "Region is not the name"),
        ({"Endpoint": "ftp://host"}, "Endpoint is not an address"),
        ({"Endpoint": "http://user:secret@host"}, "Endpoint is not an address"),
        ({"Endpoint": "http://127.0.0.1:1"}, "refused"),
    ],
)
def test_why_it_does_not_connect(client: Client, fields: dict[str, str], reason: str) -> None:
    client.fields |= fields
    assert client.connect() is False
    assert reason in client.lines("error")
    assert client.fields["APIKeySecret"] not in client.lines() or not client.fields["APIKeySecret"]


def test_large_objects_are_copied_in_parts_with_what_is_kept_with_them(server: s3_server.S3Server) -> None:
    bucket = s3_server.Bucket(server)
    data = os.urandom(11 * 1024 * 1024)
    bucket.put("copied/old", data, mtime=1_600_000_000.25)

    async def copy() -> None:
        place = find(server.endpoint, s3_server.REGION, s3_server.BUCKET, in_path=True)
        who = key(server.key, s3_server.REGION, server.secret, "")
        store = S3Store(place, who, dial, Limits(), trusting, max_copy=len(data) - 1, copy_part=5 * 1024 * 1024)
        stored = await store.head("copied/old")
        assert stored
        await store.copy("copied/old", "copied/new", stored)
        await store.close()

    asyncio.run(copy())
    assert bucket.read("copied/new") == data
    assert bucket.mtime("copied/new") == 1_600_000_000.25
    assert bucket.unfinished() == []


def test_over_tls(tmp_path: Path) -> None:
    server = s3_server.start(tmp_path, AUTHORITY)
    try:
        site = tmp_path / "site"
        site.mkdir()
        client = Client("s3", site, server.fields(), context=trusting)
        (client.local / "f").write_bytes(os.urandom(PART + 5))
        assert client.connect(), client.lines()
        assert client.Upload("f", "in"), client.lines()
        assert client.Download("in/f", "back"), client.lines()
        assert (client.local / "back/f").read_bytes() == (client.local / "f").read_bytes()
        client.close()
        stranger = Client("s3", client.local, server.fields())
        assert stranger.connect() is False
        assert "the certificate is not accepted" in stranger.lines("error")
        stranger.close()
    finally:
        server.stop()


@pytest.mark.parametrize("real_times", [False, True])
def test_a_download_learns_the_time_from_the_file_itself(
    client: Client, server: s3_server.S3Server, monkeypatch: pytest.MonkeyPatch, real_times: bool
) -> None:
    s3_server.Bucket(server).put("timed/f", b"1", mtime=1_600_000_000.25)
    asked: list[str] = []
    head = S3Store.head

    async def counted(self: S3Store, key: str) -> Any:
        asked.append(key)
        return await head(self, key)

    monkeypatch.setattr(S3Store, "head", counted)
    client.fields["UseMetadataWhenListing"] = real_times
    assert client.connect(), client.lines()
    assert client.Download("timed/*", "back"), client.lines()
    assert (client.local / "back/f").stat().st_mtime == 1_600_000_000.25
    assert asked == []
    client.options = {"DeleteSourceAfterDownload": True, "DownloadPolicy": 1}
    assert client.Download("timed/*", "back"), client.lines()
    assert not s3_server.Bucket(server).exists("timed/f")


def test_keys_that_make_no_path_are_left_out(client: Client, server: s3_server.S3Server) -> None:
    bucket = s3_server.Bucket(server)
    for odd in ("odd//a", "odd/../b", "odd/./c", "odd/..", "odd/good"):
        bucket.put(odd, b"1")
    assert client.connect(), client.lines()
    assert [item["Name"] for item in client.ListDir("odd")] == ["good"]
    assert "4 keys are left out of a listing, as no path leads there; the first begins with 'odd/" in client.lines(
        "warn"
    )
    assert client.DownloadR("odd/*", "back"), client.lines()
    assert [path.name for path in (client.local / "back").iterdir()] == ["good"]
    assert client.DelTree("odd") is False
    assert "not empty" in client.lines("error")
