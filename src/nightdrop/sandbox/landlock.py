"""Landlock: files, TCP, abstract sockets and signals, taken away from a process by itself (landlock(7)).

A ruleset that allows nothing is built once; a child only restricts itself with it.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Sequence
from typing import Literal

from nightdrop.sandbox.libc import syscall

Access = Literal["ro", "rw", "rw+sockets"]
# A file or directory, or a descriptor of one, and what may be done in and below it.
Rule = tuple[str | int, Access]
# What a process may still do with TCP.
Network = Literal["none", "listen"]

_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_RULE_NET_PORT = 2

_EXECUTE = 1 << 0
_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_REMOVE_DIR = 1 << 4
_REMOVE_FILE = 1 << 5
_MAKE_DIR = 1 << 7
_MAKE_REG = 1 << 8
_MAKE_SOCK = 1 << 9
_REFER = 1 << 13
_TRUNCATE = 1 << 14
_IOCTL_DEV = 1 << 15
# ABI -> how many file rights it knows.
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NET_BIND, _NET_CONNECT = 1, 2
_SCOPE_ABSTRACT_UNIX_AND_SIGNAL = 1 | 2

_READ = _READ_FILE | _READ_DIR
# No execute, no links, sockets, pipes or devices: a site's directory holds files and directories.
_READ_WRITE = (
    _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
)  # fmt: skip
_RIGHTS: dict[Access, int] = {"ro": _READ, "rw": _READ_WRITE, "rw+sockets": _READ_WRITE | _MAKE_SOCK}
_NET_TAKEN: dict[Network, int] = {"none": _NET_BIND | _NET_CONNECT, "listen": _NET_CONNECT}
_ON_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV


def abi() -> int:
    """Return the Landlock version of this kernel, 0 when there is none."""
    try:
        return syscall("landlock_create_ruleset", 0, 0, _CREATE_RULESET_VERSION)
    except OSError:
        return 0


def handled_attributes(version: int, *, network: Network = "none") -> bytes:
    """Return the ruleset attributes that take away everything Landlock ``version`` can, but what ``network`` says."""
    files = (1 << _FS_RIGHTS[min(version, max(_FS_RIGHTS))]) - 1
    attributes = struct.pack("<Q", files)
    if version >= 4:
        attributes += struct.pack("<Q", _NET_TAKEN[network])
    if version >= 6:
        attributes += struct.pack("<Q", _SCOPE_ABSTRACT_UNIX_AND_SIGNAL)
    return attributes


def build_ruleset(rules: Sequence[Rule] = (), *, network: Network = "none", connect_ports: Sequence[int] = ()) -> int:
    """Return the descriptor of a ruleset that allows ``rules`` and nothing else.

    Args:
        rules: directories or files, or descriptors of them, with what is allowed in and below them.
        network: what stays allowed with TCP.
        connect_ports: TCP ports of any address that may be connected to all the same.

    Raises:
        OSError: no Landlock, or a path cannot be opened.
    """
    version = abi()
    attributes = handled_attributes(version, network=network)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = syscall("landlock_create_ruleset", ctypes.addressof(buffer), len(attributes), 0)
    try:
        for path, access in rules:
            _allow(ruleset, path, access, int.from_bytes(attributes[:8], "little"))
        for port in connect_ports if version >= 4 else ():
            rule = ctypes.create_string_buffer(struct.pack("<QQ", _NET_CONNECT, port), 16)
            syscall("landlock_add_rule", ruleset, _RULE_NET_PORT, ctypes.addressof(rule), 0)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def restrict_self(ruleset: int) -> None:
    """Put this thread, and what it starts from now on, under ``ruleset`` for good. Needs no_new_privs.

    Raises:
        OSError: the kernel refused.
    """
    syscall("landlock_restrict_self", ruleset, 0)


def restrict_files(rules: Sequence[Rule]) -> None:
    """Narrow this process to ``rules``; it can only ever get narrower.

    Call it while the process has one thread: others keep what they had.

    Args:
        rules: directories or files, or descriptors of them, with what is allowed in and below them ("ro" or "rw").

    Raises:
        OSError: the kernel refused, or a path cannot be opened; then nothing has changed.
    """
    ruleset = build_ruleset(rules)
    try:
        restrict_self(ruleset)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str | int, access: Access, handled: int) -> None:
    parent = os.dup(path) if isinstance(path, int) else os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = _RIGHTS[access] & handled
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            rights &= _ON_A_FILE
        rule = ctypes.create_string_buffer(struct.pack("<Qi", rights, parent), 12)
        syscall("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, ctypes.addressof(rule), 0)
    finally:
        os.close(parent)
