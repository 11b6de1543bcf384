"""What a process does to itself before it touches anything it should protect, or be protected from.

Used by the keeper (which has secrets to protect) as well as by gateway and runner (which run what others wrote).
"""

import ctypes
import os
import resource
import signal
from collections.abc import Iterable

from nightdrop.sandbox.libc import prctl, syscall

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4

_MCL_CURRENT_AND_FUTURE = 1 | 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_SETPCAP = 8
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAP_NET_BIND_SERVICE = 10

_LAST_FD = 0xFFFFFFFF


def harden(*, pdeathsig: bool = True, lock_memory: bool = False, parent: int | None = None) -> list[str]:
    """Make this process unreadable for its neighbours, and let it die with its parent.

    Sets no_new_privs, dumpable 0 (no ptrace, no /proc/PID/mem or environ for the same user), core size 0.

    Args:
        pdeathsig: be killed when the parent *thread* ends; the parent must start children from a thread that lives on.
        lock_memory: keep every page out of swap (mlockall).
        parent: process id that must still be the parent; without it only a death during this call is noticed.

    Returns:
        What could not be had, one sentence each; empty when all is in place. Only ``lock_memory`` can end up here.

    Raises:
        OSError: the kernel refused one of the basic steps.
    """
    expected = os.getppid() if parent is None else parent
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    prctl(_PR_SET_DUMPABLE, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if pdeathsig:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before the line above: then no signal will ever come.
        if os.getppid() != expected:
            os.kill(os.getpid(), signal.SIGKILL)
    return _lock_memory() if lock_memory else []


def drop_capabilities(keep: Iterable[int] = ()) -> None:
    """Give up all capabilities but ``keep`` for good: ambient, bounding, permitted, effective, inheritable.

    Args:
        keep: numbers of capabilities; one that the process does not have stays missing.

    Raises:
        OSError: the kernel refused.
    """
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    # Without CAP_SETPCAP the bounding set cannot be changed, and with no_new_privs it is not needed.
    kept = frozenset(number for number in keep if _has_capability(number))
    if _has_capability(_CAP_SETPCAP):
        _empty_bounding_set(kept)
    mask = sum(1 << number for number in kept)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable; first the low words of the three, then the high ones.
    sets = (ctypes.c_uint32 * 6)(mask, mask, 0, mask >> 32, mask >> 32, 0)
    syscall("capset", ctypes.addressof(header), ctypes.addressof(sets))


def has_capabilities() -> bool:
    """Tell whether this process has any capability, or could pass one on.

    Without an inheritable one there is no ambient one either; the bounding set gives nothing to a process under
    no_new_privs.

    Raises:
        OSError: the kernel refused.
    """
    return any(_capabilities())


def close_other_fds(keep: Iterable[int]) -> None:
    """Close every file descriptor that is not in ``keep``, also the standard ones.

    Raises:
        OSError: the kernel refused.
    """
    start = 0
    for fd in sorted(set(keep)):
        if fd > start:
            syscall("close_range", start, fd - 1, 0)
        start = fd + 1
    syscall("close_range", start, _LAST_FD, 0)


def _empty_bounding_set(keep: frozenset[int]) -> None:
    for capability in range(64):
        try:
            if capability not in keep:
                prctl(_PR_CAPBSET_DROP, capability)
        except OSError:
            return  # EINVAL: one past the last capability this kernel knows


def _has_capability(number: int) -> bool:
    data = _capabilities()
    effective = data[0] | data[3] << 32
    return bool(effective >> number & 1)


def _capabilities() -> tuple[int, ...]:
    """Return effective, permitted, inheritable: the low words of the three, then the high ones."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    syscall("capget", ctypes.addressof(header), ctypes.addressof(data))
    return tuple(data)


def _lock_memory() -> list[str]:
    # A finite limit would let the lock succeed now and turn a later allocation into MemoryError, at the latest when
    # CAP_IPC_LOCK is dropped: unlimited, or not at all.
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        syscall("mlockall", _MCL_CURRENT_AND_FUTURE)
    except (OSError, ValueError):
        return ["Memory is not locked: allow it with LimitMEMLOCK=infinity (systemd) or --ulimit memlock=-1 (Docker)."]
    return []
