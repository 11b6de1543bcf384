"""With the web process's user, environment, imports and confinement, every attempt to open a secret fails."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from machine import Machine
from support import Installation


@pytest.fixture(scope="module")
def attempted(shared_server: Installation) -> dict[str, Any]:
    """What a process that is all that the web process is came to, on an installation that serves a run."""
    shared_server.ok("secret", "set", "key", stdin="the value")
    machine = Machine(shared_server)
    roles = machine.whole()
    run = machine.start_run('GetSecret("key"); Log("started"); Sleep(60000);')
    machine.wait_for_line(run, "started")
    (key,) = (shared_server.folder / "config" / "nightdrop" / "keys").glob("*.key")
    pids = {role: roles[role] for role in ("keeper", "worker", "gateway", "runner")}
    program = str(Path(__file__).with_name("web_attempts.py"))

    command = [sys.executable, "-I", program, str(shared_server.home), str(key), json.dumps(pids)]
    done = subprocess.run(command, env=shared_server.env, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert machine.run(run)["state"] == "running"
    machine.call("POST", f"/runs/{run}/cancel")
    assert machine.ended(run)["state"] == "cancelled"
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_control(attempted: dict[str, Any]) -> None:
    """The same user could read the key before the confinement; the confinement is what keeps it away."""
    assert attempted["confined"]
    assert attempted["before"] == ""


def test_it_has_imported_nothing_that_opens(attempted: dict[str, Any]) -> None:
    assert attempted["imported"] == []


def test_every_attempt_fails(attempted: dict[str, Any]) -> None:
    assert len(attempted["results"]) > 40
    assert [name for name, outcome in attempted["results"].items() if outcome == ""] == []


def test_the_web_process_itself_is_confined_like_that(attempted: dict[str, Any], shared_server: Installation) -> None:
    """Its filters are there, and it has no privilege left that a program it starts could use."""
    web = Machine(shared_server).whole()["web"]
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{web}/status").read_text().splitlines() if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert int(status["Seccomp_filters"]) >= 2
    # Ports below 1024, and files of others where the file system's own rules let it go: nothing else.
    assert int(status["CapPrm"], 16) & ~(1 << 10 | 1 << 1 | 1 << 2) == 0
    if os.geteuid() != 0:
        with pytest.raises(PermissionError):
            Path(f"/proc/{web}/environ").read_bytes()
