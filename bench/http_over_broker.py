"""GET over a brokered socket against a plain httpx2 GET, to the same server on loopback, in the same run.

Two figures for each: a connection for every request, and one kept connection.
Run: python bench/http_over_broker.py [requests]
"""

import socket
import statistics
import subprocess
import sys
import threading
import time

import httpx2

from nightdrop.core.wire import Channel, channel_pair
from nightdrop.syncjs import http
from nightdrop.syncjs.net import BrokerConnector

BODY = b"x" * 1000
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + BODY


def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection):
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while connection.recv(65536):
            connection.sendall(ANSWER)


def start_broker():
    ours, theirs = channel_pair()
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "nightdrop.worker.broker", "--control-fd", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    control = Channel(ours)
    run, run_end = channel_pair()
    egress = {"allow": ["127.0.0.1"], "deny": []}
    control.send_json({"id": 1, "op": "open_run", "run": "r", "site": "s", "egress": egress}, [run_end.fileno()])
    assert control.recv_json()["ok"]
    run_end.close()
    return process, control, BrokerConnector(Channel(run))


def clock(once):
    started = time.perf_counter()
    once()
    return (time.perf_counter() - started) * 1000


def report(name, times):
    times = sorted(times)
    p50 = statistics.median(times)
    print(f"{name:44} p50 {p50:.3f} ms   p99 {times[int(len(times) * 0.99)]:.3f} ms")
    return p50


def compare(what, ours, plain, count):
    """Measure both in turns, so that what else the machine does falls on both."""
    pairs = [(clock(ours), clock(plain)) for _ in range(count + 20)][20:]
    brokered = report(f"{what}, through the broker", [pair[0] for pair in pairs])
    direct = report(f"{what}, plain httpx2", [pair[1] for pair in pairs])
    print(f"{'ratio':44} {brokered / direct:.2f}")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    process, control, connector = start_broker()

    def check(response):
        assert len(response.content) == 1000

    def brokered(service):
        assert service.request({"method": "GET", "url": url})["valid"]

    def fresh_service():
        service = http.HttpService(connector, body_limit=1 << 20, log=print, files=None)
        brokered(service)
        service.close()

    # One context for all clients: building it anew would dominate the plain figure.
    context = httpx2.create_ssl_context(trust_env=False)

    def fresh_client():
        with httpx2.Client(trust_env=False, verify=context) as client:
            check(client.get(url))

    http.preload()
    port = listener.getsockname()[1]
    times = [clock(lambda: connector.connect("127.0.0.1", port, 5).close()) for _ in range(count)]
    report("connect through the broker alone", times)
    compare("GET, new connection", fresh_service, fresh_client, count)
    service = http.HttpService(connector, body_limit=1 << 20, log=print, files=None)
    with httpx2.Client(trust_env=False, verify=context) as client:
        compare("GET, kept connection", lambda: brokered(service), lambda: check(client.get(url)), count)
    control.close()
    process.wait(10)


if __name__ == "__main__":
    main()
