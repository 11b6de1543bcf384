"""Requests per second of the list of secrets, a page of 100 of 1,000, with 8 clients at a time.

Each client is a process of its own on the admin socket. Baseline of the same run: one client.

Run with: python bench/list_clients.py [SECONDS]
"""

import subprocess
import sys
from pathlib import Path

from list_secrets import fill
from measure import client, running

_CLIENT = """
import sys, time
from pathlib import Path
from nightdrop.cli.client import Client
with Client(Path(sys.argv[1])) as api:
    ask = lambda: api.get("/sites/default/secrets", sort="-updated", limit=100)
    ask()
    count, end = 0, time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        assert len(ask()["items"]) == 100
        count += 1
print(count)
"""


def per_second(socket: Path, clients: int, seconds: float) -> float:
    argv = [sys.executable, "-c", _CLIENT, str(socket), str(seconds)]
    started = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(clients)]
    return sum(int(process.communicate()[0]) for process in started) / seconds


def main() -> None:
    seconds = float(sys.argv[1]) if sys.argv[1:] else 5.0
    with running() as installation:
        with client(installation) as api:
            fill(installation.home / "data" / "app.db", api.get("/sites/default")["id"], 0, 1000)
        socket = installation.home / "run" / "admin.sock"
        one = per_second(socket, 1, seconds)
        print(f"{'1 client (baseline)':<48} {one:9.1f} requests/s", flush=True)
        many = per_second(socket, 8, seconds)
        print(f"{'8 clients':<48} {many:9.1f} requests/s   x{many / one:.2f} of the baseline", flush=True)


if __name__ == "__main__":
    main()
