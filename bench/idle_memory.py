"""Memory of the whole idle tree: proportional set size (PSS), so that pages which processes share count once.

Baseline of the same run: a bare interpreter that sleeps.
"""

import subprocess
import sys
from pathlib import Path

from measure import client, running
from support import command_line, descendants_of


def pss(pid: int) -> float:
    """Return the proportional set size of a process in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def part(pid: int) -> str:
    words = command_line(pid).split()
    modules = [word for word in words if word.startswith("nightdrop")]
    role = words[words.index("--role") + 1] if "--role" in words else ""
    return f"{modules[-1] if modules else 'nightdrop'} {role}".strip()


def main() -> None:
    bare = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    with running() as installation:
        with client(installation) as api:
            for _ in range(20):
                api.call("POST", "/sites/default/runs", query={"wait": 30}, body={"code": "Log(1)", "name": "warm"})
        assert installation.process is not None
        parts: dict[str, list[float]] = {}
        for pid in [installation.process.pid, *descendants_of(installation.process.pid)]:
            parts.setdefault(part(pid), []).append(pss(pid))
        floor = pss(bare.pid)
    bare.communicate(b"\n")
    for name, sizes in sorted(parts.items(), key=lambda item: -sum(item[1])):
        print(f"{name:<44} {len(sizes):3} processes {sum(sizes):8.1f} MiB")
    total = sum(sum(sizes) for sizes in parts.values())
    print(
        f"{'whole tree':<44} {sum(map(len, parts.values())):3} processes {total:8.1f} MiB   x{total / floor:.1f} of a"
    )
    print(f"bare interpreter ({floor:.1f} MiB)")


if __name__ == "__main__":
    main()
