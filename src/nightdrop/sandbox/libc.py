"""Raw system calls through the C library, with errno turned into OSError.

Nothing here is Python's own ``os`` module: the calls the sandbox needs (seccomp, Landlock, capset, clone) have no
binding there.
"""

import ctypes
import os

from nightdrop.sandbox.syscalls import number

# PyDLL keeps the interpreter lock: right for short calls, and required around a clone.
_LIBC = ctypes.PyDLL(None, use_errno=True)
_ARGUMENTS = 6
_ZEROS = (0,) * _ARGUMENTS
# The C prototypes are variadic: declared in full, so that every argument is widened to a register.
_SYSCALL = _LIBC.syscall
_SYSCALL.restype = ctypes.c_long
_SYSCALL.argtypes = (ctypes.c_long,) * (1 + _ARGUMENTS)
_PRCTL = _LIBC.prctl
_PRCTL.restype = ctypes.c_int
_PRCTL.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)


def syscall(name: str, *arguments: int) -> int:
    """Call the kernel.

    Args:
        name: the call, as in the table of :mod:`.syscalls`.
        arguments: up to six integers or addresses.

    Raises:
        OSError: with the kernel's errno; ENOSYS on an architecture without a table.
    """
    result: int = _SYSCALL(number(name), *arguments, *_ZEROS[len(arguments) :])
    if result == -1:
        raise _last_error()
    return result


def prctl(option: int, first: int = 0, second: int = 0, third: int = 0, fourth: int = 0) -> int:
    """Set or ask something about this process; see prctl in section 2 of the manual.

    Raises:
        OSError: with the kernel's errno.
    """
    result: int = _PRCTL(option, first, second, third, fourth)
    if result == -1:
        raise _last_error()
    return result


def _last_error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))
