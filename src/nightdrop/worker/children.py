"""The worker's own processes: started fresh with exec, restarted when they die."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from nightdrop.core.wire import Frame, channel_pair
from nightdrop.worker.aio import AsyncChannel

log = structlog.get_logger()

# What a child may know of our environment: nothing that could hold a secret.
_ENVIRONMENT = ("LANG", "LC_ALL", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TZ")
_FIRST_DELAY_S = 0.02
_LONGEST_DELAY_S = 5.0
_HEALTHY_S = 30.0


def child_environment() -> dict[str, str]:
    """Return the few variables that a child of the worker inherits."""
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}


class Child:
    """One supervised process with a control channel.

    exec, not fork: a child starts with an empty memory whenever it is (re)started, so no key and no row
    that the worker has seen is in it.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        *,
        on_message: Callable[[Frame], None],
        on_start: Callable[[], None] | None = None,
        on_gone: Callable[[], None] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._environment = environment or {}
        self._command = [sys.executable, "-I", "-m", module, *arguments]
        self._on_message = on_message
        self._on_start = on_start
        self._on_gone = on_gone
        self._process: subprocess.Popen[bytes] | None = None
        self._delay = _FIRST_DELAY_S
        self._started = 0.0
        self._stopping = False
        self.channel: AsyncChannel | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process. Only from the main thread: the death signal is tied to the thread that forks."""
        ours, theirs = channel_pair()
        with theirs:
            self._process = subprocess.Popen(
                [*self._command, "--control-fd", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**child_environment(), **self._environment},
                cwd="/",
            )
        self._started = time.monotonic()
        self.channel = AsyncChannel(ours, self._on_message, self._gone)
        if self._on_start is not None:
            self._on_start()

    def send(self, message: Any, fds: Sequence[int] = ()) -> None:
        """Send one message; lost when the process is down (its death is handled by ``on_gone``)."""
        if self.channel is not None:
            self.channel.send_json(message, fds)

    async def stop(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 - a grace period, not a cancellation scope
        """Close the channel, which every child takes as its end, and wait; kill it after ``timeout`` seconds."""
        self._stopping = True
        if self.channel is not None:
            self.channel.close()
        if self._process is not None:
            await asyncio.to_thread(_wait_or_kill, self._process, timeout)

    def _gone(self) -> None:
        self.channel = None
        process = self._process
        if self._stopping or process is None:
            return
        status = _wait_or_kill(process, 1.0)
        log.warning("child_gone", child=self.name, pid=process.pid, status=status)
        if self._on_gone is not None:
            self._on_gone()
        if time.monotonic() - self._started > _HEALTHY_S:
            self._delay = _FIRST_DELAY_S
        asyncio.get_running_loop().call_later(self._delay, self._restart)
        self._delay = min(self._delay * 2, _LONGEST_DELAY_S)

    def _restart(self) -> None:
        if not self._stopping:
            self.restarts += 1
            self.start()


def _wait_or_kill(process: "subprocess.Popen[bytes]", timeout: float) -> int:
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
