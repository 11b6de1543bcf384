"""Run every bench and write bench/RESULTS.md: the machine, and what each printed. Use a machine that does nothing else.

Run with: python bench/results.py [NAME ...]; with names, the sections of the others stay as they are.
"""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "RESULTS.md"
SHARED = {"measure", "peers", "results", "sealed"}


def machine() -> list[str]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024**2
    return [
        f"- {os.cpu_count()} processors ({model}), {memory} GiB, a virtual machine",
        f"- Linux {platform.release()}, Python {platform.python_version()}",
    ]


def section(path: Path) -> str:
    title = path.read_text().split('"""')[1].strip().split("\nRun")[0].strip()
    print(path.name, flush=True)
    when = f"{datetime.now(UTC):%Y-%m-%d}, load {os.getloadavg()[0]:.1f}"
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    output = done.stdout.rstrip() if done.returncode == 0 else f"failed:\n{done.stderr.strip()[-1000:]}"
    return f"{title}\n\n*{when}*\n\n```\n{output}\n```"


def kept() -> dict[str, str]:
    """Return the sections that are there, by the name of their bench."""
    if not RESULTS.exists():
        return {}
    pieces = RESULTS.read_text().split("\n## ")[1:]
    return {name.strip(): body.strip() for name, _, body in (piece.partition("\n") for piece in pieces)}


def main() -> None:
    wanted = set(sys.argv[1:])
    sections = kept() if wanted else {}
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem not in SHARED and (not wanted or path.stem in wanted):
            sections[path.stem] = section(path)
    lines = [
        "# Results",
        "",
        "Written by `python bench/results.py`. Absolute times depend on the machine and on its neighbours; ratios to the baseline of the",
        "same run say more.",
        "",
        *machine(),
        *(f"\n## {name}\n\n{body}" for name, body in sorted(sections.items())),
    ]
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
