"""SFTP against OpenSSH's own server."""

from pathlib import Path

import pytest

import ssh_server
from remote_clients import Client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    running = ssh_server.start(tmp_path_factory.mktemp("sshd"))
    yield running
    running.stop()


def fields(server: ssh_server.SshServer, **more: str) -> dict[str, str]:
    return {
        "Host": f"127.0.0.1:{server.port}",
        "User": server.user,
        "KeyText": server.client_key.read_text(),
        "HostKeySHA256": ssh_server.fingerprint(server.host_key, "sha256"),
        **more,
    }


@pytest.fixture
def client(server: ssh_server.SshServer, tmp_path: Path):
    made = Client("sftp", tmp_path, fields(server))
    yield made
    made.close()


def test_a_file_goes_there_and_comes_back(client: Client, server: ssh_server.SshServer) -> None:
    (client.local / "a.txt").write_bytes(b"hello" * 100_000)
    assert client.connect(), client.lines()
    assert client.Upload("a.txt", "in/deep"), client.lines()
    assert (server.home / "in/deep/a.txt").read_bytes() == b"hello" * 100_000
    [item] = client.ListDir("in/deep")
    assert (item["Name"], item["Path"], item["Type"], item["Size"]) == ("a.txt", "in/deep/a.txt", "FILE", 500_000)
    assert client.Download("in/deep/*.txt", "back"), client.lines()
    assert (client.local / "back/a.txt").read_bytes() == b"hello" * 100_000
    assert client.Close() is True
    assert client.Close() is False
