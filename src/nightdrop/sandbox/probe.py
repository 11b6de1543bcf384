"""What this kernel, as it is configured, lets the worker confine its runs with."""

import os
import platform
from dataclasses import dataclass
from typing import Literal

from nightdrop.core.errors import UnavailableError
from nightdrop.sandbox import landlock, namespaces, seccomp
from nightdrop.sandbox.syscalls import ARCH, NUMBERS

_NEEDED_FOR_FULL = frozenset({"user", "net", "pid"})
_ABI_WITH_TCP = 4
_ABI_WITH_SCOPES = 6


class NoSandboxError(UnavailableError):
    """This machine cannot confine a script, so none is run."""

    code = "no_sandbox"
    hint = (
        "Use a kernel with Landlock and seccomp (Linux 5.13 or later, x86-64 or aarch64); `nightdrop doctor` shows "
        'what is missing. To run scripts with what is there, set sandbox = "permissive" in nightdrop.toml.'
    )


@dataclass(frozen=True)
class SandboxLevel:
    """The layers that are there: ``landlock_abi`` 0 means none, ``user`` is the worker's user id."""

    arch: str
    kernel: str
    landlock_abi: int
    seccomp: bool
    namespaces: frozenset[str]
    user: int

    @property
    def level(self) -> Literal["full", "partial", "none"]:
        if not (self.landlock_abi and self.seccomp):
            return "none"
        return "full" if self.namespaces >= _NEEDED_FOR_FULL else "partial"

    @property
    def ok_to_run(self) -> bool:
        return self.level != "none"

    def missing(self) -> list[str]:
        """Return what is missing, each with its remedy."""
        found: list[str] = []
        if self.arch not in NUMBERS:
            found.append(f"no system call table for {self.arch}: use x86-64 or aarch64")
        if not self.landlock_abi:
            found.append('Landlock: needs Linux 5.13 with "landlock" in the lsm= boot parameter')
        elif self.landlock_abi < _ABI_WITH_TCP:
            found.append("Landlock TCP rules: need Linux 6.7; seccomp still stops every connect")
        elif self.landlock_abi < _ABI_WITH_SCOPES:
            found.append("Landlock scopes: need Linux 6.12; seccomp still stops signals and sockets")
        if not self.seccomp:
            found.append("seccomp filters: need CONFIG_SECCOMP_FILTER, and a container profile that allows seccomp(2)")
        if absent := [name for name in namespaces.CLONE_FLAGS if name not in self.namespaces]:
            found.append(f"namespaces ({', '.join(absent)}): {_namespace_remedy()}")
        return found

    def lines(self) -> list[str]:
        """Return a report to print: the level, the layers, what is missing and the remedy."""
        names = [name for name in namespaces.CLONE_FLAGS if name in self.namespaces]
        return [
            f"sandbox: {self.level} (Linux {self.kernel}, {self.arch}, user {self.user})",
            f"  Landlock: {f'ABI {self.landlock_abi}' if self.landlock_abi else 'no'}",
            f"  seccomp: {'yes' if self.seccomp else 'no'}",
            f"  namespaces: {', '.join(names) or 'none'}",
            *(f"  missing: {item}" for item in self.missing()),
        ]


def probe() -> SandboxLevel:
    """Ask the kernel, partly by trying in throw-away children. Takes some milliseconds; call it once, early.

    Call it from a process with one thread: it forks.
    """
    known = ARCH in NUMBERS
    return SandboxLevel(
        arch=ARCH,
        kernel=platform.release(),
        landlock_abi=landlock.abi() if known else 0,
        seccomp=seccomp.is_available(),
        namespaces=namespaces.available() if known else frozenset(),
        user=os.geteuid(),
    )


def _namespace_remedy() -> str:
    if _sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return "AppArmor restricts them (Ubuntu): load a profile with `userns,` for nightdrop's Python"
    if _sysctl("kernel/unprivileged_userns_clone") == "0":
        return "set sysctl kernel.unprivileged_userns_clone=1"
    if _sysctl("user/max_user_namespaces") == "0":
        return "set sysctl user.max_user_namespaces to 1000 or more"
    return "a container's default profile forbids them (Docker, Kubernetes); run on the host or allow unshare and clone"


def _sysctl(name: str) -> str:
    try:
        with open(f"/proc/sys/{name}", encoding="ascii") as file:  # noqa: PTH123  read once, as text
            return file.read().strip()
    except OSError:
        return ""
