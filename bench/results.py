"""Run every bench and write bench/RESULTS.md: the machine, and what each printed. Use a machine that does nothing else.

Run with: python bench/results.py [NAME ...]
"""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SHARED = {"measure", "results", "sealed"}


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
    load = f"{os.getloadavg()[0]:.1f}"
    return [
        f"- {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors ({model}), {memory} GiB, a virtual machine",
        f"- Linux {platform.release()}, Python {platform.python_version()}, load before the first bench {load}",
    ]


def section(path: Path) -> list[str]:
    title = path.read_text().split('"""')[1].strip()
    print(path.name, flush=True)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    output = done.stdout.rstrip() if done.returncode == 0 else f"failed:\n{done.stderr.strip()[-1000:]}"
    return [f"## {path.stem}", "", title.split("\nRun")[0].strip(), "", "```", output, "```", ""]


def main() -> None:
    wanted = set(sys.argv[1:])
    benches = [path for path in sorted(FOLDER.glob("*.py")) if path.stem not in SHARED]
    lines = [
        "# Results",
        "",
        "Written by `python bench/results.py`. Absolute times depend on the machine and on its neighbours; ratios to the baseline of the",
        "same run say more.",
        "",
        *machine(),
        "",
    ]
    for path in benches:
        if not wanted or path.stem in wanted:
            lines += section(path)
    (FOLDER / "RESULTS.md").write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
