"""The listener of a real server: TLS, limits of connections and heads, slow clients."""

import http.client
import re
import signal
import socket
import ssl
import time

import pytest

from support import Installation, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("tls"))
    installation.copy_new_home()
    settings = 'self_signed = true\nmax_connections = 20\nhosts = ["drop.example.com"]\nlog_level = "info"\n'
    (installation.home / "nightdrop.toml").write_text(settings)
    installation.start()
    yield installation
    installation.stop()


def status(server):
    return server.ok("doctor", "--json") and server.ok("admin", "setup-link", "--json").json


def address(server):
    url = status(server)["url"]
    host, port = re.match(r"https://([^/:]+):(\d+)/setup#", url).groups()
    assert host == "drop.example.com"
    return "127.0.0.1", int(port)


def trusting(server):
    return ssl.create_default_context(cafile=str(server.home / "tls" / "self-signed.crt"))


def connect(server, port):
    raw = socket.create_connection(("127.0.0.1", port), timeout=30)
    return trusting(server).wrap_socket(raw, server_hostname="localhost")


def test_the_listener(server):
    _, port = address(server)
    connection = http.client.HTTPSConnection("localhost", port, timeout=30, context=trusting(server))
    connection.request("GET", "/health")
    answer = connection.getresponse()
    assert answer.status == 200
    answer.read()
    connection.close()
    _in_the_clear(port)
    _too_large_head(server, port)
    _bad_http(server, port)
    _too_many(server, port)
    _reload(server, port)


def _in_the_clear(port):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        raw.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" not in raw.recv(1000)


def _too_large_head(server, port):
    with connect(server, port) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000)
        _is_problem(_all(sock), 400, b"bad_request")


def _bad_http(server, port):
    with connect(server, port) as sock:
        sock.sendall(b"needle-5d1b needle-5d1b\r\n\r\n")
        answer = _all(sock)
        _is_problem(answer, 400, b"bad_request")
        assert b"needle-5d1b" not in answer
    assert "needle-5d1b" not in server.server_log()


def _too_many(server, port):
    held = [connect(server, port) for _ in range(20)]

    def refused():
        with connect(server, port) as sock:
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = _all(sock)
        return answer if b" 503 " in answer.partition(b"\r\n")[0] and b"too_many_connections" in answer else None

    answer = wait_until(refused, "a connection too many is refused")
    _is_problem(answer, 503, b"too_many_connections")
    assert b"retry-after" in answer.lower()
    for sock in held:
        sock.close()

    def served():
        with connect(server, port) as sock:
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b" 200 " in _all(sock)

    wait_until(served, "room again")


def _reload(server, port):
    with connect(server, port) as sock:
        before = sock.getpeercert(binary_form=True)
    # In place: the file itself is what the process may read.
    from nightdrop.api.tls import make_self_signed

    cert, key = make_self_signed(["localhost"])
    (server.home / "tls" / "self-signed.key").write_bytes(key)
    (server.home / "tls" / "self-signed.crt").write_bytes(cert)
    web = server.pid_of("api")
    import os

    os.kill(web, signal.SIGHUP)

    def changed():
        try:
            with connect(server, port) as sock:
                return sock.getpeercert(binary_form=True) != before
        except ssl.SSLCertVerificationError:
            # It still shows the one before, which the file that we trust does not hold any more.
            return False

    wait_until(changed, "the new certificate is used")


def _all(sock):
    parts, end = b"", time.monotonic() + 30
    while time.monotonic() < end:
        try:
            part = sock.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError):
            break
        if not part:
            break
        parts += part
    return parts


def _is_problem(answer, status, code):
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert int(lines[0].split()[1]) == status
    assert code in body
    for line in (
        b"cache-control: no-store",
        b"x-content-type-options: nosniff",
        b"content-type: application/problem+json",
    ):
        assert lines.count(line) == 1


def test_other_hosts_are_refused_in_the_clear(server):
    refused = server.run("web", "--listen", "0.0.0.0:0")
    assert refused.status == 1
