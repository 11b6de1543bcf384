"""What a server process that holds no key does to itself at its start."""

import ctypes
import os
import resource
import signal

# prctl(2)
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38


def protect_process(*, parent_death: bool) -> None:
    """Keep neighbours of the same user out of this process's memory, and write no core file.

    ``parent_death``: be killed when the parent ends; call it before any thread is started.

    Raises:
        OSError: the kernel refused.
    """
    parent = os.getppid()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # Also takes /proc/PID/environ and /proc/PID/mem away from the same user.
    _prctl(_PR_SET_DUMPABLE, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if parent_death:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        # The parent may have died before the line above: then no signal will ever come.
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    call = ctypes.CDLL(None, use_errno=True).prctl
    if call(ctypes.c_int(option), ctypes.c_ulong(value), *(ctypes.c_ulong(0),) * 3) == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
