"""GetSecret as the gateway sees it: p50 and p99 over a run's channel, against a bare echo over the same kind of channel.

Run with: python bench/keeper_read.py [--reads N] [--size BYTES]
"""

import argparse
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nightdrop.core.home import create_home
from nightdrop.core.wire import Channel, channel_pair
from nightdrop.crypto.opening import SitePrivateKey, open_secret
from nightdrop.crypto.sealing import seal_secret
from nightdrop.crypto.seeds import generate_seed, public_key_from_seed
from nightdrop.db.engine import Database
from nightdrop.db.migrate import upgrade
from nightdrop.keys.bootstrap import create_keys
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.keeper_db import initialise

SITE, NAME = "site_00000000000000000000000001", "api-key"
ROW = (
    "INSERT INTO secrets (id, site_id, name, revision, epoch, sealed, created_ms, updated_ms, updated_by)"
    " VALUES (?, ?, ?, 1, 1, ?, 0, 0, 'bench')"
)


def prepare(directory: Path, size: int, others: int) -> list[str]:
    """Make a home with one secret that is read and ``others`` that are not; return the keeper's arguments."""
    home = create_home(directory / "home")
    database = Database.open(home)
    upgrade(database)
    database.close()
    keys = create_keys(FileCustody(directory / "node.key"), [SITE])
    initialise(home.keeper_db, keys)
    sealed = seal_secret(keys.published[0].public_key, site_id=SITE, epoch=1, name=NAME, revision=1, value=b"x" * size)
    connection = sqlite3.connect(home.app_db)
    with connection:
        connection.execute("INSERT INTO sites (id, name, created_ms) VALUES (?, 'bench', 0)", (SITE,))
        connection.execute(ROW, ("sec", SITE, NAME, sealed))
        connection.executemany(ROW, ((f"sec{n}", SITE, f"other-{n}", sealed) for n in range(others)))
    connection.close()
    return ["--home", str(home.root), "--node-key", str(directory / "node.key")]


def measure(work: Callable[[], object], count: int) -> list[float]:
    for _ in range(min(count, 200)):
        work()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e6)
    return sorted(times)


def echo_server(sock: socket.socket) -> None:
    channel = Channel(sock)
    try:
        while True:
            channel.send(channel.recv().payload)
    except ConnectionError:
        os._exit(0)


def measure_echo(count: int) -> list[float]:
    ours, theirs = channel_pair()
    if os.fork() == 0:
        ours.close()
        echo_server(theirs)
    theirs.close()
    channel = Channel(ours)

    def ask() -> None:
        channel.send(b"get\0" + NAME.encode())
        channel.recv()

    times = measure(ask, count)
    channel.close()
    os.wait()
    return times


def measure_open(count: int) -> list[float]:
    """The part that no program around it can make shorter: one HPKE opening, in this process."""
    seed = generate_seed()
    sealed = seal_secret(public_key_from_seed(seed), site_id=SITE, epoch=1, name=NAME, revision=1, value=b"x" * 64)
    key = SitePrivateKey(seed)
    return measure(lambda: open_secret(key, sealed, site_id=SITE, epoch=1, name=NAME, revision=1), count)


def measure_keeper(arguments: list[str], count: int) -> tuple[list[float], list[float], int]:
    control, theirs = channel_pair()
    command = [sys.executable, "-I", "-m", "nightdrop.worker.keeper", *arguments, "--control-fd", str(theirs.fileno())]
    with theirs:
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    worker = Channel(control)
    ours, theirs = channel_pair()
    with theirs:
        worker.send_json({"id": 1, "op": "open_run", "run": "run_1", "site": SITE, "script": None}, [theirs.fileno()])
    while "event" in worker.recv_json():
        pass
    channel = Channel(ours)

    def ask(request: bytes, expected: bytes) -> Callable[[], None]:
        def once() -> None:
            channel.send(request)
            if not channel.recv().payload.startswith(expected):
                raise SystemExit("the keeper refused")

        return once

    reads = measure(ask(b"get\0" + NAME.encode(), b"v"), count)
    asks = measure(ask(b"has\0" + NAME.encode(), b"y"), count)
    status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    memory = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    worker.close()
    channel.close()
    process.wait()
    return reads, asks, memory


def report(label: str, times: list[float], base: float) -> None:
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    print(f"{label:28} p50 {p50:7.0f} us   p99 {p99:7.0f} us   {p50 / base:5.1f} x echo")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--reads", type=int, default=5000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--others", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        arguments = prepare(Path(directory), options.size, options.others)
        echo = measure_echo(options.reads)
        opening = measure_open(options.reads)
        reads, asks, memory = measure_keeper(arguments, options.reads)
    base = echo[len(echo) // 2]
    report("echo", echo, base)
    report("HPKE open, in process", opening, base)
    report("GetSecret, audited", reads, base)
    report("HasSecret", asks, base)
    print(f"keeper resident memory {memory / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
