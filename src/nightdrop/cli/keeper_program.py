"""Running the keeper's program, the only one that opens keys, for one command."""

import subprocess
import sys
from pathlib import Path

from nightdrop.cli.context import Context
from nightdrop.cli.errors import CodedError


def node_key_path(context: Context, given: Path | None = None) -> Path:
    """Return where the node key lies: ``given``, else where the configuration says."""
    from nightdrop.core.config import load_config

    return (given or load_config(context.home).node_key_path(context.home)).absolute()


def run_keeper(context: Context, command: str, node_key: Path, given: str = "", arguments: tuple[str, ...] = ()) -> str:
    """Run one command of the keeper's program, the only one that opens keys; return what it printed.

    Raises:
        CodedError: what the keeper gave as its code, sentence and hint.
    """
    argv = [sys.executable, "-I", "-m", "nightdrop.worker.keeper", command, "--home", str(context.home.root)]
    argv += ["--node-key", str(node_key), *(["--", *arguments] if arguments else [])]
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.strip()
    said = dict(line.split(": ", 1) for line in done.stderr.splitlines() if line.startswith(("error: ", "hint: ")))
    raise CodedError(said.get("error"), hint=said.get("hint"), code=done.stdout.strip())
