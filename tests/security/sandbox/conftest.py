"""What the attack tests share: victims, handles, and a child that reports how it ended."""

import ctypes
import dataclasses
import errno
import json
import mmap
import os
import pty
import select
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SECRET = b"a value no script asked for"
DEADLINE = 20


@dataclasses.dataclass
class Arena:
    """What an attacker may aim at."""

    site: Path
    outside: Path
    victim: int
    address: int
    secret: bytes
    tcp_port: int
    udp_port: int
    abstract_name: bytes


@dataclasses.dataclass
class Handles:
    """What an attacker holds already, opened before it was locked in: the filter must not rely on socket() alone."""

    tcp: socket.socket
    udp: socket.socket
    unix: socket.socket
    netns: int
    terminal: int

    def fds(self) -> list[int]:
        return [self.tcp.fileno(), self.udp.fileno(), self.unix.fileno(), self.netns, self.terminal]


def open_handles() -> Handles:
    return Handles(
        tcp=socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        udp=socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        unix=socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        netns=os.open("/proc/self/ns/net", os.O_RDONLY),
        terminal=pty.openpty()[1],
    )


Action = Callable[[Arena, Handles], object]


def run_in_child(action: Callable[[], object], *, enter: Callable[[list[int]], object], fork: Callable[[], int]) -> str:
    """Fork, lock the child in, run ``action`` there; return "ok", the errno or exception, the signal, or "exit N"."""
    reader, writer = os.pipe()
    pid = fork()
    if pid == 0:
        try:
            enter([writer])
            os.write(writer, json.dumps(outcome_of(action)).encode())
            os._exit(0)
        finally:
            os._exit(99)
    os.close(writer)
    try:
        if not select.select([reader], [], [], DEADLINE)[0]:
            os.kill(pid, signal.SIGKILL)
        report = os.read(reader, 4096)
    finally:
        os.close(reader)
        status = os.waitpid(pid, 0)[1]
    if report:
        return json.loads(report)
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit {os.WEXITSTATUS(status)}"


def outcome_of(action: Callable[[], object]) -> str:
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno] if error.errno else type(error).__name__
    except BaseException as error:
        return type(error).__name__
    return "ok"


@pytest.fixture
def arena(tmp_path) -> Iterator[Arena]:
    site, outside = tmp_path / "files" / "site", tmp_path / "outside"
    site.mkdir(parents=True)
    outside.mkdir()
    (site / "own.txt").write_bytes(b"own")
    (outside / "secret.txt").write_bytes(SECRET)
    (site / "planted").symlink_to(outside / "secret.txt")
    memory = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    abstract = f"\0nightdrop-test-{os.getpid()}-{tmp_path.name}".encode()
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as unix,
    ):
        udp.bind(("127.0.0.1", 0))
        unix.bind(abstract)
        unix.listen()
        with Victim(memory) as pid:
            yield Arena(site, outside, pid, address, SECRET, tcp.getsockname()[1], udp.getsockname()[1], abstract)


class Victim:
    """A process of the same user with a secret in its memory, as the keeper would be without its own hardening."""

    def __init__(self, memory: mmap.mmap, prepare: Callable[[], object] = lambda: None) -> None:
        ready, self._ready = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            memory[: len(SECRET)] = SECRET
            prepare()
            os.write(self._ready, b"r")
            while True:
                signal.pause()
        os.read(ready, 1)
        os.close(ready)
        os.close(self._ready)

    def __enter__(self) -> int:
        return self.pid

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def run_attack(
    arena: Arena, action: Action, enter: Callable[[list[int]], object], fork: Callable[[], int] = os.fork
) -> str:
    held: list[Handles] = []

    def enter_with_handles(keep: list[int]) -> None:
        held.append(open_handles())
        enter([*keep, *held[0].fds()])

    return run_in_child(lambda: action(arena, held[0]), enter=enter_with_handles, fork=fork)


@pytest.fixture
def run() -> Callable[..., str]:
    return run_attack


@pytest.fixture
def in_child() -> Callable[..., str]:
    return run_in_child


@pytest.fixture
def victim() -> type[Victim]:
    return Victim
