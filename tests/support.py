"""A real installation, used as a person would: through the command line."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

DEADLINE_S = float(os.environ.get("TEST_DEADLINE_S", "30"))


def wait_until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """Poll until ``condition`` gives something true, and return that."""
    end = time.monotonic() + deadline_s
    while (began := time.monotonic()) < end:
        if result := condition():
            return result
        # What takes long to ask would take the processors from what is waited for.
        time.sleep(max(0.01, min(0.5, 2 * (time.monotonic() - began))))
    raise AssertionError(f"did not happen within {deadline_s:g} s: {what}")


def children_of(pid: int) -> list[int]:
    """Return the direct children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid:
            found.append(int(entry.name))
    return found


def descendants_of(pid: int) -> list[int]:
    """Return every process below ``pid``."""
    below = []
    for child in children_of(pid):
        below += [child, *descendants_of(child)]
    return below


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid: int) -> bool:
    """Tell whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@cache
def _template() -> "Installation":
    folder = Path(tempfile.mkdtemp(prefix="nightdrop-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = Installation(folder)
    made.init()
    return made


@dataclass
class Result:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Installation:
    """A home and, when started, its server."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    recovery_key: str = ""
    started: dict[str, Any] | None = None

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def env(self) -> dict[str, str]:
        keep = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTDROP_")}
        return {
            **keep,
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "NIGHTDROP_HOME": str(self.home),
            **self.environment,
        }

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-m", "nightdrop"]

    def run(self, *arguments: str, stdin: str | bytes | None = None, timeout: float = 60) -> Result:
        """Run one command of the command line."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [*self.argv, *arguments],
            input=b"" if data is None else data,
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *arguments: str, stdin: str | bytes | None = None, timeout: float = 60) -> Result:
        """Run one command that must succeed."""
        result = self.run(*arguments, stdin=stdin, timeout=timeout)
        assert result.status == 0, f"{arguments}: {result.status}\n{result.out}\n{result.err}"
        return result

    def init(self, *arguments: str) -> None:
        """Make the home with ``nightdrop init``."""
        self.recovery_key = self.ok("init", *arguments, "--json").json["recovery_key"]

    def copy_new_home(self) -> None:
        """Make a home as ``nightdrop init`` does, quicker; all that are made so have the same keys."""
        template = _template()
        for part in ("home", "config"):
            shutil.copytree(template.folder / part, self.folder / part, dirs_exist_ok=True)
        # The keeper is known by where its home is.
        pins = self.folder / "config" / "nightdrop" / "known-keepers.json"
        pins.write_text(pins.read_text().replace(str(template.home), str(self.home)))
        self.recovery_key = template.recovery_key

    def start(self, part: str = "up") -> None:
        """Start the server and wait until it is ready."""
        log = (self.folder / "server.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [*self.argv, part, "--json", *(["--listen", "127.0.0.1:0"] if part != "worker" else [])],
                env=self.env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        if part == "up":
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
            assert line, self.server_log()
            self.started = json.loads(line)

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """Stop the server and return its exit status."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(number)
        status = process.wait(DEADLINE_S)
        if process.stdout is not None:
            process.stdout.close()
        return status

    def server_log(self) -> str:
        return (self.folder / "server.log").read_text()

    def exec_js(self, code: str, *arguments: str, name: str = "script.js", timeout: float = 60) -> Result:
        """Run a script that is not stored."""
        file = self.folder / name
        file.write_text(code)
        return self.run("exec", str(file), *arguments, timeout=timeout)

    def pid_of(self, module: str) -> int:
        """Return the process of one part: api, worker, worker.keeper, worker.broker, worker.zygote."""
        assert self.process is not None

        def find() -> int | None:
            wanted = f"-m nightdrop.{module} "
            pids = [pid for pid in descendants_of(self.process.pid) if wanted in command_line(pid)]
            return min(pids) if pids else None

        return int(wait_until(find, f"process {module}"))


@dataclass
class Received:
    """What an HTTP server of a test has seen."""

    url: str
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
