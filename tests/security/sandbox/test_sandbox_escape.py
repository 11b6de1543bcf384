"""Attacks from inside a confined child, run for real, with the same attack unconfined as the control.

An attack returns when it succeeded. What stands in the table is exactly how it has to end: a signal, an errno, or "ok".
A kernel without one of the layers fails these tests; it does not skip them.
"""

import ctypes
import dataclasses
import mmap
import os
import resource
import signal
import socket
import struct
from collections.abc import Callable
from fcntl import fcntl, ioctl
from pathlib import Path
from typing import Any

import pytest

from nightdrop import sandbox
from nightdrop.sandbox import landlock
from nightdrop.sandbox import prepared as prepared_module
from nightdrop.sandbox.libc import syscall
from nightdrop.sandbox.syscalls import ARCH, NUMBERS

CAP_SYS_ADMIN = 21
STATUS = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
PRIVILEGED = bool(int(STATUS["CapEff"], 16) >> CAP_SYS_ADMIN & 1)

Arena = Any
Handles = Any
Action = Callable[[Arena, Handles], object]


def must_be(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError


def open_file(arena: Arena, _: Handles) -> None:
    Path("/etc/passwd").read_bytes()


def open_outside(arena: Arena, _: Handles) -> None:
    must_be((arena.outside / "secret.txt").read_bytes(), arena.secret)


def open_by_dots(arena: Arena, _: Handles) -> None:
    must_be((arena.site / ".." / ".." / "outside" / "secret.txt").read_bytes(), arena.secret)


def follow_planted_symlink(arena: Arena, _: Handles) -> None:
    must_be((arena.site / "planted").read_bytes(), arena.secret)


def read_victim_memory_file(arena: Arena, _: Handles) -> None:
    fd = os.open(f"/proc/{arena.victim}/mem", os.O_RDONLY)
    must_be(os.pread(fd, len(arena.secret), arena.address), arena.secret)


def read_victim_environment(arena: Arena, _: Handles) -> None:
    Path(f"/proc/{arena.victim}/environ").read_bytes()


def open_own_memory_file(arena: Arena, _: Handles) -> None:
    os.close(os.open("/proc/self/mem", os.O_RDWR))


def process_vm_readv(arena: Arena, _: Handles) -> None:
    local = ctypes.create_string_buffer(len(arena.secret))
    mine = (ctypes.c_size_t * 2)(ctypes.addressof(local), len(arena.secret))
    theirs = (ctypes.c_size_t * 2)(arena.address, len(arena.secret))
    syscall("process_vm_readv", arena.victim, ctypes.addressof(mine), 1, ctypes.addressof(theirs), 1, 0)
    must_be(local.raw, arena.secret)


def ptrace(arena: Arena, _: Handles) -> None:
    syscall("ptrace", 0x4206, arena.victim, 0, 0)  # PTRACE_SEIZE


def signal_victim(arena: Arena, _: Handles) -> None:
    os.kill(arena.victim, signal.SIGTERM)


def signal_parent(arena: Arena, _: Handles) -> None:
    os.kill(os.getppid(), 0)


def signal_by_descriptor(arena: Arena, handles: Handles) -> None:
    fcntl(handles.tcp, 8, arena.victim)  # F_SETOWN


def tcp_connect(arena: Arena, handles: Handles) -> None:
    handles.tcp.connect(("127.0.0.1", arena.tcp_port))


def tcp_connect_by_sending(arena: Arena, handles: Handles) -> None:
    handles.tcp.sendto(b"x", 0x20000000, ("127.0.0.1", arena.tcp_port))  # MSG_FASTOPEN


def tcp_listen(arena: Arena, handles: Handles) -> None:
    handles.tcp.bind(("127.0.0.1", 0))


def new_socket(arena: Arena, _: Handles) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def udp_send(arena: Arena, handles: Handles) -> None:
    handles.udp.sendto(b"x", ("127.0.0.1", arena.udp_port))


def abstract_connect(arena: Arena, handles: Handles) -> None:
    handles.unix.connect(arena.abstract_name)


def fork(arena: Arena, _: Handles) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def execve(arena: Arena, _: Handles) -> None:
    os.execv("/bin/true", ["true"])


def keyctl(arena: Arena, _: Handles) -> None:
    syscall("keyctl", 0, -3 & 0xFFFFFFFF, 1)  # KEYCTL_GET_KEYRING_ID of the session


def memfd_create(arena: Arena, _: Handles) -> None:
    os.memfd_create("x")


def io_uring_setup(arena: Arena, _: Handles) -> None:
    parameters = ctypes.create_string_buffer(120)
    syscall("io_uring_setup", 1, ctypes.addressof(parameters))


def unshare(arena: Arena, _: Handles) -> None:
    syscall("unshare", 0x10000000)


def setns(arena: Arena, handles: Handles) -> None:
    syscall("setns", handles.netns, 0)


def map_executable(arena: Arena, _: Handles) -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def make_executable(arena: Arena, _: Handles) -> None:
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    syscall("mprotect", ctypes.addressof(ctypes.c_char.from_buffer(memory)), mmap.PAGESIZE, 5)


def clone3(arena: Arena, _: Handles) -> None:
    arguments = (ctypes.c_uint64 * 8)()
    arguments[4] = signal.SIGCHLD
    pid = syscall("clone3", ctypes.addressof(arguments), ctypes.sizeof(arguments))
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def personality(arena: Arena, _: Handles) -> None:
    syscall("personality", 0xFFFFFFFF)


def bpf(arena: Arena, _: Handles) -> None:
    attributes = (ctypes.c_uint32 * 16)(2, 4, 4, 1)  # an array map
    syscall("bpf", 0, ctypes.addressof(attributes), ctypes.sizeof(attributes))


def userfaultfd(arena: Arena, _: Handles) -> None:
    syscall("userfaultfd", 1)  # UFFD_USER_MODE_ONLY: no privilege needed


def type_into_terminal(arena: Arena, handles: Handles) -> None:
    ioctl(handles.terminal, 0x5412, b"x")


def become_readable(arena: Arena, _: Handles) -> None:
    syscall("prctl", 4, 1, 0, 0, 0)


def move_out(arena: Arena, _: Handles) -> None:
    (arena.site / "own.txt").rename(arena.outside / "moved.txt")


def move_in(arena: Arena, _: Handles) -> None:
    (arena.outside / "secret.txt").rename(arena.site / "moved.txt")


def hard_link_in(arena: Arena, _: Handles) -> None:
    os.link(arena.outside / "secret.txt", arena.site / "linked.txt")


def symlink_out(arena: Arena, _: Handles) -> None:
    (arena.site / "pointer").symlink_to(arena.outside)


def change_mode_outside(arena: Arena, _: Handles) -> None:
    (arena.outside / "secret.txt").chmod(0o666)


def touch_outside(arena: Arena, _: Handles) -> None:
    os.utime(arena.outside / "secret.txt", (0, 0))


def delete_outside(arena: Arena, _: Handles) -> None:
    (arena.outside / "secret.txt").unlink()


def widen_landlock(arena: Arena, handles: Handles) -> None:
    landlock.restrict_files([("/", "rw")])
    open_outside(arena, handles)


def raise_limit(arena: Arena, _: Handles) -> None:
    limits = struct.pack("qq", *resource.getrlimit(resource.RLIMIT_STACK))
    buffer = ctypes.create_string_buffer(limits, len(limits))
    syscall("prlimit64", 0, resource.RLIMIT_STACK, ctypes.addressof(buffer), 0)


@dataclasses.dataclass(frozen=True)
class Attack:
    """``control``: how it ends without a sandbox; ``unprivileged``: the same where the tests run without CAP_SYS_ADMIN."""

    action: Action
    runner: str
    gateway: str
    control: str = "ok"
    unprivileged: tuple[str, ...] = ()

    @property
    def expected_controls(self) -> tuple[str, ...]:
        return (self.control,) if PRIVILEGED or not self.unprivileged else self.unprivileged


KILLED = "SIGSYS"
ATTACKS = [
    Attack(open_file, "EPERM", "EACCES"),
    Attack(open_outside, "EPERM", "EACCES"),
    Attack(open_by_dots, "EPERM", "EACCES"),
    Attack(follow_planted_symlink, "EPERM", "EACCES"),
    Attack(read_victim_memory_file, "EPERM", "EACCES"),
    Attack(read_victim_environment, "EPERM", "EACCES"),
    Attack(open_own_memory_file, "EPERM", "EACCES"),
    Attack(process_vm_readv, KILLED, KILLED),
    Attack(ptrace, KILLED, KILLED),
    Attack(signal_victim, KILLED, KILLED),
    Attack(signal_parent, KILLED, KILLED),
    Attack(signal_by_descriptor, "EPERM", "EPERM"),
    Attack(tcp_connect, KILLED, KILLED),
    Attack(tcp_connect_by_sending, KILLED, KILLED),
    Attack(tcp_listen, KILLED, KILLED),
    Attack(new_socket, KILLED, KILLED),
    Attack(udp_send, KILLED, KILLED),
    Attack(abstract_connect, KILLED, KILLED),
    Attack(fork, KILLED, KILLED),
    Attack(execve, KILLED, KILLED, control="exit 0"),
    Attack(keyctl, KILLED, KILLED),
    Attack(memfd_create, KILLED, KILLED),
    Attack(io_uring_setup, KILLED, KILLED),
    Attack(unshare, KILLED, KILLED),
    Attack(setns, KILLED, KILLED, unprivileged=("EPERM",)),
    Attack(map_executable, "EACCES", "EACCES"),
    Attack(make_executable, "EACCES", "EACCES"),
    Attack(clone3, "ENOSYS", "ENOSYS"),
    Attack(personality, KILLED, KILLED),
    Attack(bpf, KILLED, KILLED, unprivileged=("EPERM",)),
    Attack(userfaultfd, KILLED, KILLED),
    Attack(type_into_terminal, "ENOTTY", "ENOTTY", unprivileged=("EPERM", "EIO")),
    Attack(become_readable, "EPERM", "EPERM"),
    Attack(move_out, KILLED, "EACCES"),
    Attack(move_in, KILLED, "EACCES"),
    Attack(hard_link_in, KILLED, "EPERM"),
    Attack(symlink_out, KILLED, "EPERM"),
    Attack(change_mode_outside, KILLED, "EPERM"),
    Attack(touch_outside, KILLED, "EPERM"),
    Attack(delete_outside, KILLED, "EACCES"),
    Attack(widen_landlock, KILLED, "EACCES", unprivileged=("EPERM",)),
    Attack(raise_limit, "EPERM", "EPERM"),
]


def attack_name(attack: object) -> str:
    return attack.action.__name__


@pytest.mark.parametrize("attack", ATTACKS, ids=attack_name)
def test_runner(arena, run, attack):
    prepared = sandbox.prepare()
    assert run(arena, attack.action, prepared.confine_runner) == attack.runner


@pytest.mark.parametrize("attack", ATTACKS, ids=attack_name)
def test_gateway(arena, run, attack):
    prepared = sandbox.prepare(files=str(arena.site))
    assert run(arena, attack.action, prepared.confine_gateway) == attack.gateway


@pytest.mark.parametrize("attack", ATTACKS, ids=attack_name)
def test_gateway_with_a_directory_more(arena, run, attack, tmp_path):
    (tmp_path / "given").mkdir()
    prepared = sandbox.prepare(files=str(arena.site))

    def confine(keep: list[int]) -> None:
        prepared.confine_gateway(keep, [(str(tmp_path / "given"), "rw")])

    assert run(arena, attack.action, confine) == attack.gateway


@pytest.mark.parametrize("attack", ATTACKS, ids=attack_name)
def test_control_without_a_sandbox(arena, run, attack):
    found = run(arena, attack.action, lambda _: None)
    assert found in attack.expected_controls
    assert found not in {attack.runner, attack.gateway}


@pytest.mark.parametrize("kind", ["runner", "gateway"])
def test_x32_calls_kill(arena, run, kind):
    assert ARCH in NUMBERS, "these tests need a machine the sandbox knows"
    libc = ctypes.PyDLL(None, use_errno=True)

    def call_x32(_arena: Arena, _handles: Handles) -> None:
        if libc.syscall(ctypes.c_long(NUMBERS[ARCH]["getpid"] | 0x40000000)) == -1:
            raise OSError(ctypes.get_errno(), "x32")

    confine = getattr(sandbox.prepare(), f"confine_{kind}")
    # on aarch64 the bit is only an unknown number
    assert run(arena, call_x32, confine) == KILLED
    assert run(arena, call_x32, lambda _: None) in {"ok", "ENOSYS"}


LANDLOCK_ALONE = [
    (open_file, "EACCES"),
    (read_victim_memory_file, "EACCES"),
    (process_vm_readv, "EPERM"),
    (ptrace, "EPERM"),
    (signal_victim, "EPERM"),
    (signal_parent, "EPERM"),
    (tcp_connect, "EACCES"),
    (tcp_listen, "EACCES"),
    (abstract_connect, "EPERM"),
    (move_out, "EACCES"),
    (hard_link_in, "EACCES"),
    (delete_outside, "EACCES"),
]


@pytest.mark.parametrize(("action", "expected"), LANDLOCK_ALONE, ids=lambda value: getattr(value, "__name__", ""))
def test_landlock_alone(arena, run, action, expected):
    assert landlock.abi() >= 6, "this kernel's Landlock has no scopes: run the tests on Linux 6.12 or later"
    whole = sandbox.prepare()
    cage = prepared_module._Cage(whole._runner.ruleset, None)
    assert run(arena, action, dataclasses.replace(whole, _runner=cage).confine_runner) == expected


NAMESPACES_ALONE = [
    (process_vm_readv, "ESRCH"),
    (ptrace, "ESRCH"),
    (signal_victim, "ESRCH"),
    (read_victim_memory_file, "ENOENT"),
    (tcp_connect, "ENETUNREACH"),
    (udp_send, "ENETUNREACH"),
    (abstract_connect, "ECONNREFUSED"),
]


@pytest.mark.parametrize(("action", "expected"), NAMESPACES_ALONE, ids=lambda value: getattr(value, "__name__", ""))
def test_namespaces_alone(arena, run, action, expected):
    level = sandbox.probe()
    assert level.level == "full", "no namespaces here: " + "; ".join(level.missing())

    assert run(arena, action, lambda _: None, sandbox.clone_into_namespaces) == expected


HARDENED = [read_victim_memory_file, read_victim_environment, process_vm_readv, ptrace]


@pytest.mark.parametrize("action", HARDENED, ids=lambda action: action.__name__)
def test_a_hardened_process_is_unreadable_for_its_user(arena, run, victim, action):
    memory = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))

    def attacker(_: list[int]) -> None:
        sandbox.drop_capabilities()

    def harden() -> None:
        sandbox.drop_capabilities()  # else the attacker lacks them and is refused for that alone
        sandbox.harden()

    for prepare, expected in ((harden, {"EPERM", "EACCES"}), (sandbox.drop_capabilities, {"ok"})):
        with victim(memory, prepare) as target:
            aimed = dataclasses.replace(arena, victim=target, address=address)
            assert run(aimed, action, attacker) in expected
