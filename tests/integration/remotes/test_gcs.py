"""What only Google Cloud Storage has: tokens for signed claims, uploads that go on where the server is."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import gcs_server
from nightdrop.syncjs.remotes import web
from nightdrop.syncjs.remotes.transfer import CodecError
from remote_backends import AUTHORITY, trusting
from remote_clients import Client

PART = 8 * 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gcs_server.GcsServer]:
    running = gcs_server.start(tmp_path_factory.mktemp("gcs"), AUTHORITY)
    yield running
    running.stop()


@pytest.fixture
def client(server: gcs_server.GcsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(web, "_FIRST_PAUSE_S", 0.0)
    server.keeps.clear()
    server.fails.clear()
    made = Client("gcs", tmp_path, server.fields(), context=trusting)
    yield made
    made.close()


def pem(key: Any) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.mark.parametrize("size", [PART, PART + 1, 2 * PART, 3 * PART + 5])
@pytest.mark.parametrize(
    ("keeps", "fails"),
    [([], []), ([256 * 1024], []), ([0, 0, 256 * 1024], []), ([], [503]), ([1024 * 1024], [500, 503]), ([0], [502])],
)
def test_an_upload_goes_on_where_the_server_is(
    client: Client, server: gcs_server.GcsServer, size: int, keeps: list[int | None], fails: list[int]
) -> None:
    data = os.urandom(size)
    (client.local / "f").write_bytes(data)
    assert client.connect(), client.lines()
    server.keeps, server.fails = list(keeps), list(fails)
    client.options = {"UploadPolicy": 1}
    assert client.Upload("f", "large"), client.lines()
    assert server.blobs["large/f"].data == data
    assert gcs_server.Objects(server).mtime("large/f") == pytest.approx((client.local / "f").stat().st_mtime, abs=1e-5)
    assert server.sessions == {}
    assert size == PART or (server.keeps, server.fails) == ([], [])


def test_a_server_that_takes_nothing_is_given_up(client: Client, server: gcs_server.GcsServer) -> None:
    (client.local / "f").write_bytes(bytes(PART + 1))
    assert client.connect(), client.lines()
    server.keeps = [0] * 100
    assert client.Upload("f", "given up") is False
    assert "does not take the file" in client.lines("error")
    assert "given up/f" not in server.blobs
    assert server.sessions == {}


def test_a_failed_upload_leaves_no_session_and_the_file_that_was_there(
    client: Client, server: gcs_server.GcsServer
) -> None:
    class Failing:
        left = 2
        slow = False

        def sealed_size(self, size: int) -> int:
            return size

        def encoder(self) -> "Failing":
            return self

        def update(self, data: bytes) -> bytes:
            self.left -= len(data) / PART
            if self.left < 0:
                raise CodecError("enough of this")
            return data

    server.store("failing/f", b"precious", {})
    (client.local / "f").write_bytes(bytes(4 * PART))
    client.codecs = lambda _: Failing()
    client.options = {"OTFE": True, "OTFEKey": "k", "UploadPolicy": 1}
    assert client.connect(), client.lines()
    assert client.Upload("f", "failing") is False
    assert "enough of this" in client.lines("error")
    assert server.blobs["failing/f"].data == b"precious"
    assert server.sessions == {}


def test_large_objects_are_copied_in_steps(client: Client, server: gcs_server.GcsServer) -> None:
    data = os.urandom(3 * gcs_server.COPY_STEP + 1)
    server.store("copied/old", data, {"mtime": "2020-09-13T12:26:40Z"})
    assert client.connect(), client.lines()
    assert client.RenFile("copied/old", "copied/new"), client.lines()
    assert server.blobs["copied/new"].data == data
    assert client.Stat("copied/new")["TimeStamp"] == 1_600_000_000_000
    assert "copied/old" not in server.blobs


def test_listings_have_pages(client: Client, server: gcs_server.GcsServer) -> None:
    for number in range(1_050):
        server.store(f"pages/{number:04}", b"", {})
    assert client.connect(), client.lines()
    assert len(client.ListFiles("pages", "*")) == 1_050
    assert client.DelTree("pages"), client.lines()


def test_credentials_in_a_file(client: Client, server: gcs_server.GcsServer) -> None:
    (client.local / "account.json").write_text(server.credentials())
    client.fields |= {"Credentials": "", "CredentialsFile": "account.json"}
    assert client.connect(), client.lines()
    client.fields["CredentialsFile"] = "../account.json"
    assert client.connect() is False
    assert "CredentialsFile: " in client.lines("error")


EC = pem(ec.generate_private_key(ec.SECP256R1()))
OTHER = pem(rsa.generate_private_key(65537, 2048))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"private_key": OTHER}, "the service account or its key is not accepted"),
        ({"client_email": "somebody@else.example"}, "the service account or its key is not accepted"),
        ({"private_key": EC}, "not an RSA key"),
        ({"private_key": "none"}, "not a private key"),
        ({"private_key": ""}, "private_key is missing"),
        ({"type": "authorized_user"}, "not those of a service account"),
        ({"token_uri": "http://127.0.0.1/token"}, "not an https address"),
        ({"token_uri": "https://"}, "token_uri in the credentials is not an address"),
    ],
)
def test_credentials_that_are_refused(
    client: Client, server: gcs_server.GcsServer, changed: dict[str, str], reason: str
) -> None:
    client.fields["Credentials"] = server.credentials(**changed)
    assert client.connect() is False
    assert reason in client.lines("error")
    assert "PRIVATE KEY" not in client.lines()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Bucket": "there-is-none"}, "no such bucket"),
        ({"Bucket": "../b"}, "Bucket is not the name"),
        ({"Credentials": "no json"}, "not JSON"),
        ({"Credentials": "", "Endpoint": ""}, "neither Credentials nor CredentialsFile"),
        ({"Credentials": ""}, "does not accept the credentials"),
        ({"Endpoint": "http://127.0.0.1:1"}, "has to be an https address"),
    ],
)
def test_why_it_does_not_connect(client: Client, fields: dict[str, str], reason: str) -> None:
    client.fields |= fields
    assert client.connect() is False
    assert reason in client.lines("error")


def test_a_token_is_asked_for_once(client: Client, server: gcs_server.GcsServer) -> None:
    before = len(server.tokens)
    assert client.connect(), client.lines()
    assert client.MakeDir("once/more")
    assert client.DelTree("once")
    assert len(server.tokens) == before + 1
    assert not any(token in json.dumps(client.log) for token in server.tokens)
