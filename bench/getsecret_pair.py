"""GetSecret in a running script, through runner and gateway, with a keeper that answers at once.

What remains when the keeper's own work is taken away. The baseline is a bare echo between two processes over the
same kind of channel; one GetSecret takes two such round trips. Both processes are confined as in a real run.

Run with: python bench/getsecret_pair.py [--reads N]
"""

import argparse
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nightdrop.core.wire import Channel, ChannelClosedError, channel_pair
from nightdrop.sandbox import prepare
from nightdrop.syncjs import http
from nightdrop.worker import gateway, runner

SCRIPT = """
const times = [];
for (let i = 0; i < Params.reads + 200; i++) {
  const start = performance.now();
  GetSecret("api-key");
  if (i >= 200) times.push((performance.now() - start) * 1000);
}
times.sort((a, b) => a - b);
const at = (q) => times[Math.floor(q * (times.length - 1))];
Log(JSON.stringify([at(0.5), at(0.99)]));
"""


def fork(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def serve(sock: socket.socket, reply: bytes) -> None:
    channel = Channel(sock)
    try:
        while True:
            channel.recv()
            channel.send(reply)
    except ChannelClosedError:
        return


def echo(count: int) -> tuple[float, float]:
    ours, theirs = channel_pair()
    pid = fork(lambda: (ours.close(), serve(theirs, b"v" + b"x" * 40)))
    theirs.close()
    channel = Channel(ours)
    times = []
    for _ in range(count + 200):
        start = time.perf_counter()
        channel.send(b"get\0api-key")
        channel.recv()
        times.append((time.perf_counter() - start) * 1e6)
    channel.close()
    os.waitpid(pid, 0)
    times = sorted(times[200:])
    return times[len(times) // 2], times[int(len(times) * 0.99)]


def run(count: int, files: Path) -> tuple[float, float]:
    http.preload()
    runner.preload()
    sandbox = prepare(files=str(files))
    (worker, control), (gateway_pipe, runner_pipe), (keeper, keeper_peer) = (channel_pair() for _ in range(3))

    def confined(confine: Callable[[list[int]], None], keep: list[socket.socket], work: Callable[[], None]) -> int:
        return fork(lambda: (confine([sock.fileno() for sock in keep]), work()))

    pids = [
        confined(sandbox.confine_gateway, [control, gateway_pipe], lambda: gateway.main(control, gateway_pipe)),
        confined(sandbox.confine_runner, [runner_pipe], lambda: runner.main(runner_pipe)),
        fork(
            lambda: (
                [s.close() for s in (worker, control, gateway_pipe, runner_pipe, keeper)],
                serve(keeper_peer, b"v" + b"x" * 40),
            )
        ),
    ]
    limits = {"memory": 64 << 20, "cpu": 60, "wall": 60, "log": 1 << 20, "body": 1 << 20}
    message: dict[str, Any] = {
        "id": "r",
        "site": "s",
        "script": "bench",
        "version": 1,
        "code": SCRIPT,
        "limits": limits,
    }
    message |= {"params": {"reads": count}, "files": str(files)}
    for sock in (control, gateway_pipe, runner_pipe, keeper_peer):
        sock.close()
    channel = Channel(worker)
    with keeper:
        channel.send_json({"op": "start", "run": message}, [keeper.fileno(), keeper.fileno()])
    lines = []
    while (answer := channel.recv_json())["t"] != "end":
        lines += answer.get("lines", [])
    channel.close()
    for pid in pids:
        os.waitpid(pid, 0)
    p50, p99 = json.loads(lines[0][2])
    return p50, p99


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=5000)
    count = parser.parse_args().reads
    base = echo(count)
    with TemporaryDirectory() as directory:
        ours = run(count, Path(directory))
    print(f"echo over a channel    p50 {base[0]:7.1f} us   p99 {base[1]:7.1f} us")
    print(f"GetSecret in a script  p50 {ours[0]:7.1f} us   p99 {ours[1]:7.1f} us   ({ours[0] / base[0]:.1f} x an echo)")


if __name__ == "__main__":
    main()
