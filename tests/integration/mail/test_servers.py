"""The mail service against real servers: TLS, signing in, refusals, attachments, and servers that misbehave."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

import mail_server
from mail_server import IMPLICIT, NONE, PASSWORD, STARTTLS, USER, MailServer
from nightdrop.syncjs.files import Roots
from nightdrop.syncjs.mail import service as mail_service
from nightdrop.syncjs.mail.draft import MailSettings
from nightdrop.syncjs.mail.service import MailService
from nightdrop.syncjs.mail.smtp import MailLimits
from nightdrop.syncjs.remotes.local import SiteFiles
from nightdrop.syncjs.remotes.port import DialError

AUTHORITY = trustme.CA()
QUICK = MailLimits(connect_s=0.5, answer_s=0.5, accept_s=0.5)


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    AUTHORITY.configure_trust(context)
    return context


def dial(host: str, port: int, timeout: float) -> socket.socket:
    try:
        sock = socket.create_connection((host, port), timeout)
    except OSError:
        raise DialError(f"{host} port {port} refused the connection.") from None
    sock.settimeout(None)
    return sock


class Sender:
    """A service with its log, and a short way to send."""

    def __init__(self, files: Path, port: int, limits: MailLimits | None = None, **settings: Any) -> None:
        self.log: list[tuple[str, str]] = []
        self.asked: list[str] = []
        self.secrets = {"smtp": PASSWORD, "wrong": "not-the-password", "ends": PASSWORD + "\n"}
        given: dict[str, Any] = {"host": "127.0.0.1", "port": port, "tls": NONE, "sender": "night@example.com"}
        self.service = MailService(
            MailSettings(**{**given, **settings}),
            dial,
            SiteFiles(Roots.open(str(files))),
            lambda level, text: self.log.append((level, text)),
            self._secret,
            context=trusting,
            limits=limits,
        )

    def _secret(self, name: str) -> str:
        self.asked.append(name)
        return self.secrets.get(name, "")

    def send(self, **message: Any) -> bool:
        given = {"To": "you@example.com", "Subject": "Hello", "Text": "text"}
        return self.service.send({**given, **message})

    @property
    def reason(self) -> str:
        ((level, text),) = self.log
        assert level == "error"
        return text


@pytest.fixture(scope="module")
def plain() -> Iterator[MailServer]:
    with mail_server.serving(AUTHORITY, NONE) as server:
        yield server


@pytest.fixture(scope="module")
def starttls() -> Iterator[MailServer]:
    with mail_server.serving(AUTHORITY, STARTTLS, auth=True) as server:
        yield server


def test_without_tls_and_without_a_user(plain: MailServer, tmp_path: Path) -> None:
    sender = Sender(tmp_path, plain.port)
    assert sender.send(Text="line\n.\n..dots\nü"), sender.log
    assert (plain.last().sender, plain.last().recipients, plain.last().encrypted) == (
        "night@example.com",
        ["you@example.com"],
        False,
    )
    assert plain.last().message.get_content() == "line\r\n.\r\n..dots\r\nü\r\n"
    ((level, line),) = sender.log
    assert (level, line) == ("info", f"mail: 127.0.0.1 accepted {plain.last().message['Message-ID']} for 1 of 1")
    assert sender.asked == []


@pytest.mark.parametrize("secret", ["smtp", "ends"])
def test_starttls_and_sign_in(starttls: MailServer, tmp_path: Path, secret: str) -> None:
    sender = Sender(tmp_path, starttls.port, tls="starttls", user=USER, password_secret=secret)
    assert sender.send(), sender.log
    assert (starttls.last().encrypted, starttls.last().user) == (True, USER)
    assert sender.asked == [secret]


@pytest.mark.parametrize("left_out", ["PLAIN", "LOGIN"])
def test_implicit_tls_and_each_way_to_sign_in(tmp_path: Path, left_out: str) -> None:
    with mail_server.serving(AUTHORITY, IMPLICIT, auth=True, mechanisms=(left_out,)) as server:
        sender = Sender(tmp_path, server.port, tls="implicit", user=USER, password_secret="smtp")
        assert sender.send(), sender.log
        assert (server.last().encrypted, server.last().user) == (True, USER)


def test_no_way_to_sign_in(tmp_path: Path) -> None:
    with mail_server.serving(AUTHORITY, IMPLICIT, mechanisms=("PLAIN", "LOGIN")) as server:
        sender = Sender(tmp_path, server.port, tls="implicit", user=USER, password_secret="smtp")
        assert not sender.send()
        assert sender.reason == "mail: sign in: the server offers neither AUTH PLAIN nor AUTH LOGIN"


def test_a_wrong_password(starttls: MailServer, tmp_path: Path) -> None:
    sender = Sender(tmp_path, starttls.port, tls="starttls", user=USER, password_secret="wrong")
    before = len(starttls.accepted)
    assert not sender.send()
    assert sender.reason.startswith("mail: sign in: the server refused: 535 ")
    assert len(starttls.accepted) == before


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"host": ""}, "mail: the site has no mail server; an admin sets smtp_host"),
        ({"user": USER}, "mail: the site has smtp_user, but no smtp_password_secret"),
        ({"user": USER, "password_secret": "none"}, "mail: there is no value for the secret 'none'"),
        ({"tls": "starttls"}, "mail: connect: the server offers no STARTTLS, and nothing is sent without TLS"),
        ({"tls": "implicit"}, "mail: connect: TLS failed (WRONG_VERSION_NUMBER)"),
        ({"host": "127.0.0.2"}, "mail: connect: 127.0.0.2 port PORT refused the connection."),
        ({"sender": ""}, "mail: From is empty, and the site has no smtp_from"),
    ],
)
def test_settings_that_do_not_do(plain: MailServer, tmp_path: Path, settings: dict[str, Any], reason: str) -> None:
    before = len(plain.accepted)
    sender = Sender(tmp_path, plain.port, **settings)
    assert not sender.send()
    assert sender.reason == reason.replace("PORT", str(plain.port))
    assert len(plain.accepted) == before


@pytest.mark.parametrize("tls", [STARTTLS, IMPLICIT])
@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_a_certificate_that_does_not_hold_gets_no_password(tmp_path: Path, tls: str, wrong: str) -> None:
    authority, name = (AUTHORITY, "other.example") if wrong == "name" else (trustme.CA(), "127.0.0.1")
    with mail_server.serving(authority, tls, name=name) as server:
        sender = Sender(tmp_path, server.port, tls=tls, user=USER, password_secret="smtp")
        assert not sender.send()
        assert sender.reason.startswith("mail: connect: the certificate is not accepted: ")
        assert server.accepted == []


def test_who_is_refused_is_told_and_the_others_get_it(plain: MailServer, tmp_path: Path) -> None:
    sender = Sender(tmp_path, plain.port)
    assert not sender.send(To="you@example.com, nobody@example.com", Bcc="hidden@example.com")
    assert plain.last().recipients == ["you@example.com", "hidden@example.com"]
    assert sender.log[0] == ("error", "mail: nobody@example.com was refused: 550 5.1.1 no such mailbox")
    assert sender.log[1][1].endswith(" for 2 of 3")


def test_everybody_refused_or_the_message(plain: MailServer, tmp_path: Path) -> None:
    before = len(plain.accepted)
    sender = Sender(tmp_path, plain.port)
    assert not sender.send(To="nobody@example.com")
    assert not sender.send(Subject="please refuse")
    assert [text for _, text in sender.log] == [
        "mail: send: every recipient was refused: nobody@example.com: 550 5.1.1 no such mailbox",
        "mail: send: the server refused: 554 5.7.1 this looks like spam",
    ]
    assert len(plain.accepted) == before


def test_attachments_by_mask_and_by_path(plain: MailServer, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("a.csv", "b.csv", "c.txt", "we, two [1].csv"):
        (tmp_path / "out" / name).write_bytes(name.encode())
    (tmp_path / "out" / "deep.csv").mkdir()
    (tmp_path / "out" / "link.csv").symlink_to("/etc/passwd")
    sender = Sender(tmp_path, plain.port)
    assert sender.send(Masks="out/[ab].csv, out/c.txt", Paths=["out/we, two [1].csv"]), sender.log
    files = {part.get_filename(): part.get_payload(decode=True) for part in plain.last().message.iter_attachments()}
    assert files == {name: name.encode() for name in ("a.csv", "b.csv", "c.txt", "we, two [1].csv")}
    assert sender.send(Masks="out/*.csv")
    assert len(list(plain.last().message.iter_attachments())) == 3


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"Masks": "none.txt"}, "mail: attachment 'none.txt': it does not exist"),
        ({"Masks": "none/*"}, "mail: attachment 'none/*': it does not exist"),
        ({"Masks": "*.none"}, "mail: attachment '*.none': there is no such file"),
        ({"Masks": "*/x"}, "mail: attachment '*/x': wildcards are for the last part of a path"),
        ({"Masks": "link"}, "mail: attachment 'link': it is a symbolic link, and these are not followed"),
        ({"Paths": ["../outside"]}, "mail: attachment '../outside': a path may not have '..' in it"),
        ({"Paths": ["/etc/passwd"]}, "mail: attachment '/etc/passwd': it lies outside of the site's directories"),
        ({"Paths": ["folder"]}, "mail: attachment 'folder': it is a directory"),
        ({"Paths": ["x.txt"] * 101}, "mail: a message may have 100 attachments"),
        ({"Paths": ["big", "x.txt"]}, "mail: the attachments are larger than 25 MiB"),
    ],
)
def test_attachments_that_cannot_be(plain: MailServer, tmp_path: Path, message: dict[str, Any], reason: str) -> None:
    (tmp_path / "x.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc/passwd")
    with (tmp_path / "big").open("wb") as file:
        file.truncate(mail_service.MAX_ATTACHED_BYTES)
    before = len(plain.accepted)
    sender = Sender(tmp_path, plain.port)
    assert not sender.send(**message)
    assert sender.reason == reason
    assert len(plain.accepted) == before


Talk = Callable[[socket.socket], None]


@pytest.fixture
def hostile() -> Iterator[Callable[[Talk], int]]:
    """Yield a function that serves one connection with ``talk`` and returns the port."""
    opened: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(listener: socket.socket, talk: Talk) -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            opened.append(connection)
            talk(connection)

    def start(talk: Talk) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)
        threads.append(threading.Thread(target=serve, args=(listener, talk)))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield start
    for sock in opened:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()
    for sock in opened:
        sock.close()


def says(*replies: bytes) -> Talk:
    """Answer each thing that is received with the next reply, then say nothing more."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(replies[0])
        for reply in replies[1:]:
            connection.recv(65536)
            connection.sendall(reply)
        while connection.recv(65536):
            pass

    return talk


