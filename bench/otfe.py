"""Encrypting and decrypting 1 GiB with `nightdrop otfe` against the age tool, and peak memory at 10 MB and 2 GB.

Both read a file in memory and write to a pipe that is read and thrown away; in turns, so that what else the machine does falls on both.
Takes 3 GiB of memory for the files.

Run with: python bench/otfe.py [--mebibytes N] [--rounds N]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nightdrop.otfe import x25519
from nightdrop.otfe.coder import Coder
from nightdrop.otfe.keys import parse_identity, parse_key

OURS = [sys.executable, "-m", "nightdrop", "otfe"]
MIB = 1 << 20


def drain(command: list[str], source: Path) -> tuple[float, float, int]:
    """Return how long ``command`` took, how much processor time it used, and how many bytes it gave."""
    count = 0
    buffer = bytearray(MIB)
    started = time.perf_counter()
    with source.open("rb") as given:
        process = subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        while got := os.readv(process.stdout.fileno(), [buffer]):
            count += got
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, count


def compare(what: str, ours: list[str], theirs: list[str], sources: tuple[Path, Path], rounds: int) -> None:
    """Print both programs with a large file, and how long each takes for next to nothing."""
    large, small = sources
    taken: dict[tuple[str, Path], list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for name, command in (("nightdrop", ours), ("age", theirs)):
            for source in sources:
                taken.setdefault((name, source), []).append(drain(command, source)[:2])

    def middle(name: str, source: Path, which: int) -> float:
        return statistics.median(each[which] for each in taken[name, source])

    def streaming(name: str, which: int) -> float:
        return max(1e-9, middle(name, large, which) - middle(name, small, which))

    for name in ("nightdrop", "age"):
        wall, best = middle(name, large, 0), min(each[0] for each in taken[name, large])
        print(
            f"{what}, {name:<10} {large.stat().st_size / 1e6 / wall:6.0f} MB/s, best {large.stat().st_size / 1e6 / best:5.0f}"
            f"   x{middle('age', large, 0) / wall:.2f} of age's speed, without its start {middle(name, small, 0) * 1000:4.0f} ms"
            f" x{streaming('age', 0) / streaming(name, 0):.2f}, in processor time x{streaming('age', 1) / streaming(name, 1):.2f}",
            flush=True,
        )


def each_reads_the_other(ours: Path, theirs: Path, identity: Path, plain: Path) -> None:
    for who, command in (
        ("age reads ours", ["age", "-d", "-i", str(identity), str(ours)]),
        ("ours reads age's", [*OURS, "decrypt", "--identity", str(identity), str(theirs)]),
    ):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as opener:
            same = subprocess.run(["cmp", "-", plain], stdin=opener.stdout, check=False).returncode == 0
        print(
            f"{who:<20} {'the same' if same and opener.returncode == 0 else 'DIFFERENT'}, {plain.stat().st_size} bytes"
        )


def pushed(coder: Callable[[], Coder], size: int) -> float:
    """Return MB/s of one process that pushes pieces of 256 KiB, without any file."""
    piece, best = os.urandom(MIB // 4), 0.0
    for _ in range(3):
        made = coder()
        started = time.perf_counter()
        for _ in range(size * 4):
            made.update(piece)
        made.finish()
        best = max(best, size * MIB / (time.perf_counter() - started) / 1e6)
    return best


def peak_mib(command: list[str], given: list[str]) -> float:
    with subprocess.Popen(given, stdout=subprocess.PIPE) as source:
        process = subprocess.Popen(command, stdin=source.stdout, stdout=subprocess.DEVNULL)
        assert source.stdout is not None
        source.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


def memory(encrypt: list[str], decrypt: list[str]) -> None:
    for name, size in (("10 MB", 10_000_000), ("2 GB", 2_000_000_000)):
        zeros = ["head", "-c", str(size), "/dev/zero"]
        sealed = ["sh", "-c", f'head -c {size} /dev/zero | "$@"', "sh", *encrypt]
        print(
            f"peak memory, {name:<6} encrypt {peak_mib(encrypt, zeros):6.1f} MiB   decrypt {peak_mib(decrypt, sealed):6.1f} MiB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=in_memory, prefix="nightdrop-bench-") as name:
        folder = Path(name)
        identity, plain, ours, theirs = (folder / part for part in ("key", "plain", "ours.age", "theirs.age"))
        text = x25519.generate()
        identity.write_text(text + "\n")
        recipient = str(parse_identity(text).recipient)
        block = os.urandom(MIB)
        with plain.open("wb") as file:
            for _ in range(options.mebibytes):
                file.write(block)
        encrypt = [*OURS, "encrypt", "--recipient", recipient]
        decrypt = [*OURS, "decrypt", "--identity", str(identity)]
        age_encrypt, age_decrypt = ["age", "-r", recipient], ["age", "-d", "-i", str(identity)]
        subprocess.run([*encrypt, "-o", ours, plain], check=True)
        subprocess.run([*age_encrypt, "-o", theirs, plain], check=True)
        (folder / "small").write_bytes(b"x")
        subprocess.run([*age_encrypt, "-o", folder / "small.age", folder / "small"], check=True)
        compare("encrypt", encrypt, age_encrypt, (plain, folder / "small"), options.rounds)
        compare("decrypt", decrypt, age_decrypt, (theirs, folder / "small.age"), options.rounds)
        each_reads_the_other(ours, theirs, identity, plain)
        key = parse_key(text)
        print(f"encrypt, pushed in one process {pushed(key.encryptor, options.mebibytes):5.0f} MB/s")
        memory(encrypt, decrypt)


if __name__ == "__main__":
    main()
