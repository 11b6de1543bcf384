"""Scripts send mail through a confined courier; the script never has the password of the server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

import mail_server
from machine import Machine
from mail_server import IMPLICIT, PASSWORD, STARTTLS, USER, MailServer
from support import Installation, Received, wait_until

AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with mail_server.serving(AUTHORITY, STARTTLS, auth=True) as server:
        yield server


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, mail: MailServer) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("installation")
    AUTHORITY.cert_pem.write_to_path(str(folder / "authority.pem"))
    made = Installation(folder, environment={"SSL_CERT_FILE": str(folder / "authority.pem")})
    made.copy_new_home()
    made.start()
    made.ok("secret", "set", "smtp-password", stdin=PASSWORD)
    made.ok("secret", "set", "other", stdin="not-for-any-server")
    made.ok("site", "set", "default", *_settings(mail))
    yield made
    made.stop()


def _settings(mail: MailServer, tls: str = STARTTLS) -> list[str]:
    return [
        "egress_allow=127.0.0.1",
        "smtp_host=127.0.0.1",
        f"smtp_port={mail.port}",
        f"smtp_tls={tls}",
        f"smtp_user={USER}",
        "smtp_password_secret=smtp-password",
        "smtp_from=Night Drop <night@example.com>",
    ]


@pytest.fixture
def machine(here: Installation) -> Machine:
    return Machine(here)


def site_files(machine: Machine) -> Path:
    (site,) = machine.call("GET", "/sites")["items"]
    files = machine.installation.home / "sites" / str(site["id"]) / "files"
    files.mkdir(mode=0o700, parents=True, exist_ok=True)
    return files


def test_five_texts(machine: Machine, mail: MailServer) -> None:
    (site_files(machine) / "report.csv").write_text("a;b\n")
    (site_files(machine) / "Übersicht.txt").write_text("ü")
    run, log = machine.finish(
        'Log(SendMail("me@example.com", "a@example.com, B <b@example.com>", "Größe", "Grüße", "*.csv,Übersicht.txt"))'
    )
    assert run["state"] == "succeeded", (run, log)
    assert log[-1] == "true", log
    got = mail.last()
    assert (got.sender, got.recipients) == ("me@example.com", ["a@example.com", "b@example.com"])
    assert (got.encrypted, got.user) == (True, USER)
    assert got.message["Subject"] == "Größe"
    text, *files = got.message.iter_parts()
    assert text.get_content() == "Grüße\r\n"
    assert [(file.get_filename(), file.get_content().strip()) for file in files] == [
        ("report.csv", "a;b"),
        ("Übersicht.txt", "ü"),
    ]
    assert run["secrets_used"] == ["smtp-password"]
    assert not any(PASSWORD in line for line in log)


def test_a_message_object(machine: Machine, mail: MailServer) -> None:
    (site_files(machine) / "x, y.bin").write_bytes(b"\0\1")
    run, log = machine.finish("""
        var m = new MailMessage();
        m.To = ["a@example.com", "B, C <b@example.com>".replace("B, C", '"B, C"')];
        m.Cc = "c@example.com"; m.Bcc = "d@example.com"; m.ReplyTo = "r@example.com";
        m.Subject = "Two forms"; m.Text = "plain"; m.HTML = "<b>rich</b>";
        m.Sbject = "x";
        Log(m.AddAttachment("x, y.bin") === m, m.Send());
        m.To = ""; m.Cc = ""; m.Bcc = "d@example.com"; m.Text = 5;
        Log(m.Send(), new MailMessage().Send(), new MailMessage().AddAttachment({}).Send(), JSON.stringify(m).length);""")
    assert run["state"] == "succeeded", (run, log)
    assert log[0] == 'MailMessage has no field "Sbject", did you mean "Subject"?; it was ignored'
    first, second = mail.accepted[-2:]
    assert first.sender == "night@example.com"
    assert first.recipients == ["a@example.com", "b@example.com", "c@example.com", "d@example.com"]
    assert [first.message[name] for name in ("From", "Cc", "Reply-To", "Bcc")] == [
        "Night Drop <night@example.com>",
        "c@example.com",
        "r@example.com",
        None,
    ]
    kinds = [part.get_content_type() for part in first.message.walk()]
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/octet-stream",
    ]
    assert second.recipients == ["d@example.com"]
    assert "true true" in log
    assert any(line.startswith("true false false ") for line in log), log


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ('SendMail("me@example.com", "", "s", "b", "")', "mail: nobody to send it to: To, Cc and Bcc are empty"),
        ("SendMail()", "mail: nobody to send it to: To, Cc and Bcc are empty"),
        (
            'SendMail("me@example.com\\r\\nBcc: x@example.com", "a@example.com", "s", "b")',
            "mail: From: an address must not have line breaks or control characters",
        ),
        (
            'SendMail("", "a@example.com", "s\\nBcc: x@example.com", "b")',
            "mail: Subject must not have line breaks or control characters",
        ),
        (
            'SendMail("", "nobody@example.com", "s", "b")',
            "mail: send: every recipient was refused: nobody@example.com: ",
        ),
        ('SendMail("", "a@example.com", "s", "b", "/etc/passwd")', "mail: attachment '/etc/passwd': "),
        ('SendMail("", "a@example.com", "s", {})', "mail: Text must be a text"),
    ],
)
def test_a_failure_is_false_and_a_line(machine: Machine, mail: MailServer, call: str, reason: str) -> None:
    before = len(mail.accepted)
    run, log = machine.finish(f"Log({call})")
    assert run["state"] == "succeeded", (run, log)
    assert log[-1] == "false"
    assert log[-2].startswith(reason), log
    assert len(mail.accepted) == before


def test_the_largest_mail_fits_into_a_courier(machine: Machine, mail: MailServer) -> None:
    (site_files(machine) / "large.bin").write_bytes(bytes(range(256)) * (25 * 4096))
    run, log = machine.finish("""
        var m = new MailMessage();
        m.To = "a@example.com"; m.Subject = "Large"; m.Text = "ä".repeat(2 * 1024 * 1024);
        Log(m.AddAttachment("large.bin").Send());""")
    assert run["state"] == "succeeded", (run, log)
    assert log[-1] == "true", log
    assert len(mail.last().content) > 45 * 2**20


def test_a_password_that_the_server_sends_back_is_masked(machine: Machine, mail: MailServer) -> None:
    machine.installation.ok("secret", "set", "bad-password", stdin="wrong-password-4711")
    machine.installation.ok("site", "set", "default", "smtp_password_secret=bad-password")
    run, log = machine.finish('Log(SendMail("", "a@example.com", "s", "b", ""))')
    machine.installation.ok("site", "set", "default", *_settings(mail))
    assert run["state"] == "succeeded"
    assert log == ["mail: sign in: the server refused: 535 5.7.8 not ***", "false"]


def test_egress_rules_hold_for_mail(machine: Machine, mail: MailServer) -> None:
    machine.installation.ok("site", "set", "default", "egress_allow=")
    run, log = machine.finish('Log(SendMail("", "a@example.com", "s", "b", ""))')
    machine.installation.ok("site", "set", "default", *_settings(mail))
    assert run["state"] == "succeeded"
    assert "not allowed" in log[-2]


def test_a_site_without_a_server(machine: Machine, mail: MailServer) -> None:
    machine.installation.ok("site", "set", "default", "smtp_host=")
    run, log = machine.finish('Log(SendMail("", "a@example.com", "s", "b", ""))')
    machine.installation.ok("site", "set", "default", *_settings(mail))
    assert run["state"] == "succeeded"
    assert log == ["mail: the site has no mail server; an admin sets smtp_host", "false"]


def test_implicit_tls(machine: Machine, mail: MailServer) -> None:
    with mail_server.serving(AUTHORITY, IMPLICIT, auth=True) as other:
        machine.installation.ok("site", "set", "default", *_settings(other, IMPLICIT))
        run, log = machine.finish('Log(SendMail("", "a@example.com", "s", "b", ""))')
        machine.installation.ok("site", "set", "default", *_settings(mail))
        assert run["state"] == "succeeded"
        assert log[-1] == "true", log
        assert (other.last().encrypted, other.last().user) == (True, USER)


def test_a_server_with_a_certificate_of_somebody_else(machine: Machine, mail: MailServer) -> None:
    with mail_server.serving(trustme.CA(), STARTTLS, auth=True) as other:
        machine.installation.ok("site", "set", "default", *_settings(other))
        run, log = machine.finish('Log(SendMail("", "a@example.com", "s", "b", ""))')
        machine.installation.ok("site", "set", "default", *_settings(mail))
        assert run["state"] == "succeeded"
        assert log[-2].startswith("mail: connect: the certificate is not accepted: ")
        assert other.accepted == []


def test_a_failure_is_told_by_mail_and_by_a_request(machine: Machine, mail: MailServer, http_server: Received) -> None:
    installation = machine.installation
    installation.ok("secret", "set", "chat", stdin=f"{http_server.url}/hooks/needle")
    (installation.folder / "bad.js").write_text("\nnowhere();")
    installation.ok("script", "push", "bad.js")
    installation.ok("trigger", "add", "notify", "bad", "to=me@example.com")
    installation.ok("trigger", "add", "notify", "bad", "url_secret=chat")
    machine.call("POST", "/sites/default/runs?wait=60", {"script": "bad"})

    def told() -> list[dict[str, Any]]:
        runs = machine.call("GET", "/sites/default/runs")["items"]
        return [run for run in runs if run["script_name"] == "notification" and run["state"] == "succeeded"]

    wait_until(lambda: len(told()) == 2, "both notices")
    assert mail.last().message["Subject"] == "nightdrop: bad in default: failed (line 2)"
    [(method, path, _, body)] = http_server.requests
    assert (method, path) == ("POST", "/hooks/needle")
    assert json.loads(body)["text"].startswith(
        "bad in default: failed (line 2)\nReferenceError: nowhere is not defined"
    )
    assert all("needle" not in json.dumps(machine.call("GET", f"/runs/{run['id']}")) for run in told())
