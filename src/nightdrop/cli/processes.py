"""Starting the server's processes: ``nightdrop web``, ``nightdrop worker`` and both with ``nightdrop up``.

The command line never imports the server: it executes it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

_MODULES = {"web": "nightdrop.api", "worker": "nightdrop.worker"}
_KEEPER_DATABASE = "NIGHTDROP_KEEPER_DATABASE"
_HEALTHY_S = 20.0
_STOP_S = 20.0


def command(part: str, home: Path) -> list[str]:
    """Return the command line that runs one part on ``home``."""
    return [sys.executable, "-I", "-m", _MODULES[part], "--home", str(home)]


def become(part: str, home: Path, environment: Mapping[str, str]) -> NoReturn:
    """Turn this process into one part of the server."""
    argv = command(part, home)
    os.execve(argv[0], argv, _environment(part, environment))  # noqa: S606 - no shell, our own interpreter


def _environment(part: str, more: Mapping[str, str]) -> dict[str, str]:
    # The web process must not be able to become the keeper's role in the database.
    hidden = {_KEEPER_DATABASE} if part == "web" else set()
    return {**{name: value for name, value in os.environ.items() if name not in hidden}, **more}


class Supervisor:
    """Keeps web and worker running until it is told to stop."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._home = home
        # Tells the parts to die with us, whatever ends us.
        self._environment = {**environment, "NIGHTDROP_SUPERVISED": "1"}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._delay: dict[str, float] = {}
        self._stopping = False

    def run(self, when_ready: Callable[[], None], is_ready: Callable[[int, int], bool]) -> int:
        """Start both, call ``when_ready`` once ``is_ready`` (of both process ids), supervise; return the exit status.

        A part that dies is started again after a growing delay. One that never came up ends everything:
        its own message says why.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for part in _MODULES:
            self._start(part)
        if not self._wait_ready(is_ready):
            return self._finish(0 if self._stopping else 1)
        when_ready()
        while not self._stopping:
            self._wait_for_any()
            self._restart_dead()
        return self._finish(0)

    def _start(self, part: str) -> None:
        self._processes[part] = subprocess.Popen(
            command(part, self._home), env=_environment(part, self._environment), stdin=subprocess.DEVNULL
        )
        self._started[part] = time.monotonic()

    def _wait_ready(self, is_ready: Callable[[int, int], bool]) -> bool:
        deadline = time.monotonic() + 60
        while not self._stopping and time.monotonic() < deadline:
            if any(process.poll() is not None for process in self._processes.values()):
                return False
            if is_ready(self._processes["web"].pid, self._processes["worker"].pid):
                return True
            time.sleep(0.05)
        return False

    def _wait_for_any(self) -> None:
        # A signal handler interrupts the wait; the set is re-read afterwards.
        with contextlib.suppress(InterruptedError, ChildProcessError):
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)

    def _restart_dead(self) -> None:
        for part, process in self._processes.items():
            if self._stopping or process.poll() is None:
                continue
            if time.monotonic() - self._started[part] > _HEALTHY_S:
                self._delay.pop(part, None)
            delay = self._delay.get(part, 0.05)
            self._delay[part] = min(delay * 2, 5.0)
            sys.stderr.write(f"nightdrop: the {part} process ended (status {process.returncode}), starting it again\n")
            time.sleep(delay)
            self._start(part)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    def _finish(self, status: int) -> int:
        self._stopping = True
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        for process in self._processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return status
