"""Passwords, and what is tried in which order; sshd itself checks passwords only as root and through PAM."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from remote_clients import Client

PASSWORD = "tr0ub4dor&3-quite-unique"
KEY = asyncssh.generate_private_key("ssh-ed25519")
KNOWN = asyncssh.generate_private_key("ssh-ed25519")


class Server(asyncssh.SSHServer):
    """Takes ``KNOWN`` and ``PASSWORD``; notes what was tried. The user's name says what is offered."""

    tried: list[str]
    user = ""

    def begin_auth(self, username: str) -> bool:
        self.user = username
        return True

    def public_key_auth_supported(self) -> bool:
        return "key" in self.user

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self.tried.append("key")
        return key.public_data == KNOWN.public_data

    def password_auth_supported(self) -> bool:
        return "password" in self.user

    def validate_password(self, username: str, password: str) -> bool:
        self.tried.append("password")
        return password == PASSWORD

    def kbdint_auth_supported(self) -> bool:
        return "keyboard" in self.user

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str):
        return "", "", "", [("Password: ", False)]

    def validate_kbdint_response(self, username: str, responses):
        self.tried.append("keyboard")
        return list(responses) == [PASSWORD]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The fields for a server of asyncssh, in a thread of its own."""
    Server.tried = []
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(
        asyncssh.listen("127.0.0.1", 0, server_factory=Server, server_host_keys=[host_key], sftp_factory=True)
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield {"Host": f"127.0.0.1:{listening.get_port()}", "HostKeySHA256": host_key.get_fingerprint("sha256")}

    async def close() -> None:
        listening.close()
        await listening.wait_closed()

    asyncio.run_coroutine_threadsafe(close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize(
    ("user", "key", "password", "tried"),
    [
        ("password", None, PASSWORD, ["password"]),
        ("keyboard", None, PASSWORD, ["keyboard"]),
        ("key+password", KNOWN, PASSWORD, ["key"]),
        ("key+password", KEY, PASSWORD, ["key", "password"]),
        ("key+keyboard", KEY, PASSWORD, ["key", "keyboard"]),
        ("password", KEY, PASSWORD, ["password"]),
    ],
)
def test_a_key_comes_first_and_the_password_is_the_fallback(
    server: dict[str, str], tmp_path: Path, user: str, key: asyncssh.SSHKey | None, password: str, tried: list[str]
) -> None:
    Server.tried.clear()
    text = key.export_private_key().decode() if key else ""
    client = Client("sftp", tmp_path, {**server, "User": user, "Pass": password, "KeyText": text})
    assert client.connect() is True, client.lines()
    # A key is first shown and then used.
    assert list(dict.fromkeys(Server.tried)) == tried
    client.close()


def test_a_password_comes_from_a_secret(server: dict[str, str], tmp_path: Path) -> None:
    client = Client("sftp", tmp_path, {**server, "User": "password", "PassFromSecret": "door"})
    assert client.connect() is False
    assert "no value for the secret 'door'" in client.lines("error")
    client.secrets["door"] = PASSWORD
    assert client.connect() is True
    client.close()


def test_a_payload_comes_from_a_secret(server: dict[str, str], tmp_path: Path) -> None:
    client = Client("sftp", tmp_path, {**server, "PayloadFromSecret": "all"})
    client.secrets["all"] = f'{{"user": "password", "pass": "{PASSWORD}", "options": {{"OTFE": true}}, "zzz": 1}}'
    assert client.connect() is True, client.lines()
    assert "no field 'zzz'" in client.lines("warn")
    (tmp_path / "f").write_bytes(b"1")
    assert client.Upload("f", "") is False
    assert "OTFEKey is empty" in client.lines("error")
    client.close()


@pytest.mark.parametrize("key", [None, KEY])
def test_a_refused_password_is_not_repeated_anywhere(
    server: dict[str, str], tmp_path: Path, key: asyncssh.SSHKey | None
) -> None:
    wrong = "wrong-but-just-as-secret"
    text = key.export_private_key().decode() if key else ""
    client = Client("sftp", tmp_path, {**server, "User": "key+password+keyboard", "Pass": wrong, "KeyText": text})
    assert client.connect() is False
    assert "accepts neither the key nor the password" in client.lines("error")
    assert wrong not in client.lines()
    client.close()
