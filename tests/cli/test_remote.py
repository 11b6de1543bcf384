"""The command line against a server on another host: a home that it cannot see, TLS, a token."""

import http.client
import json
import ssl
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from cli.terminal import Terminal
from support import Installation

NAME, PASSWORD = "ann", "correct horse battery 71"


class Laptop(Installation):
    """A user without a home of nightdrop."""

    @property
    def env(self):
        return {name: value for name, value in super().env.items() if name != "NIGHTDROP_HOME"} | {
            "HOME": str(self.folder),
            "XDG_DATA_HOME": str(self.folder / "data"),
        }


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("remote"))
    installation.init()
    (installation.home / "nightdrop.toml").write_text("self_signed = true\n")
    installation.start()
    link = urlsplit(installation.ok("admin", "setup-link", "--json").json["url"])
    trusted = ssl.create_default_context(cafile=str(installation.home / "tls" / "self-signed.crt"))
    connection = http.client.HTTPSConnection(link.hostname, link.port, context=trusted, timeout=30)
    body = json.dumps({"token": link.fragment, "name": NAME, "password": PASSWORD})
    connection.request("POST", "/api/v1/setup", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 201
    connection.close()
    installation.url = f"https://{link.hostname}:{link.port}"
    yield installation
    installation.stop()


@pytest.fixture
def laptop(tmp_path):
    return Laptop(tmp_path)


@pytest.fixture
def ca(server):
    return str(server.home / "tls" / "self-signed.crt")


def sign_in(laptop, *arguments, password=PASSWORD):
    with Terminal(laptop, ["login", *arguments]) as terminal:
        terminal.wait_for("Name: ")
        terminal.type(NAME + "\n")
        terminal.wait_for("Password: ")
        terminal.wait_for_no_echo()
        terminal.type(password + "\n")
        return terminal.end(), terminal.shown


def saved(laptop):
    return laptop.folder / "config" / "nightdrop" / "login.json"


def test_from_sign_in_to_sign_out(server, laptop, ca):
    ended, shown = sign_in(laptop, server.url, "--ca", ca)
    assert ended == 0, shown
    assert f"Signed in at {server.url} until" in shown
    assert "Keeper SHA256:" in shown
    assert PASSWORD not in shown
    assert stat.S_IMODE(saved(laptop).stat().st_mode) == 0o600
    token = json.loads(saved(laptop).read_text())["token"]
    assert token not in shown
    laptop.ok("secret", "set", "from-afar", stdin="needle-far-33c0")
    assert "from-afar" in [row["name"] for row in laptop.ok("secret", "ls", "--json").json]
    assert server.exec_js('Log(GetSecret("from-afar") === "needle-far-33c0")').out == "true\n"
    pins = json.loads((laptop.folder / "config" / "nightdrop" / "known-keepers.json").read_text())
    assert list(pins) == [f"url:{server.url}"]
    assert laptop.exec_js('Log("ran")').out == "ran\n"
    laptop.ok("logout")
    assert not saved(laptop).exists()
    refused = laptop_with(laptop, server, ca, token).run("secret", "ls", "--json")
    assert refused.json["error"]["code"] == "sign_in_required"


def laptop_with(laptop, server, ca, token):
    environment = {"NIGHTDROP_URL": server.url, "NIGHTDROP_TOKEN": token, "NIGHTDROP_CA": ca}
    return Laptop(laptop.folder, environment)


def test_another_keeper_at_the_same_address_gets_nothing(server, laptop, ca):
    sign_in(laptop, server.url, "--ca", ca)
    pins = laptop.folder / "config" / "nightdrop" / "known-keepers.json"
    pins.write_text(json.dumps({f"url:{server.url}": "SHA256:" + "A" * 43}))
    refused = laptop.run("secret", "set", "never", "--json", stdin="x")
    assert refused.json["error"]["code"] == "pin_mismatch"
    assert not server.ok("secret", "ls", "--search", "never", "--json").json
    token = json.loads(saved(laptop).read_text())["token"]
    # With the token in the environment it is the same server, and the same pin.
    refused = laptop_with(laptop, server, ca, token).run("secret", "set", "never", "--json", stdin="x")
    assert refused.json["error"]["code"] == "pin_mismatch"


def test_a_home_that_is_chosen_comes_before_a_login(server, laptop, ca):
    sign_in(laptop, server.url, "--ca", ca)
    refused = laptop.run("secret", "ls", "--json", "--home", str(laptop.folder / "nowhere"))
    assert refused.json["error"]["code"] == "home_missing"


def test_a_certificate_that_nobody_vouches_for_is_refused_before_a_password(server, laptop):
    with Terminal(laptop, ["login", server.url]) as terminal:
        assert terminal.end() == 1
        assert "certificate is not trusted" in terminal.shown
        assert "Password" not in terminal.shown


def test_a_wrong_password_keeps_nothing(server, laptop, ca):
    ended, shown = sign_in(laptop, server.url, "--ca", ca, password="wrong-needle-9a")
    assert ended == 1
    assert "wrong-needle-9a" not in shown
    assert not saved(laptop).exists()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://drop.example", "url_insecure"),
        ("http://127.0.0.1.evil.example", "url_insecure"),
        ("drop.example", "url_invalid"),
        ("ftp://drop.example", "url_invalid"),
        ("https://", "url_invalid"),
        ("https://me:pw@drop.example", "url_invalid"),
        ("https://drop.example/path", "url_invalid"),
        ("https://drop.example:99999", "url_invalid"),
    ],
)
def test_addresses_that_are_refused(laptop, url, code):
    assert laptop.run("login", url, "--json").json["error"]["code"] == code
    laptop.environment = {"NIGHTDROP_URL": url, "NIGHTDROP_TOKEN": "nd_x"}
    refused = laptop.run("secret", "ls", "--json")
    assert refused.json["error"]["code"] == code
    assert "pw" not in refused.out


def test_an_address_without_a_token(laptop):
    laptop.environment = {"NIGHTDROP_URL": "https://drop.example"}
    assert laptop.run("secret", "ls", "--json").json["error"]["code"] == "token_missing"


def test_without_a_terminal_nobody_is_asked(laptop):
    assert laptop.run("login", "http://localhost:1", "--json").json["error"]["code"] == "no_terminal"
    assert laptop.ok("logout").out == "You are not signed in.\n"


def test_a_server_that_redirects_does_not_get_the_token_carried_elsewhere(laptop):
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            code = 302 if len(asked) == 1 else 200
            self.send_response(code)
            self.send_header("Location", "/stolen")
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"<html")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        laptop.environment = {"NIGHTDROP_URL": f"http://127.0.0.1:{other.server_port}", "NIGHTDROP_TOKEN": "nd_x"}
        for _ in range(2):
            assert laptop.run("secret", "ls", "--json").json["error"]["code"] == "not_nightdrop"
        other.shutdown()
    assert len(asked) == 2
    assert "/stolen" not in asked


def test_a_damaged_login_is_told_of(laptop):
    saved(laptop).parent.mkdir(parents=True)
    saved(laptop).write_text("{")
    assert laptop.run("secret", "ls", "--json").json["error"]["code"] == "login_unreadable"
    assert saved(laptop).exists()
