"""Masking a log: MB/s with 0, 1 and 20 secrets, against copying the same text.

Run with: python bench/masking.py [--megabytes N]
"""

import argparse
import secrets
import time
from collections.abc import Callable

from nightdrop.syncjs.masking import Masker


def seconds(work: Callable[[], object], rounds: int = 5) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def masker(count: int) -> Masker:
    made = Masker()
    for _ in range(count):
        made.add(secrets.token_urlsafe(32).encode())
    made.mask("")
    return made


def first_mask_us() -> float:
    made = Masker()
    made.add(secrets.token_urlsafe(32).encode())
    start = time.perf_counter()
    made.mask("")
    return (time.perf_counter() - start) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=4)
    size = parser.parse_args().megabytes * 1_000_000
    line = "2026-01-01 12:00:00 moved report.csv (18 kB) to /in/ as 7f3a9c; token " + secrets.token_urlsafe(24) + "\n"
    text = line * (size // len(line))
    copying = seconds(lambda: text.encode().decode())
    print(f"copying                {len(text) / copying / 1e6:8.0f} MB/s")
    for count in (0, 1, 20):
        made = masker(count)
        whole = seconds(lambda made=made: made.mask(text))
        lines = seconds(lambda made=made: [made.mask(line) for _ in range(2000)]) / 2000
        rate = len(text) / whole / 1e6
        print(
            f"masking, {count:2} secrets    {rate:8.0f} MB/s, {whole / copying:7.1f} x copying; "
            f"{lines * 1e6:6.1f} us for a line of {len(line)} characters"
        )
    print(f"first use of a secret  {min(first_mask_us() for _ in range(200)):8.0f} us")


if __name__ == "__main__":
    main()