def endless(piece: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        while True:
            connection.sendall(piece)

    return talk


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (says(b""), "connect: the server did not answer in time"),
        (says(b"220 hi\r\n"), "connect: the server did not answer in time"),
        (says(b"220 hi\r\n", b"250-x\r\n250 SIZE 10\r\n", b"250 ok\r\n"), "send: the server did not answer in time"),
        (endless(b"220-more\r\n"), "connect: the server's answer does not end"),
        (endless(b"x" * 4096), "connect: the server's answer does not end"),
        (says(b"SSH-2.0-x\r\n"), "connect: the server broke the SMTP protocol"),
        (says(b"554 go\x1b[31m away\r\n"), "connect: the server refused: 554 go [31m away"),
        (lambda connection: connection.close(), "connect: the server closed the connection"),
        (
            says(b"220 hi\r\n", b"250 ok\r\n", b"552 5.3.4 too big for me\r\n", b"250 ok\r\n"),
            "send: the server refused: 552 5.3.4 too big for me",
        ),
    ],
    ids=[
        "silent",
        "silent hello",
        "silent recipient",
        "endless lines",
        "endless line",
        "ssh",
        "refused",
        "gone",
        "size",
    ],
)
def test_servers_that_misbehave(hostile: Callable[[Talk], int], tmp_path: Path, talk: Talk, reason: str) -> None:
    sender = Sender(tmp_path, hostile(talk), QUICK)
    assert not sender.send()
    assert sender.reason == f"mail: {reason}"


def test_what_comes_before_tls_is_no_answer_after_it(hostile: Callable[[Talk], int], tmp_path: Path) -> None:
    talk = says(b"220 hi\r\n", b"250-x\r\n250 STARTTLS\r\n", b"220 go\r\n250-x\r\n250 AUTH PLAIN\r\n")
    sender = Sender(tmp_path, hostile(talk), QUICK, tls="starttls", user=USER, password_secret="smtp")
    assert not sender.send()
    assert sender.reason == "mail: connect: the server sent something between STARTTLS and TLS"
