"""Requests through a real broker, from a process in the gateway's cage that may not even try to import or open."""

import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from nightdrop.core.wire import Channel, channel_pair

WAIT = 20.0

# Runs what a gateway runs: everything is loaded first, then the doors are shut, then the requests come.
GATEWAY = """
import os, socket, sys
from pathlib import Path
from nightdrop.core.wire import Channel, ChannelClosedError
from nightdrop.syncjs import http
from nightdrop.syncjs.files import Files, Roots
from nightdrop.syncjs.net import BrokerConnector, BrokerGoneError
from nightdrop.sandbox.prepared import prepare

commands, broker, files = Channel.from_fd(int(sys.argv[1])), Channel.from_fd(int(sys.argv[2])), Path(sys.argv[3])
http.preload()
lines = []

cage, breaches = prepare(files=str(files)), []
if child := os.fork():
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) and 1)
cage.confine_gateway([2, commands.fileno(), broker.fileno()])
service = http.HttpService(
    BrokerConnector(broker),
    body_limit=1 << 20,
    log=lambda *line: lines.append(line),
    files=Files(Roots.open(str(files))),
    secret=str.upper,
)

def guard(event, args):
    # The site's directory, what lies below it, and descriptors that are open already.
    ours = event == "open" and (isinstance(args[0], int) or str(args[0]) in (str(files), "deep") or args[0].endswith(".part"))
    if event == "open" and not ours or event in ("socket.connect", "socket.getaddrinfo"):
        breaches.append(f"{event} {args[0]}")
        raise PermissionError(event)
    if event == "import":
        breaches.append(f"import {args[0]}")
        raise ImportError(args[0])

sys.addaudithook(guard)
commands.send_json({"ready": True})
while True:
    try:
        operation, *arguments = commands.recv_json()
    except ChannelClosedError:
        os._exit(0)
    try:
        value = getattr(service, operation)(*arguments)
    except BrokerGoneError:
        value = "broker gone"
    commands.send_json({"value": value, "lines": lines, "breaches": breaches})
    lines.clear()
"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/start":
            self.send_response(302)
            self.send_header("Location", "/end")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = "日本".encode("shift_jis")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=Shift_JIS")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path):
    """Yield the ports of a plain and a TLS server."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    servers[1].socket = context.wrap_socket(servers[1].socket, server_side=True, do_handshake_on_connect=False)
    threads = [threading.Thread(target=s.serve_forever, kwargs={"poll_interval": 0.01}) for s in servers]
    for s, thread in zip(servers, threads, strict=True):
        s.daemon_threads = True
        thread.start()
    yield [s.server_address[1] for s in servers]
    for s, thread in zip(servers, threads, strict=True):
        s.shutdown()
        thread.join(WAIT)
        s.server_close()


class Gateway:
    def __init__(self, tmp_path, egress):
        self.files = tmp_path / "files"
        (self.files / "deep").mkdir(parents=True)
        control, control_end = channel_pair()
        broker_end, run_end = channel_pair()
        commands, commands_end = channel_pair()
        for sock in (control, commands):
            sock.settimeout(WAIT)
        self.control, self.commands = Channel(control), Channel(commands)
        self.broker = subprocess.Popen(
            [sys.executable, "-I", "-m", "nightdrop.worker.broker", "--control-fd", str(control_end.fileno())],
            pass_fds=[control_end.fileno()],
        )
        message = {"id": 1, "op": "open_run", "run": "r", "site": "s", "egress": egress}
        self.control.send_json(message, [broker_end.fileno()])
        assert self.control.recv_json() == {"id": 1, "ok": True}
        fds = [commands_end.fileno(), run_end.fileno()]
        self.process = subprocess.Popen(
            [sys.executable, "-c", GATEWAY, *map(str, fds), str(self.files)],
            pass_fds=fds,
            env={"SSL_CERT_FILE": str(tmp_path / "authority.pem")},
        )
        for sock in (control_end, broker_end, run_end, commands_end):
            sock.close()
        assert self.commands.recv_json() == {"ready": True}

    def call(self, operation, *arguments):
        self.commands.send_json([operation, *arguments])
        answer = self.commands.recv_json()
        assert answer["breaches"] == []
        self.lines = answer["lines"]
        return answer["value"]

    def ask(self, url, method="GET", **spec):
        return self.call("request", {"method": method, "url": url, "timeout": 10, "redirects": True, **spec})

    def close(self):
        # The end of its commands is the end of the confined child, and with it of its parent.
        self.commands.close()
        self.process.wait(WAIT)
        self.control.close()
        self.broker.wait(WAIT)


@pytest.fixture
def make_gateway(tmp_path, server):
    gateways = []

    def make(allow, deny=()):
        gateways.append(Gateway(tmp_path, {"allow": list(allow), "deny": list(deny)}))
        return gateways[-1]

    yield make
    for gateway in gateways:
        gateway.close()


def test_everything_works_behind_shut_doors(make_gateway, server):
    plain, secured = server
    gateway = make_gateway(["localhost"])
    for base in (f"http://localhost:{plain}", f"https://localhost:{secured}"):
        assert gateway.ask(base + "/?x=1", query=[["a", "b"]])["url"] == base + "/?x=1&a=b"
        answer = gateway.ask(base + "/start")
        assert (answer["status"], answer["url"]) == (200, base + "/end")
        assert gateway.call("body_text", answer["id"]) == "日本"
        answer = gateway.ask(base, "POST", form=[["grüß", "x"]], basic=["u", "p"])
        assert gateway.call("body_text", answer["id"]) == "gr%C3%BC%C3%9F=x"
        answer = gateway.ask(base, "POST", body_b64="AAEC")
        assert gateway.call("body_b64", answer["id"]) == "AAEC"
        assert gateway.call("save", answer["id"], "deep/answer") is True
        assert (gateway.files / "deep" / "answer").read_bytes() == b"\x00\x01\x02"
    assert gateway.lines == []


def test_failures_need_nothing_new_either(make_gateway, server):
    plain, secured = server
    gateway = make_gateway(["localhost"])
    for url, reason in (
        (f"http://127.0.0.1:{plain}/", "loopback"),
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("http://name.invalid/", "could not be resolved"),
        ("http://bücher.invalid/", "could not be resolved"),
        (f"https://localhost:{plain}/", "TLS handshake failed"),
        (f"http://localhost:{secured}/", "failed"),
        ("http://localhost:1/", "refused"),
        ("nonsense", "http"),
        ("http://[::1", "not valid"),
    ):
        answer = gateway.ask(url)
        assert answer["valid"] is False
        assert reason in answer["error"]
        assert gateway.lines == [["error", answer["error"]]]


def test_the_certificate_must_be_for_the_name(make_gateway, server):
    gateway = make_gateway(["127.0.0.1"])
    answer = gateway.ask(f"https://127.0.0.1:{server[1]}/")
    assert "certificate was not accepted" in answer["error"]


def test_the_end_of_the_broker_ends_the_run(make_gateway, server):
    gateway = make_gateway(["localhost"])
    assert gateway.ask(f"http://localhost:{server[0]}/")["valid"]
    gateway.broker.kill()
    gateway.broker.wait(WAIT)
    # The connection that is there goes on; a new one cannot be had.
    assert gateway.ask(f"https://localhost:{server[1]}/") == "broker gone"
