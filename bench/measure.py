"""What the benches share: an installation of their own, a client, and figures."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from nightdrop.cli.client import Client
from support import Installation


@contextmanager
def running() -> Iterator[Installation]:
    """A fresh installation with its server running."""
    with tempfile.TemporaryDirectory(prefix="nightdrop-bench-") as folder:
        installation = Installation(Path(folder))
        installation.init()
        installation.start()
        try:
            yield installation
        finally:
            installation.stop()


def client(installation: Installation) -> Client:
    return Client(installation.home / "run" / "admin.sock")


def timed(action: Callable[[], Any], times: int, warmup: int = 10) -> list[float]:
    """Return how long each of ``times`` calls took, in milliseconds."""
    for _ in range(warmup):
        action()
    taken = []
    for _ in range(times):
        start = time.perf_counter_ns()
        action()
        taken.append((time.perf_counter_ns() - start) / 1e6)
    return taken


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def report(name: str, values: Sequence[float], unit: str = "ms", baseline: float | None = None) -> None:
    """Print one line: p50, p99, and the ratio of p50 to a baseline of the same run."""
    p50, p99 = statistics.median(values), percentile(values, 0.99)
    ratio = "" if baseline is None else f"   x{p50 / baseline:.2f} of the baseline"
    print(f"{name:<48} p50 {p50:9.3f} {unit}   p99 {p99:9.3f} {unit}{ratio}", flush=True)
