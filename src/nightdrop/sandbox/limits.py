"""Resource limits: what a gateway or runner starts with, and what its run adds from outside (setrlimit(2))."""

import resource
from pathlib import Path

_MIB = 1024 * 1024
_STACK = 8 * _MIB
_RUNNER_FILES = 16
_GATEWAY_FILES = 256


def limit_runner() -> None:
    """Limit this process to a runner's share: a few descriptors, no files, no new processes."""
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NPROC, 0)
    _lower(resource.RLIMIT_NOFILE, _RUNNER_FILES)
    _limit_any()


def limit_gateway() -> None:
    """Limit this process to a gateway's share. Not NPROC: that counts the user's other processes too."""
    _lower(resource.RLIMIT_NOFILE, _GATEWAY_FILES)
    _limit_any()


def limit_process(pid: int, *, memory: int, cpu: float) -> None:
    """Set a run's limits on a running process of the same user, from outside.

    Args:
        pid: the process.
        memory: bytes of address space it may add to what it has now.
        cpu: seconds of processor time, from its start; whole seconds count, rounded up. Then SIGXCPU, a second later
            SIGKILL.

    Raises:
        ProcessLookupError: it is gone.
    """
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0])
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    size = pages * resource.getpagesize() + memory
    seconds = max(1, -int(-cpu // 1))
    resource.prlimit(pid, resource.RLIMIT_AS, (size, size))
    resource.prlimit(pid, resource.RLIMIT_CPU, (seconds, seconds + 1))


def pid_of(pidfd: int) -> int:
    """Return the id, in this process's pid namespace, of the process behind ``pidfd``.

    Raises:
        ProcessLookupError: it is gone.
    """
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii").splitlines():
        key, _, value = line.partition(":")
        if key == "Pid" and int(value) > 0:
            return int(value)
    raise ProcessLookupError(pidfd)


def _limit_any() -> None:
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_STACK, _STACK)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (limit, limit))
