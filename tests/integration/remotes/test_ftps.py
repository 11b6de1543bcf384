"""What is particular to FTP: TLS modes, certificates, session reuse, data connections."""

import ftplib
import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

import ftp_server
from ftp_server import EXPLICIT, IMPLICIT, NONE, PASSWORD, FtpServer
from remote_backends import AUTHORITY, trusting
from remote_clients import Client, dial

PROGRAMS: dict[str, Callable[..., FtpServer]] = {
    "proftpd": ftp_server.start_proftpd,
    "vsftpd": ftp_server.start_vsftpd,
}


@pytest.fixture(scope="module", params=[(name, mode) for name in PROGRAMS for mode in (NONE, EXPLICIT, IMPLICIT)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtpServer]:
    name, mode = request.param
    running = PROGRAMS[name](tmp_path_factory.mktemp(name), AUTHORITY, mode)
    yield running
    running.stop()


def client_of(server: FtpServer, local: Path, **changed: object) -> Client:
    fields = {
        "Host": f"127.0.0.1:{server.port}",
        "User": server.user,
        "Pass": PASSWORD,
        "TLSMode": server.mode,
        **changed,
    }
    return Client("ftps", local, fields, context=trusting)


def test_files_move_in_every_mode_on_dialled_connections(server: FtpServer, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "f").write_bytes(data)
    client = client_of(server, tmp_path)
    dialled: list[tuple[str, int, bool]] = []

    def noting(host: str, port: int, timeout_s: float, *, again: bool = False):
        dialled.append((host, port, again))
        return dial(host, port, timeout_s)

    client.dial = noting
    assert client.connect() is True, client.lines()
    assert client.Upload("f", "mode") is True, client.lines()
    assert client.Download("mode/f", "back") is True, client.lines()
    assert (tmp_path / "back/f").read_bytes() == data
    assert [item["Name"] for item in client.ListDir("mode")] == ["f"]
    # One control connection, and one for each file and listing; all to the host that the script named.
    assert dialled[0] == ("127.0.0.1", server.port, False)
    assert all(again for _, _, again in dialled[1:])
    assert len(dialled) == 4
    assert {host for host, _, _ in dialled} == {"127.0.0.1"}
    client.close()


def test_a_wrong_password_is_refused_and_not_repeated(server: FtpServer, tmp_path: Path) -> None:
    client = client_of(server, tmp_path, Pass="wrong-but-just-as-secret")
    assert client.connect() is False
    assert "log in: the server refused the user or the password" in client.lines("error")
    assert "wrong-but" not in client.lines()
    client.close()


@pytest.fixture(scope="module", params=PROGRAMS)
def explicit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtpServer]:
    running = PROGRAMS[request.param](tmp_path_factory.mktemp(request.param), AUTHORITY, EXPLICIT)
    yield running
    running.stop()


def test_the_servers_do_demand_session_reuse(explicit: FtpServer) -> None:
    """The tests of the client mean nothing otherwise."""
    plain = ftplib.FTP_TLS(context=trusting(), timeout=10)
    plain.connect("127.0.0.1", explicit.port)
    plain.login(explicit.user, PASSWORD)
    plain.prot_p()
    with pytest.raises((ftplib.Error, OSError, EOFError)):
        plain.retrlines("LIST", lambda _: None)
    plain.close()


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_told(explicit: FtpServer, tmp_path: Path) -> None:
    def other_authority() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trustme.CA().configure_trust(context)
        return context

    client = client_of(explicit, tmp_path)
    client = Client("ftps", tmp_path, client.fields, context=other_authority)
    assert client.connect() is False
    assert "the certificate is not accepted: " in client.lines("error")
    client.fields["TLSInsecure"] = True
    assert client.connect() is True, client.lines()
    assert client.ListDir("") == []
    client.close()


def test_a_certificate_for_another_name_is_refused(explicit: FtpServer, tmp_path: Path) -> None:
    client = client_of(explicit, tmp_path, Host=f"ftp.example.com:{explicit.port}")
    client.dial = lambda _, port, timeout_s, **_how: dial("127.0.0.1", port, timeout_s)
    assert client.connect() is False
    assert "the certificate is not accepted: " in client.lines("error")
    client.close()


def test_without_tls_a_server_that_wants_it_is_not_given_the_password(explicit: FtpServer, tmp_path: Path) -> None:
    client = client_of(explicit, tmp_path, TLSMode=NONE)
    assert client.connect() is False
    assert PASSWORD not in client.lines()
    client.close()


def test_an_unknown_mode_is_refused(tmp_path: Path) -> None:
    client = Client("ftps", tmp_path, {"Host": "127.0.0.1", "TLSMode": 9})
    assert client.connect() is False
    assert "TLSMode is none of" in client.lines("error")
    client.close()


def test_a_full_disk_is_told_in_the_servers_words(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    server = ftp_server.start_proftpd(folder, AUTHORITY, NONE, "MaxStoreFileSize 100 Kb")
    (tmp_path / "f").write_bytes(os.urandom(8_000_000))
    client = client_of(server, tmp_path)
    try:
        assert client.connect() is True, client.lines()
        assert client.Upload("f", "in") is False
        assert "f: " in client.lines("error")
        assert client.ListDir("in") == []
        assert client.Exists("in") is True
    finally:
        client.close()
        server.stop()
