"""Seccomp filters: assembled once, installed by each child (seccomp(2))."""

import ctypes
import errno
import os
import struct

from nightdrop.sandbox.bpf import ALLOW, KILL, Program, assemble, errno_action
from nightdrop.sandbox.libc import syscall
from nightdrop.sandbox.profiles import Profile
from nightdrop.sandbox.syscalls import ARCH, NUMBERS

_SET_MODE_FILTER = 1
_FLAG_ALL_THREADS = 1
_GET_ACTION_AVAIL = 2


def build(profile: Profile, arch: str = ARCH) -> Program:
    """Assemble ``profile`` for ``arch``; names the architecture does not have are left out.

    Raises:
        KeyError: the architecture, or a name in the profile, is unknown.
    """
    table = NUMBERS[arch]
    known = set().union(*NUMBERS.values())
    names = {*profile.allowed, *profile.refused, *profile.checked}
    if unknown := names - known:
        raise KeyError(*sorted(unknown))
    decisions = dict.fromkeys(profile.allowed, ALLOW) | dict(profile.refused)
    return assemble(
        arch,
        {table[name]: action for name, action in decisions.items() if name in table},
        {table[name]: rule for name, rule in profile.checked.items() if name in table},
        profile.default,
    )


def install(program: Program, *, all_threads: bool = False) -> None:
    """Put this thread, and what it starts from now on, under ``program`` for good. Needs no_new_privs.

    Args:
        program: the filter.
        all_threads: put the other threads of the process under it too.

    Raises:
        OSError: the kernel refused.
    """
    code = program.bound_to(os.getpid())
    filters = ctypes.create_string_buffer(bytes(code), len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(filters))
    argument = ctypes.create_string_buffer(header, len(header))
    flags = _FLAG_ALL_THREADS if all_threads else 0
    # With that flag the kernel answers with the number of a thread that it could not change.
    if syscall("seccomp", _SET_MODE_FILTER, flags, ctypes.addressof(argument)):
        raise OSError(errno.EINVAL, "a thread has another filter")


def is_available() -> bool:
    """Tell whether this kernel has filters, on an architecture that is known here, with the actions in use."""
    if ARCH not in NUMBERS:
        return False
    try:
        for action in (KILL, errno_action(0)):
            word = ctypes.c_uint32(action)
            syscall("seccomp", _GET_ACTION_AVAIL, 0, ctypes.addressof(word))
    except OSError:
        return False
    return True
