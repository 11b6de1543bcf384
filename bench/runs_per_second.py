"""Runs per second: short runs queued by parallel clients, every run in fresh sandboxed processes, audited, on disk.

Baseline of the same run: as many bare interpreters (`python -I -S -c pass`) as the same number of clients can start.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable

from measure import client, running

CLIENTS = 8
SECONDS = 12.0


def per_second(make: Callable[[], Callable[[], None]]) -> float:
    """Return how many calls per second ``CLIENTS`` threads make."""
    counts = [0] * CLIENTS
    stop = time.monotonic() + SECONDS

    def work(number: int) -> None:
        action = make()
        while time.monotonic() < stop:
            action()
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def main() -> None:
    bare = per_second(lambda: lambda: subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True))
    print(f"bare interpreters per second                     {bare:8.1f}", flush=True)
    with running() as installation:
        with client(installation) as api:
            api.call("POST", "/sites/default/scripts", body={"name": "hello", "code": 'Log("hello")'})

        def make() -> Callable[[], None]:
            api = client(installation)

            def one() -> None:
                run = api.call("POST", "/sites/default/runs", query={"wait": 30}, body={"script": "hello"})
                assert run["state"] == "succeeded", run

            return one

        rate = per_second(make)
        print(f"runs per second, each waited for                 {rate:8.1f}   x{rate / bare:.2f} of the baseline")


if __name__ == "__main__":
    main()
