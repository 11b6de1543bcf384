"""A fork into new namespaces: own user, network, process, ipc, mount and host name tables (namespaces(7))."""

import ctypes
import os
import signal
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from nightdrop.sandbox.libc import prctl, syscall

CLONE_FLAGS: Final = {
    "user": 0x10000000,
    "net": 0x40000000,
    "pid": 0x20000000,
    "ipc": 0x08000000,
    "mnt": 0x00020000,
    "uts": 0x04000000,
}
HOST_NAME: Final = b"nightdrop"

_CLONE_CHILD_CLEARTID = 0x00200000
_CLONE_CHILD_SETTID = 0x01000000
_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4
_PR_GET_TID_ADDRESS = 40
_MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8
# What is mounted on the host later, or unmounted there, is so here too; nothing goes the other way.
_MS_REC_SLAVE = 0x4000 | 0x80000
_NO_ENTRY = 71


@cache
def available() -> frozenset[str]:
    """Return the names of the namespaces a process like this one may create, found out in throw-away children."""
    if _can_enter(frozenset(CLONE_FLAGS)):
        return frozenset(CLONE_FLAGS)
    # Without a user namespace the others need CAP_SYS_ADMIN; with one, a container's profile may still forbid some.
    base = frozenset({"user"}) if _can_enter(frozenset({"user"})) else frozenset()
    return base.union(name for name in CLONE_FLAGS if _can_enter(base | {name}))


def clone_into_namespaces(wanted: Collection[str] | None = None) -> int:
    """Fork; the child lives in new namespaces and, in a new pid namespace, is process 1.

    User and group ids stay the same numbers inside. The loopback device stays down. Call it from a process with
    one thread. A child that cannot set itself up writes why to standard error and exits with status 71.

    Args:
        wanted: names out of ``CLONE_FLAGS``; all that are available without it. None of them is a plain fork.

    Returns:
        The child's process id in the parent, 0 in the child.

    Raises:
        OSError: the kernel refused; there is no child.
    """
    names = available() if wanted is None else frozenset(wanted)
    if not names:
        return os.fork()
    uid, gid = os.geteuid(), os.getegid()
    pid = _fork_with(sum(CLONE_FLAGS[name] for name in names))
    if pid == 0:
        try:
            _settle(names, uid, gid)
        except OSError as error:
            os.write(2, f"namespaces: setting up failed with errno {error.errno}\n".encode())
            os._exit(_NO_ENTRY)
    return pid


def _fork_with(flags: int) -> int:
    """Do what ``os.fork`` does around fork(2), around clone(2)."""
    tid_flags, tid_address = _thread_id_slot()
    api = ctypes.pythonapi
    api.PyOS_BeforeFork()
    try:
        # The order of the last two arguments differs between the architectures; the stack and both others are unused.
        pid = syscall("clone", flags | tid_flags | signal.SIGCHLD, 0, 0, *_tid_arguments(tid_address))
    except OSError:
        api.PyOS_AfterFork_Parent()
        raise
    if pid == 0:
        api.PyOS_AfterFork_Child()
    else:
        api.PyOS_AfterFork_Parent()
    return pid


def _thread_id_slot() -> tuple[int, int]:
    """Return clone flags and the address where the C library keeps the thread id.

    Its own fork has the kernel write the new id there; without that, raise() and abort() in the child would signal
    the parent's id. Kernels built without CHECKPOINT_RESTORE do not tell the address.
    """
    address = ctypes.c_void_p()
    try:
        prctl(_PR_GET_TID_ADDRESS, ctypes.addressof(address))
    except OSError:
        return 0, 0
    if not address.value:
        return 0, 0
    return _CLONE_CHILD_CLEARTID | _CLONE_CHILD_SETTID, address.value


def _tid_arguments(address: int) -> tuple[int, int]:
    # (ctid, tls) on x86-64, (tls, ctid) on aarch64; tls is only read with CLONE_SETTLS, so the address may stand twice.
    return address, address


def _settle(names: frozenset[str], uid: int, gid: int) -> None:
    if "user" in names:
        _map_ids(uid, gid)
    if "uts" in names:
        ctypes.PyDLL(None).sethostname(HOST_NAME, len(HOST_NAME))
    if "mnt" in names:
        _mount(b"none", b"/", b"", _MS_REC_SLAVE)
        if "pid" in names:
            # Refused where the container hides parts of /proc; the old one then shows the outer process ids.
            with suppress(OSError):
                _mount(b"proc", b"/proc", b"proc", _MS_NOSUID_NODEV_NOEXEC)


def _map_ids(uid: int, gid: int) -> None:
    # The map files of a process that is not dumpable belong to root: dumpable for these three writes only.
    dumpable = prctl(_PR_GET_DUMPABLE)
    prctl(_PR_SET_DUMPABLE, 1)
    try:
        for name, content in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            Path("/proc/self", name).write_text(content, encoding="ascii")
    finally:
        prctl(_PR_SET_DUMPABLE, 1 if dumpable == 1 else 0)


def _mount(source: bytes, target: bytes, kind: bytes, flags: int) -> None:
    text = [ctypes.create_string_buffer(value) for value in (source, target, kind)]
    syscall("mount", *(ctypes.addressof(item) for item in text), flags, 0)


def _can_enter(names: frozenset[str]) -> bool:
    return runs_in_child(lambda: _enter_and_leave(names))


def _enter_and_leave(names: frozenset[str]) -> bool:
    uid, gid = os.geteuid(), os.getegid()
    pid = _fork_with(sum(CLONE_FLAGS[name] for name in names))
    if pid == 0:
        with suppress(OSError):
            _settle(names, uid, gid)
            os._exit(0)
        os._exit(_NO_ENTRY)
    return os.waitpid(pid, 0)[1] == 0


def runs_in_child(action: Callable[[], bool]) -> bool:
    """Run ``action`` in a throw-away child; return whether it came back true there. A killed child counts as false."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if action() else 1)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0
