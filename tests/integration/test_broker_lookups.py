"""Slow and lying resolvers: the broker inside this process, only the lookup itself is ours."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from nightdrop.core.wire import Channel, channel_pair
from nightdrop.worker import broker as module

WAIT = 10.0


@pytest.fixture
def broker(monkeypatch):
    """Run a broker in a thread; yields a function that opens a run."""
    control, theirs = channel_pair()
    control.settimeout(WAIT)
    worker = Channel(control)

    def serve():
        with theirs:
            asyncio.run(module.Broker(theirs).serve())

    thread = threading.Thread(target=serve)
    thread.start()
    channels = []

    def open_run(allow=("127.0.0.0/8",), deny=()):
        ours, remote = channel_pair()
        with remote:
            egress = {"allow": list(allow), "deny": list(deny)}
            message = {"id": 1, "op": "open_run", "run": str(len(channels)), "site": "s", "egress": egress}
            worker.send_json(message, [remote.fileno()])
        assert worker.recv_json()["ok"]
        ours.settimeout(WAIT)
        channels.append(Channel(ours))
        return channels[-1]

    yield open_run
    for channel in channels:
        channel.close()
    worker.close()
    thread.join(WAIT)
    assert not thread.is_alive()


@contextmanager
def server():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def request(channel, host, port, timeout=5.0, **more):
    channel.send_json({"op": "connect", "host": host, "port": port, "timeout": timeout, **more})


def answer(channel):
    frame = channel.recv()
    for fd in frame.fds:
        socket.socket(fileno=fd).close()
    return frame.json()


def v4(address, port):
    return (socket.AF_INET, address, port, 0)


def test_one_run_s_slow_lookups_do_not_stall_another(broker, monkeypatch):
    gate = threading.Event()
    running = []

    def look_up(host, port):
        if host == "slow.example":
            running.append(host)
            gate.wait(WAIT)
        return [v4("127.0.0.1", port)]

    monkeypatch.setattr(module, "_look_up", look_up)
    slow, quick = broker(), broker()
    try:
        with server() as port:
            # Far more lookups than threads: each is given up at once, and its thread goes on.
            for _ in range(module._LOOKUPS + 10):
                request(slow, "slow.example", port, 0.001)
                assert answer(slow)["code"] == "timeout"
            assert len(running) <= module._LOOKUPS_PER_RUN
            request(quick, "quick.example", port)
            assert answer(quick)["ok"]
    finally:
        gate.set()


def test_every_address_is_checked_and_only_a_permitted_one_used(broker, monkeypatch):
    with server() as port:
        found = [v4("169.254.169.254", port), v4("10.255.255.1", port), v4("127.0.0.1", port)]
        monkeypatch.setattr(module, "_look_up", lambda _host, _port: found)
        run = broker(deny=["10.0.0.0/8"])
        request(run, "many.example", port)
        assert answer(run) == {"ok": True, "address": "127.0.0.1", "port": port}


def test_a_name_that_turns_into_a_closed_address_is_refused(broker, monkeypatch):
    with server() as port:
        answers = [[v4("127.0.0.1", port)], [v4("0.0.0.0", port)], []]
        monkeypatch.setattr(module, "_look_up", lambda _host, _port: answers.pop())
        run = broker(allow=["rebind.example", "*.example"])
        for _ in range(3):
            request(run, "rebind.example", port)
            assert answer(run)["code"] == "egress_denied"


def test_a_second_connection_goes_where_the_first_one_went(broker, monkeypatch):
    meanings = [[v4("127.0.0.1", 1)], [v4("127.0.0.2", 1)]]
    with server() as port, server() as other:
        monkeypatch.setattr(module, "_look_up", lambda _host, port: [(*meanings[0][0][:2], port, 0)])
        run, elsewhere = broker(), broker()
        request(run, "ftp.example", port)
        assert answer(run)["address"] == "127.0.0.1"
        meanings.pop(0)
        request(run, "ftp.example", other, again=True)
        assert answer(run) == {"ok": True, "address": "127.0.0.1", "port": other}
        # Nobody else's address is known, and one's own only for as long as the name was not asked for anew.
        request(elsewhere, "ftp.example", port, again=True)
        assert answer(elsewhere)["code"] == "refused"
        request(run, "ftp.example", port)
        assert answer(run)["code"] == "refused"


def test_what_a_run_remembers_is_checked_like_every_address(broker, monkeypatch):
    with server() as port:
        monkeypatch.setattr(module, "_look_up", lambda _host, _port: [v4("127.0.0.1", port)])
        run = broker(allow=[f"127.0.0.1:{port}"])
        request(run, "ftp.example", port)
        assert answer(run)["ok"]
        request(run, "ftp.example", port + 1 if port < 65535 else 1, again=True)
        assert answer(run)["code"] == "egress_denied"


def test_a_name_is_looked_up_once_per_connection(broker, monkeypatch):
    names = []

    def look_up(host, port):
        names.append(host)
        return [v4("127.0.0.1", port)]

    monkeypatch.setattr(module, "_look_up", look_up)
    with server() as port:
        run = broker()
        request(run, "ONCE.example.", port)
        assert answer(run)["ok"]
    assert names == ["once.example"]


def test_a_name_that_may_not_be_reached_is_not_looked_up(broker, monkeypatch):
    names = []
    monkeypatch.setattr(module, "_look_up", lambda host, _port: names.append(host) or [])
    run = broker(allow=["api.example"], deny=["*"])
    request(run, "c2VjcmV0.evil.example", 443)
    assert answer(run)["code"] == "egress_denied"
    assert names == []


def test_the_next_address_is_tried(broker, monkeypatch):
    with server() as gone:
        pass
    with server() as port:
        monkeypatch.setattr(module, "_look_up", lambda _host, _port: [v4("127.0.0.1", gone), v4("127.0.0.2", port)])
        run = broker()
        request(run, "two.example", port)
        # 127.0.0.2 has no listener on that port either: the server listens on 127.0.0.1 only.
        assert answer(run)["code"] == "refused"
        found = [(socket.AF_INET6, "::1", port, 0), v4("127.0.0.1", port)]
        monkeypatch.setattr(module, "_look_up", lambda _host, _port: found)
        run = broker(allow=["127.0.0.1", "::1"])
        request(run, "two.example", port)
        assert answer(run)["address"] == "127.0.0.1"


def test_the_end_of_a_run_with_a_lookup_under_way(broker, monkeypatch):
    gate, started = threading.Event(), threading.Event()

    def look_up(_host, port):
        started.set()
        gate.wait(WAIT)
        return [v4("127.0.0.1", port)]

    monkeypatch.setattr(module, "_look_up", look_up)
    run = broker()
    request(run, "slow.example", 1)
    assert started.wait(WAIT)
    run.close()
    gate.set()


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_ended_runs_and_connections_leave_no_descriptor(broker, monkeypatch):
    monkeypatch.setattr(module, "_look_up", lambda _host, port: [v4("127.0.0.1", port)])
    with server() as port:
        first = broker()
        request(first, "first.example", port)
        assert answer(first)["ok"]
        before = descriptors()
        for _ in range(20):
            run = broker()
            request(run, "a.example", port)
            assert answer(run)["ok"]
            request(run, "a.example", 1)
            assert not answer(run)["ok"]
            run.close()
        deadline = time.monotonic() + WAIT
        # The broker notices the end of a channel a moment after us.
        while descriptors() > before:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)
