"""How long the command line takes to start, and what it costs above Python and click."""

import subprocess
import sys

import measure

RUNS = 30
BARE = [sys.executable, "-I", "-S", "-c", "pass"]
CLICK = [sys.executable, "-c", "import click"]


def start_of(argv: list[str], environment: dict[str, str] | None = None) -> list[float]:
    def run() -> None:
        subprocess.run(argv, env=environment, check=True, stdout=subprocess.DEVNULL)

    return measure.timed(run, RUNS, warmup=3)


def main() -> None:
    bare, click = start_of(BARE), start_of(CLICK)
    measure.report("python -I -S -c pass", bare)
    measure.report("python -c 'import click'", click)
    with measure.running() as installation:
        for arguments in (["--help"], ["secret", "--help"], ["secret", "ls"], ["doctor"]):
            times = start_of([*installation.argv, *arguments], installation.env)
            name = f"nightdrop {' '.join(arguments)}"
            measure.report(f"{name} / python", times, baseline=measure.percentile(bare, 0.5))
            measure.report(f"{name} / import click", times, baseline=measure.percentile(click, 0.5))


if __name__ == "__main__":
    main()
