"""What only Azure has: blocks, shared access signatures, keys that are refused."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import azure_server
from remote_clients import Client

PART = 8 * 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[azure_server.AzureServer]:
    running = azure_server.start(tmp_path_factory.mktemp("azurite"))
    yield running
    running.stop()


@pytest.fixture
def client(server: azure_server.AzureServer, tmp_path: Path) -> Iterator[Client]:
    made = Client("azure", tmp_path, server.fields())
    yield made
    made.close()


@pytest.mark.parametrize(("size", "blocks"), [(PART, 0), (PART + 1, 2), (3 * PART, 3)])
def test_large_files_go_in_blocks(client: Client, server: azure_server.AzureServer, size: int, blocks: int) -> None:
    data = os.urandom(size)
    (client.local / "f").write_bytes(data)
    assert client.connect(), client.lines()
    assert client.Upload("f", f"blocks{size}"), client.lines()
    blob = server.api().get_blob_client(azure_server.CONTAINER, f"blocks{size}/f")
    assert blob.download_blob().readall() == data
    assert len(blob.get_block_list()[0]) == blocks
    assert client.Download(f"blocks{size}/f", "back"), client.lines()
    assert (client.local / "back/f").read_bytes() == data


def test_a_shared_access_signature(client: Client, server: azure_server.AzureServer) -> None:
    client.fields |= {"AccountKey": "", "SASToken": "?" + server.sas("rwdlc")}
    (client.local / "f").write_bytes(b"1")
    assert client.connect(), client.lines()
    assert client.Upload("f", "signed"), client.lines()
    assert client.RenDir("signed", "moved"), client.lines()
    assert [item["Path"] for item in client.ListFilesR("moved", "*")] == ["moved/f"]
    assert client.DelTree("moved"), client.lines()


def test_what_a_signature_does_not_allow_is_told(client: Client, server: azure_server.AzureServer) -> None:
    token = server.sas("rl")
    client.fields |= {"AccountKey": "", "SASToken": token}
    (client.local / "f").write_bytes(b"1")
    assert client.connect(), client.lines()
    assert client.Upload("f", "") is False
    assert "may not do this" in client.lines("error")
    assert token not in client.lines()
    assert token.rpartition("sig=")[2] not in client.lines()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"AccountKey": "d3Jvbmc="}, "does not accept the account's key"),
        ({"AccountKey": "!no!"}, "AccountKey is not base64"),
        ({"AccountKey": ""}, "neither AccountKey nor SASToken"),
        ({"AccountName": ""}, "AccountName is not set"),
        ({"AccountName": "../x"}, "AccountName is not the name"),
        ({"Container": "there-is-none"}, "no such container"),
        ({"Container": "a/../b"}, "Container is not the name"),
        ({"Container": ""}, "Container is not set"),
        ({"SASToken": "sig=a b\r\nHost: x"}, "SASToken is not a shared access signature"),
        ({"Endpoint": "https://host/?a=b"}, "Endpoint is not an address"),
    ],
)
def test_why_it_does_not_connect(client: Client, fields: dict[str, str], reason: str) -> None:
    client.fields |= fields
    assert client.connect() is False
    assert reason in client.lines("error")
    assert not client.fields["AccountKey"] or client.fields["AccountKey"] not in client.lines()
