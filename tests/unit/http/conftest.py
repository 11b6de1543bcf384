"""Real servers on loopback, and a connector that connects without a broker."""

import socket
import ssl
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from nightdrop.syncjs import http
from nightdrop.syncjs.files import Files, Roots
from nightdrop.syncjs.net import ConnectError

WAIT = 10.0


class DirectConnector:
    """Connects to a table of names, without asking anybody; remembers what it was asked for."""

    def __init__(self, names):
        self.names = names
        self.asked = []

    def connect(self, host, port, timeout):
        self.asked.append((host, port))
        target = self.names.get((host, port)) or self.names.get(host)
        if target is None:
            raise ConnectError("egress_denied", f"A connection to {host} port {port} is not allowed: nowhere.")
        try:
            return socket.create_connection(target if isinstance(target, tuple) else (target, port), timeout)
        except ConnectionRefusedError:
            raise ConnectError("refused", f"{host} port {port} refused the connection.") from None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, self.headers, body))
        status, headers, answer = self.server.route(self, body)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if answer is not None:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if answer and self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_PURGE = handle_any  # noqa: N815 - http.server finds them by name

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    # A client that breaks off mid-answer is part of these tests.
    def handle_error(self, request, client_address):
        pass


@pytest.fixture
def serve():
    """Yield a function that starts an HTTP server; ``route(handler, body)`` gives status, headers, body."""
    servers = []

    def start(route, context=None):
        server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.route, server.seen = route, []
        server.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return server

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join(WAIT)
        server.server_close()


@pytest.fixture
def raw():
    """Yield a function that serves connections with ``script(connection, request bytes)``, one call for each.

    With ``read=False`` nothing is read before, and the script gets the connection only.
    """
    stop, threads = [], []

    def run(listener, script, read):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                listener.close()
                return
            stop.append(connection)
            with connection:
                connection.settimeout(WAIT)
                try:
                    request = b""
                    while read and b"\r\n\r\n" not in request:
                        part = connection.recv(65536)
                        if not part:
                            raise ConnectionError
                        request += part
                    script(connection, request) if read else script(connection)
                except OSError:
                    pass

    def start(script, read=True):
        listener = socket.create_server(("127.0.0.1", 0))
        stop.append(listener)
        threads.append(threading.Thread(target=run, args=(listener, script, read)))
        threads[-1].start()
        return listener.getsockname()[1]

    yield start
    for sock in stop:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(WAIT)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture
def server_tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("secure.example", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority, tmp_path, monkeypatch):
    """Make the service trust the test authority, the way an administrator would."""
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setattr(http, "_context", None)
    http.preload()


class Run:
    """A service with its log, and a short way to ask."""

    def __init__(self, names, body_limit, files):
        self.connector = DirectConnector(names)
        self.lines = []
        self.secrets = {}
        self.asked_secrets = []
        self.service = http.HttpService(
            self.connector,
            body_limit=body_limit,
            log=lambda level, line: self.lines.append((level, line)),
            files=files and Files(Roots.open(str(files))),
            secret=self._secret,
        )

    def _secret(self, name):
        self.asked_secrets.append(name)
        return self.secrets.get(name, "")

    def ask(self, url, method="GET", **spec):
        return self.service.request({"method": method, "url": url, "timeout": WAIT, "redirects": True, **spec})


@pytest.fixture
def make_run():
    runs = []

    def make(names=None, *, body_limit=1 << 20, files=None):
        runs.append(Run({"127.0.0.1": "127.0.0.1"} if names is None else names, body_limit, files))
        return runs[-1]

    yield make
    for run in runs:
        run.service.close()
