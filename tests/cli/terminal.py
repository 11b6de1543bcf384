"""A command on a terminal: a pseudo terminal that a test types into and reads from."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from typing import Self

from support import DEADLINE_S, Installation


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """Runs one command with a terminal of its own as its controlling one."""

    def __init__(
        self,
        installation: Installation,
        arguments: Sequence[str],
        columns: int = 80,
        environment: dict[str, str] | None = None,
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        env = {**installation.env, "TERM": "xterm", **(environment or {})}
        for name in ("COLUMNS", "LINES"):
            env.pop(name, None)
        self.process = subprocess.Popen(
            [*installation.argv, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
            cwd=installation.folder,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - the test has one thread
        )
        os.close(slave)
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C: the terminal sends the signal to its foreground processes."""
        self.type("\x03")

    def wait_for(self, text: str) -> None:
        """Read until ``text`` has been shown."""
        end = time.monotonic() + DEADLINE_S
        while text not in self.shown:
            assert time.monotonic() < end, f"{text!r} was not shown:\n{self.shown}"
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"ended without {text!r}:\n{self.shown}")

    def wait_for_no_echo(self) -> None:
        """Wait until what is typed is not shown."""
        end = time.monotonic() + DEADLINE_S
        while termios.tcgetattr(self._master)[3] & termios.ECHO:
            assert time.monotonic() < end, "the terminal still echoes"
            time.sleep(0.005)

    def end(self) -> int:
        """Read until the command has ended; return its exit status."""
        while self._read(DEADLINE_S):
            pass
        return self.process.wait(DEADLINE_S)

    def _read(self, timeout: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, timeout))
        if not ready:
            return False
        # A terminal whose last user is gone gives an error, not an end of file.
        with contextlib.suppress(OSError):
            if data := os.read(self._master, 65536):
                self.shown += data.decode(errors="replace").replace("\r\n", "\n")
                return True
        return False
