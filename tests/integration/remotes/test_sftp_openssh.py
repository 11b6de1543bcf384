"""SFTP against OpenSSH's own server: host keys, client keys, rekeying, chroot."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import ssh_server
from remote_clients import Client

KINDS = ("ed25519", "ecdsa", "rsa")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssh_server.SshServer]:
    """A server with three host keys, that exchanges keys anew after each megabyte."""
    folder = tmp_path_factory.mktemp("sshd")
    for kind in ("ecdsa", "rsa"):
        ssh_server.new_key(folder / f"host_{kind}", "-t", kind)
    more = [f"HostKey {folder}/host_{kind}" for kind in ("ecdsa", "rsa")]
    running = ssh_server.start(folder, "RekeyLimit 1M", *more)
    yield running
    running.stop()


@pytest.fixture
def make(server: ssh_server.SshServer, tmp_path: Path):
    """Make a client with some fields changed; ``None`` takes one away."""
    made: list[Client] = []

    def client(**changed: str | None) -> Client:
        fields = {
            "Host": f"127.0.0.1:{server.port}",
            "User": server.user,
            "KeyText": server.client_key.read_text(),
            "HostKeySHA256": ssh_server.fingerprint(server.host_key, "sha256"),
            **changed,
        }
        made.append(Client("sftp", tmp_path, {name: value for name, value in fields.items() if value is not None}))
        return made[-1]

    yield client
    for each in made:
        each.close()


def forms(name: str, printed: str) -> list[str]:
    """Return the ways in which a fingerprint is written."""
    bare = printed.partition(":")[2]
    return [printed, bare, bare.replace(":", ""), bare.upper()] if name == "MD5" else [printed, bare, f"{bare}="]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["MD5", "SHA1", "SHA256"])
def test_each_host_key_is_known_by_each_fingerprint(make, server: ssh_server.SshServer, kind: str, name: str) -> None:
    printed = ssh_server.fingerprint(server.folder / f"host_{kind}.pub", name.lower())
    for form in forms(name, printed) if kind == "ed25519" else [printed]:
        client = make(**{"HostKeySHA256": None, f"HostKey{name}": form})
        assert client.connect() is True, (form, client.lines())


@pytest.mark.parametrize("name", ["MD5", "SHA1", "SHA256"])
def test_another_host_key_is_refused(make, server: ssh_server.SshServer, tmp_path: Path, name: str) -> None:
    ssh_server.new_key(tmp_path / "other", "-t", "ed25519")
    wrong = ssh_server.fingerprint(tmp_path / "other.pub", name.lower())
    client = make(**{f"HostKey{name}": wrong})
    assert client.connect() is False
    assert "the host key is not the expected one; the server has SHA256:" in client.lines("error")
    assert client.ListDir("") == []
    assert "not connected" in client.lines("error")


@pytest.mark.parametrize("fields", [{"HostKeySHA256": None}, {"HostKeySHA256": "  "}])
def test_without_a_host_key_nobody_is_asked(make, fields: dict[str, str | None]) -> None:
    client = make(**fields)
    client.dial = None
    assert client.connect() is False
    assert "no host key is set" in client.lines("error")


@pytest.mark.parametrize(
    "fields",
    [
        {"HostKeySHA256": "SHA256:short"},
        {"HostKeySHA1": "SHA256:" + "A" * 43},
        {"HostKeyMD5": "zz"},
        {"HostKeyMD5": "00"},
    ],
)
def test_what_is_no_fingerprint_is_refused(make, fields: dict[str, str]) -> None:
    client = make(**fields)
    client.dial = None
    assert client.connect() is False
    assert "is not a" in client.lines("error")


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_each_kind_log_in_from_file_text_and_secret(
    make, server: ssh_server.SshServer, tmp_path: Path, kind: str
) -> None:
    server.authorize(ssh_server.new_key(tmp_path / "key", "-t", kind, passphrase="open sesame"))
    text = (tmp_path / "key").read_text()
    locked = {"KeyFilePass": "open sesame"}
    for fields in (
        {"KeyText": None, "KeyFile": "key", **locked},
        {"KeyText": text, **locked},
        {"KeyText": None, "KeyFileSecret": "the key", "KeyFilePassFromSecret": "its passphrase"},
    ):
        client = make(**fields)
        client.secrets = {"the key": text, "its passphrase": "open sesame"}
        assert client.connect() is True, client.lines()
    client = make(KeyText=text, KeyFilePass="wrong")
    assert client.connect() is False
    assert "passphrase" in client.lines("error")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"KeyText": None}, "neither a key nor a password"),
        ({"KeyText": None, "KeyFile": "missing"}, "KeyFile: it does not exist"),
        ({"KeyText": None, "KeyFile": "../key"}, "KeyFile: a path may not have '..' in it"),
        ({"KeyText": "rubbish"}, "not a private key"),
        ({"KeyText": "ssh-ed25519 AAAA test"}, "a public key"),
        ({"KeyText": None, "KeyFileSecret": "missing"}, "no value for the secret 'missing'"),
        ({"Host": ""}, "Host is not set"),
        ({"Host": "a b"}, "not a host name"),
        ({"Host": "127.0.0.1:0"}, "the port in Host"),
        ({"User": "somebody-else-entirely"}, "accepts neither the key nor the password"),
        ({"Hots": "127.0.0.1", "Host": ""}, "did you mean Host?"),
    ],
)
def test_a_failure_says_what_is_wrong(make, fields: dict[str, str | None], reason: str) -> None:
    client = make(**fields)
    assert client.connect() is False
    assert reason in client.lines()


def test_keys_are_exchanged_anew_while_a_file_is_on_its_way(make, tmp_path: Path) -> None:
    data = os.urandom(10_000_000)
    (tmp_path / "f").write_bytes(data)
    client = make()
    assert client.connect()
    assert client.Upload("f", "rekeyed") is True, client.lines()
    assert client.Download("rekeyed/f", "back") is True, client.lines()
    assert (tmp_path / "back/f").read_bytes() == data


def test_the_label_of_a_server_stands_in_the_log(make, server: ssh_server.SshServer) -> None:
    client = make(HostID="payroll")
    assert client.connect()
    assert client.DelFile("missing") is False
    assert client.lines("error") == "SftpClient payroll: DelFile missing: no such file or directory"


@pytest.mark.parametrize("seconds", [0, -1, 5.5])
def test_a_time_limit_that_is_none_means_the_default(make, seconds: float) -> None:
    client = make()
    client.options = {"ConnectTimeout": seconds, "Timeout": seconds}
    assert client.connect() is True, client.lines()
    assert client.Exists("") is True


def test_connecting_again_and_closing_twice(make) -> None:
    client = make()
    assert client.connect() is True
    assert client.connect() is True
    assert client.Close() is True
    assert client.Close() is False
    assert client.Exists("") is False
    assert "call Connect first" in client.lines("error")


def test_a_server_that_locks_its_users_in_a_directory(tmp_path: Path) -> None:
    # Only root can lock in, and only below directories that nobody else can change.
    base = Path(tempfile.mkdtemp(dir="/run")) if os.getuid() == 0 else tmp_path
    base.chmod(0o755)
    cage = base / "cage"
    (cage / "in").mkdir(parents=True)
    lines = (
        [f"ChrootDirectory {cage}", "ForceCommand internal-sftp -d /in"]
        if os.getuid() == 0
        else [f"ForceCommand internal-sftp -d {cage}/in"]
    )
    folder = tmp_path / "sshd"
    folder.mkdir()
    server = ssh_server.start(folder, *lines)
    fields = {
        "Host": f"127.0.0.1:{server.port}",
        "User": server.user,
        "KeyText": server.client_key.read_text(),
        "HostKeySHA256": ssh_server.fingerprint(server.host_key, "sha256"),
    }
    (tmp_path / "f").write_bytes(b"1")
    client = Client("sftp", tmp_path, fields)
    try:
        assert client.connect() is True, client.lines()
        assert client.Upload("f", "sub") is True, client.lines()
        assert (cage / "in/sub/f").read_bytes() == b"1"
    finally:
        client.close()
        server.stop()
        shutil.rmtree(base if os.getuid() == 0 else cage)
