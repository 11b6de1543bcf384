"""The broker as the worker runs it: a process of its own, real sockets, real resolver."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from nightdrop.core.wire import Channel, ChannelClosedError, channel_pair, pack_header
from nightdrop.syncjs.net import BrokerConnector, BrokerGoneError, ConnectError

LOOPBACK = {"allow": ["127.0.0.0/8", "::1", "localhost"], "deny": []}
NOTHING = {"allow": [], "deny": []}
WAIT = 10.0


class BrokerProcess:
    def __init__(self):
        ours, theirs = channel_pair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-m", "nightdrop.worker.broker", "--control-fd", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stderr=subprocess.PIPE,
            )
        ours.settimeout(WAIT)
        self.control = Channel(ours)
        self.runs = 0

    def ask(self, message, fds=()):
        self.control.send_json({"id": 7, **message}, fds)
        answer = self.control.recv_json()
        assert answer.pop("id") == 7
        return answer

    def open_run(self, egress=LOOPBACK, run=None):
        self.runs += 1
        ours, theirs = channel_pair()
        with theirs:
            answer = self.ask(
                {"op": "open_run", "run": run or f"run_{self.runs}", "site": "s", "egress": egress}, [theirs.fileno()]
            )
        assert answer == {"ok": True}
        ours.settimeout(WAIT)
        return Channel(ours)


@pytest.fixture
def broker():
    broker = BrokerProcess()
    yield broker
    broker.control.close()
    assert broker.process.wait(WAIT) == 0
    assert broker.process.stderr.read() == b""
    broker.process.stderr.close()


@contextmanager
def server(family=socket.AF_INET, address="127.0.0.1"):
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind((address, 0))
        listener.listen(32)
        listener.settimeout(WAIT)
        yield listener, listener.getsockname()[1]


def connect(channel, host, port, timeout=5.0):
    channel.send_json({"op": "connect", "host": host, "port": port, "timeout": timeout})
    frame = channel.recv()
    answer = frame.json()
    assert len(frame.fds) == (1 if answer["ok"] else 0)
    return answer, socket.socket(fileno=frame.fds[0]) if frame.fds else None


def closed(channel):
    with pytest.raises(ChannelClosedError):
        channel.recv()
    channel.close()
    return True


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST.", "127.1", "2130706433", "0177.0.0.1"])
def test_hands_over_a_connected_blocking_socket(broker, host):
    channel = broker.open_run()
    with server() as (listener, port):
        answer, sock = connect(channel, host, port)
        assert answer == {"ok": True, "address": "127.0.0.1", "port": port}
        peer, _ = listener.accept()
        with sock, peer:
            assert sock.getpeername() == ("127.0.0.1", port)
            assert sock.getblocking()
            assert not os.get_inheritable(sock.fileno())
            sock.sendall(b"ping")
            assert peer.recv(4) == b"ping"
            # The broker keeps no copy: our closing ends the connection.
            sock.close()
            assert peer.recv(1) == b""
    channel.close()


def test_ipv6_loopback(broker):
    channel = broker.open_run()
    with server(socket.AF_INET6, "::1") as (_listener, port):
        answer, sock = connect(channel, "[::1]", port)
        assert answer["address"] == "::1"
        with sock:
            assert sock.getpeername()[0] == "::1"
    channel.close()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "127.0.0.1.",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "0.0.0.0",
        "0",
        "::",
        "169.254.169.254",
        "\uff11\uff12\uff17.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_default_rules_refuse_however_it_is_spelled(broker, host):
    channel = broker.open_run(NOTHING)
    with server() as (listener, port):
        answer, sock = connect(channel, host, port)
        assert (answer["ok"], answer["code"], sock) == (False, "egress_denied", None)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    channel.close()


def test_rules_are_the_run_s_own(broker):
    open_run, shut = broker.open_run(), broker.open_run(NOTHING)
    with server() as (_listener, port):
        assert not connect(shut, "127.0.0.1", port)[0]["ok"]
        answer, sock = connect(open_run, "127.0.0.1", port)
        assert answer["ok"]
        sock.close()
        narrow = broker.open_run({"allow": [f"127.0.0.1:{port}"], "deny": ["*"]})
        answer, sock = connect(narrow, "127.0.0.1", port)
        assert answer["ok"]
        sock.close()
        denied = broker.open_run({"allow": ["127.0.0.1"], "deny": [f"127.0.0.0/8:{port}"]})
        assert connect(denied, "127.0.0.1", port)[0]["code"] == "egress_denied"
    for channel in (open_run, shut, narrow, denied):
        channel.close()


def test_failures_have_their_codes(broker):
    channel = broker.open_run()
    with server() as (_listener, port):
        pass
    assert connect(channel, "127.0.0.1", port)[0]["code"] == "refused"
    assert connect(channel, "name.invalid", 80)[0]["code"] == "dns_failed"
    for host in ("", "a b", "user@127.0.0.1", "fe80::1%lo", "a\x00b", "x" * 300, "\ud800"):
        assert connect(channel, host, 80)[0]["code"] == "dns_failed"
    for bad in (0, -1, 65536, 10**9):
        assert connect(channel, "127.0.0.1", bad)[0]["code"] == "egress_denied"
    assert connect(channel, "127.0.0.1", port, timeout=0)[0]["code"] == "timeout"
    channel.close()


def test_a_full_backlog_ends_in_a_timeout(broker):
    channel = broker.open_run()
    with server() as (listener, port):
        listener.listen(0)
        full = [connect(channel, "127.0.0.1", port, 0.3) for _ in range(3)]
        assert full[-1][0]["code"] == "timeout"
        assert str(port) in full[-1][0]["message"]
        for _answer, sock in full:
            if sock:
                sock.close()
    channel.close()


def test_the_connector_raises_what_the_broker_says(broker):
    connector = BrokerConnector(broker.open_run())
    with server() as (_listener, port), connector.connect("localhost", port, 5.0) as sock:
        assert sock.getpeername()[1] == port
    with pytest.raises(ConnectError) as refused:
        connector.connect("localhost", port, 5.0)
    assert (refused.value.code, refused.value.message) == (
        "refused",
        f"localhost port {port} refused the connection.",
    )
    broker.ask({"op": "close_run", "run": "run_1"})
    with pytest.raises(BrokerGoneError):
        connector.connect("localhost", port, 5.0)
    connector._channel.close()


HOSTILE = [
    b"",
    b"x",
    b"null",
    b"[]",
    b"{}",
    b'{"op":"open_run","run":"x","site":"s","egress":{"allow":["*"],"deny":[]}}',
    b'{"op":"connect"}',
    b'{"op":"connect","host":1,"port":80,"timeout":1}',
    b'{"op":"connect","host":"a","port":"80","timeout":1}',
    b'{"op":"connect","host":"a","port":80.0,"timeout":1}',
    b'{"op":"connect","host":"a","port":true,"timeout":1}',
    b'{"op":"connect","host":"a","port":80,"timeout":NaN}',
    b'{"op":"connect","host":"a","port":80,"timeout":Infinity}',
    b'{"op":"connect","host":"a","port":80,"timeout":"1"}',
    b'{"op":"connect","host":"a","port":80}',
    b"\xff\xfe",
    b"[" * 60000,
]


def test_a_malformed_frame_closes_that_run_s_channel_only(broker):
    neighbour = broker.open_run()
    for payload in HOSTILE:
        channel = broker.open_run()
        channel.send(payload)
        assert closed(channel)
    with server() as (_listener, port):
        answer, sock = connect(neighbour, "127.0.0.1", port)
        assert answer["ok"]
        sock.close()
    neighbour.close()


def test_an_oversized_frame_closes_the_channel_before_it_is_read(broker):
    channel = broker.open_run()
    channel.sock.sendall(pack_header(64 * 1024 + 1))
    assert closed(channel)


def test_descriptors_cannot_be_passed_in(broker):
    neighbour = broker.open_run()
    for count in (1, 8):
        channel = broker.open_run()
        reader, writer = os.pipe()
        channel.send(b'{"op":"connect","host":"127.0.0.1","port":1,"timeout":1}', [writer] * count)
        os.close(writer)
        assert closed(channel)
        # Only when nobody else holds the writing end does the pipe end.
        assert os.read(reader, 1) == b""
        os.close(reader)
    # Also not behind a header that owns up to none.
    channel = broker.open_run()
    reader, writer = os.pipe()
    payload = b'{"op":"connect","host":"169.254.169.254","port":1,"timeout":1}'
    socket.send_fds(channel.sock, [pack_header(len(payload)) + payload], [writer])
    os.close(writer)
    assert channel.recv_json()["code"] == "egress_denied"
    assert os.read(reader, 1) == b""
    os.close(reader)
    channel.close()
    neighbour.close()


def test_a_run_that_reads_no_answers_is_dropped(broker):
    channel = broker.open_run(NOTHING)
    payload = b'{"op":"connect","host":"127.0.0.1","port":1,"timeout":1}'
    frame = pack_header(len(payload)) + payload
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(100_000):
            channel.sock.sendall(frame * 50)
    channel.close()


def test_close_run_closes_the_channel(broker):
    channel = broker.open_run(run="r")
    assert broker.ask({"op": "close_run", "run": "r"}) == {"ok": True}
    assert closed(channel)
    # Closing twice is fine, and the id is free again.
    assert broker.ask({"op": "close_run", "run": "r"}) == {"ok": True}
    broker.open_run(run="r").close()


def test_control_requests_that_are_refused(broker):
    assert broker.ask({"op": "nonsense"})["code"] == "unknown_op"
    assert broker.ask({"op": "open_run", "run": "r", "site": "s", "egress": NOTHING})["code"] == "bad_run"
    first = broker.open_run(run="twice")
    ours, theirs = channel_pair()
    with ours, theirs:
        again = {"op": "open_run", "run": "twice", "site": "s", "egress": NOTHING}
        assert broker.ask(again, [theirs.fileno()])["code"] == "bad_run"
        bad = {"op": "open_run", "run": "r", "site": "s", "egress": {"allow": ["1.2.3.4/8"], "deny": []}}
        assert broker.ask(bad, [theirs.fileno()])["code"] == "egress_rule_invalid"
        theirs.close()
        # It kept no copy of what it refused.
        ours.settimeout(WAIT)
        assert ours.recv(1) == b""
    first.close()


def test_it_is_hardened_and_ends_with_the_worker():
    broker = BrokerProcess()
    channel = broker.open_run()
    assert "NoNewPrivs:\t1" in Path(f"/proc/{broker.process.pid}/status").read_text()
    broker.control.close()
    assert broker.process.wait(WAIT) == 0
    assert closed(channel)
    assert broker.process.stderr.read() == b""
    broker.process.stderr.close()


def test_malformed_control_frames_end_it():
    broker = BrokerProcess()
    broker.control.send(b"{")
    assert broker.process.wait(WAIT) != 0
    broker.control.close()
    broker.process.stderr.close()
