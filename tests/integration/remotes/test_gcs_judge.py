"""Google's own client judges: it works with our test server, and finds what our client wrote just as it would itself."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import storage
from google.oauth2 import service_account

import gcs_server
from remote_backends import AUTHORITY, trusting
from remote_clients import Client

GRANULE = 256 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gcs_server.GcsServer]:
    running = gcs_server.start(tmp_path_factory.mktemp("gcs-judge"), AUTHORITY)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def bucket(server: gcs_server.GcsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[storage.Bucket]:
    """The bucket of the server, through Google's client."""
    authority = tmp_path_factory.mktemp("authority") / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(authority)
    scopes = ["https://www.googleapis.com/auth/devstorage.read_write"]
    credentials = service_account.Credentials.from_service_account_info(json.loads(server.credentials()), scopes=scopes)
    with requests.Session() as plain:
        session = AuthorizedSession(credentials, auth_request=Request(plain))
        for one in (plain, session):
            # What the environment says of certificates would go before.
            one.trust_env = False
            one.verify = str(authority)
        options = {"api_endpoint": server.endpoint}
        client = storage.Client(project="p", credentials=credentials, _http=session, client_options=options)
        yield client.bucket(gcs_server.BUCKET)
        session.close()


@pytest.fixture
def ours(server: gcs_server.GcsServer, tmp_path: Path) -> Iterator[Client]:
    made = Client("gcs", tmp_path, server.fields(), {"UploadPolicy": 1, "DownloadPolicy": 1}, context=trusting)
    assert made.connect(), made.lines()
    yield made
    made.close()


def test_the_server_is_one_for_googles_client(bucket: storage.Bucket) -> None:
    small, large = os.urandom(1000), os.urandom(3 * GRANULE + 5)
    blob = bucket.blob("theirs/small ä+/%")
    blob.metadata = {"mtime": "2020-09-13T12:26:40+00:00"}
    blob.upload_from_string(small, checksum=None)
    pieces = bucket.blob("theirs/large", chunk_size=GRANULE)
    pieces.upload_from_string(large, checksum=None)
    assert blob.download_as_bytes(checksum=None) == small
    assert pieces.download_as_bytes(start=10, end=19, checksum=None) == large[10:20]
    fresh = bucket.get_blob("theirs/small ä+/%")
    assert fresh is not None
    assert (fresh.size, fresh.metadata) == (1000, {"mtime": "2020-09-13T12:26:40+00:00"})
    listing = bucket.client.list_blobs(bucket, prefix="theirs/", delimiter="/")
    assert [one.name for one in listing] == ["theirs/large"]
    assert set(listing.prefixes) == {"theirs/small ä+/"}
    copy = bucket.blob("theirs/copy")
    token, done, _total = copy.rewrite(pieces)
    while token is not None:
        token, done, _total = copy.rewrite(pieces, token=token)
    assert done == len(large)
    assert copy.download_as_bytes(checksum=None) == large
    with pytest.raises(PreconditionFailed):
        copy.delete(if_generation_match=1)
    copy.delete()
    with pytest.raises(NotFound):
        copy.download_as_bytes(checksum=None)


@pytest.mark.parametrize("size", [0, 10_000, 9 * 1024 * 1024])
def test_what_we_write_is_what_googles_client_finds(bucket: storage.Bucket, ours: Client, size: int) -> None:
    data = os.urandom(size)
    (ours.local / "f ä+%").write_bytes(data)
    os.utime(ours.local / "f ä+%", (0, 1_600_000_000.25))
    assert ours.Upload("f ä+%", f"ours/{size}"), ours.lines()
    blob = bucket.get_blob(f"ours/{size}/f ä+%")
    assert blob is not None
    assert blob.download_as_bytes(checksum=None) == data
    assert blob.size == size
    assert datetime.fromisoformat(blob.metadata["mtime"]) == datetime.fromtimestamp(1_600_000_000.25, UTC)
    assert ours.RenFile(f"ours/{size}/f ä+%", f"ours/{size}/g"), ours.lines()
    assert bucket.get_blob(f"ours/{size}/f ä+%") is None
    assert ours.DelTree(f"ours/{size}"), ours.lines()
    assert [one.name for one in bucket.client.list_blobs(bucket, prefix=f"ours/{size}/")] == []


def test_what_googles_client_writes_is_what_we_find(bucket: storage.Bucket, ours: Client) -> None:
    data = os.urandom(1000)
    blob = bucket.blob("both/f")
    blob.metadata = {"mtime": "2020-09-13T12:26:40.250000+00:00"}
    blob.upload_from_string(data, checksum=None)
    listed: list[Any] = ours.ListDir("both")
    assert [(item["Name"], item["Size"]) for item in listed] == [("f", 1000)]
    assert ours.Download("both/f", "back"), ours.lines()
    assert (ours.local / "back/f").read_bytes() == data
    assert (ours.local / "back/f").stat().st_mtime == 1_600_000_000.25
