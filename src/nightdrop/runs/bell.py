"""Wake-ups between the processes of one host: datagram sockets in a directory.

A ring carries no data, it only ends a wait early. Whoever waits looks at the database afterwards, and
looks there from time to time anyway, so a lost ring costs a moment and nothing else.
"""

import errno
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ROLE = re.compile(r"[a-z]{1,20}")
_DRAIN = 4096


class BellListener:
    """One process's ear; wait on it with ``select``, then call ``drain`` and look at the database."""

    def __init__(self, sock: socket.socket, path: Path) -> None:
        self._sock = sock
        self._path = path

    def fileno(self) -> int:
        return self._sock.fileno()

    def drain(self) -> bool:
        """Take all rings that have come; return whether there was one."""
        rang = False
        for _ in range(_DRAIN):
            try:
                self._sock.recv(1)
            except BlockingIOError:
                break
            rang = True
        return rang

    def close(self) -> None:
        """Stop listening; closing again does nothing."""
        if self._sock.fileno() != -1:
            self._path.unlink(missing_ok=True)
            self._sock.close()


class Bell:
    """Rings and listens in one directory, which is made with mode 0700."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sock: socket.socket | None = None

    def listen(self, role: str) -> BellListener:
        """Listen for rings at ``role`` (lower-case letters); each listener hears every ring."""
        name = f"{_checked(role)}-{os.getpid()}-{secrets.token_hex(4)}.sock"
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sock = _socket()
        try:
            # Linux gives the file the mode of the unbound socket, so it never exists with a wider one.
            os.fchmod(sock.fileno(), 0o600)
            with _reach(self._directory) as near:
                sock.bind(f"{near}/{name}")
        except OSError:
            sock.close()
            raise
        return BellListener(sock, self._directory / name)

    def ring(self, role: str) -> int:
        """Wake every listener at ``role`` and return how many there are; sockets of dead processes are removed."""
        prefix = _checked(role) + "-"
        try:
            names = [name for name in os.listdir(self._directory) if name.startswith(prefix)]  # noqa: PTH208 - twice as fast, and this is called for every run
        except FileNotFoundError:
            return 0
        if not names:
            return 0
        with _reach(self._directory) as near:
            return sum(self._ring_one(f"{near}/{name}") for name in names)

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _ring_one(self, path: str) -> bool:
        if self._sock is None:
            self._sock = _socket()
        try:
            self._sock.sendto(b"\0", path)
        except BlockingIOError:
            return True  # its queue is full of rings
        except FileNotFoundError:
            return False
        except OSError as error:
            # Bound is as good as listening for datagrams: refused means that nobody holds the socket any more.
            if error.errno == errno.ECONNREFUSED:
                with suppress(FileNotFoundError):
                    os.unlink(path)  # noqa: PTH108 - a path through /proc/self/fd
            return False
        return True


def _checked(role: str) -> str:
    if not _ROLE.fullmatch(role):
        raise ValueError("a role is 1 to 20 lower-case letters")
    return role


def _socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)


@contextmanager
def _reach(directory: Path) -> Iterator[str]:
    """Give a short path to ``directory``: a socket address holds 107 bytes (unix(7)), a home may lie deeper."""
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)
