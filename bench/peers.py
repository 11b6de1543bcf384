"""Finds what some benches compare with; ``script/bench-peers`` installs it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

_PEERS = Path(__file__).resolve().parent.parent / ".venv" / "peers"
AWS = _PEERS / "bin" / "aws"
NODE_RED = Path(__file__).resolve().parent / "node-red" / "node_modules" / "node-red" / "red.js"
RCLONE = _PEERS / "rclone" / "usr" / "bin" / "rclone"
ROUNDS = 3


def require(*programs: Path) -> None:
    for program in programs:
        if not program.exists():
            sys.exit(f"{program.name} is missing: run script/bench-peers first")


def call(command: list[str | Path], environment: Mapping[str, str]) -> None:
    """Run a peer with nothing of this user's configuration."""
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **environment}
    done = subprocess.run(command, env=clean, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.decode()[-2000:])


def timed(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def compare(what: str, ours: Callable[[], None], **peers: Callable[[], None]) -> None:
    """Print the times and how many times as fast ours is; the best of some rounds each, taken in turn."""
    actions = {**peers, "ours": ours}
    best = dict.fromkeys(actions, float("inf"))
    for _ in range(ROUNDS):
        for name, action in actions.items():
            best[name] = min(best[name], timed(action))
    mine = best.pop("ours")
    shown = "  ".join(f"{name} {time:6.2f} s, ours {time / mine:5.2f} times as fast" for name, time in best.items())
    print(f"{what:<34} ours {mine:6.2f} s   {shown}", flush=True)
