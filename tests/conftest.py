"""Fixtures that every kind of test may use."""

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import settings

from support import Installation, Received

# A busy machine is slow, not wrong.
settings.register_profile("nightdrop", deadline=None)
settings.load_profile("nightdrop")

# A shell that starts us in the background has SIGINT ignored, and so would every process under test.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A fresh home, not started."""
    made = Installation(tmp_path)
    made.copy_new_home()
    yield made
    made.stop()


@pytest.fixture
def server(installation: Installation) -> Installation:
    """A fresh home with its server running."""
    installation.start()
    return installation


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One running installation for tests of a module that do not disturb each other."""
    # Sites may be given what lies in the tests' own folders.
    settings = {"NIGHTDROP_SITE_PATHS": str(tmp_path_factory.getbasetemp())}
    made = Installation(tmp_path_factory.mktemp("installation"), settings)
    made.copy_new_home()
    made.start()
    made.ok("site", "set", "default", "egress_allow=127.0.0.1")
    yield made
    made.stop()


@pytest.fixture
def http_server() -> Iterator[Received]:
    """An HTTP server on loopback that notes what it gets."""
    with noting_server() as received:
        yield received


@pytest.fixture(scope="module")
def module_http_server() -> Iterator[Received]:
    """The same for all tests of a module."""
    with noting_server() as received:
        yield received


@contextmanager
def noting_server() -> Iterator[Received]:
    """Serve HTTP on loopback and note every request."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            received.requests.append((self.command, self.path, dict(self.headers), body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads = True
        received = Received(f"http://127.0.0.1:{httpd.server_port}")
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield received
        finally:
            httpd.shutdown()
            thread.join()


@contextmanager
def silent_server() -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """A server that answers nobody before it is told to; yields its address, "asked" and "answer"."""
    asked, answer = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        asked.set()
                        answer.wait(30)
                        with contextlib.suppress(OSError):
                            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked, answer
        finally:
            answer.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
