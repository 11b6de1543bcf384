"""What locking a child in costs: fork and confine, as a ratio to a bare fork in the same run.

Run: python bench/sandbox_enter.py [rounds]
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable

from nightdrop import sandbox

Confine = Callable[[Iterable[int]], None]


def fork_once(confine: Confine | None) -> tuple[float, float]:
    """Return milliseconds from before the fork until the child is ready, and those spent inside the child's confine."""
    reader, writer = os.pipe()
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        entered = time.perf_counter()
        if confine is not None:
            confine((writer,))
        os.write(writer, repr(time.perf_counter() - entered).encode())
        os._exit(0)
    os.close(writer)
    inside = float(os.read(reader, 64))
    elapsed = time.perf_counter() - start
    os.close(reader)
    os.waitpid(pid, 0)
    return elapsed * 1000, inside * 1000


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    prepared = sandbox.prepare()
    print("\n".join(prepared.level.lines()))
    sandbox.drop_capabilities()  # as the zygote does, so that its children have less to drop
    kinds: dict[str, Confine | None] = {
        "bare fork": None,
        "fork + runner": prepared.confine_runner,
        "fork + gateway": prepared.confine_gateway,
    }
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    for _ in range(rounds):  # interleaved, so that a noisy machine disturbs all kinds alike
        for name, confine in kinds.items():
            samples[name].append(fork_once(confine))
    bare = statistics.median(total for total, _ in samples["bare fork"])
    for name, pairs in samples.items():
        total = statistics.median(pair[0] for pair in pairs)
        inside = statistics.median(pair[1] for pair in pairs)
        print(f"{name:15} p50 {total:6.2f} ms   inside confine {inside:5.2f} ms   ratio {total / bare:4.2f}")


if __name__ == "__main__":
    main()
