"""Everything a child needs to lock itself in, built once in the zygote."""

import ctypes
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from nightdrop.sandbox import landlock, seccomp
from nightdrop.sandbox.bpf import Program
from nightdrop.sandbox.limits import limit_gateway, limit_runner
from nightdrop.sandbox.probe import NoSandboxError, SandboxLevel, probe
from nightdrop.sandbox.process import close_other_fds, drop_capabilities, harden, has_capabilities
from nightdrop.sandbox.profiles import GATEWAY, RUNNER

_STANDARD_FDS = (0, 1, 2)


@dataclass(frozen=True)
class _Cage:
    ruleset: int | None
    program: Program | None


@dataclass(frozen=True)
class Prepared:
    """Prebuilt filters and rulesets; ``missing`` names the layers that permissive mode does without."""

    level: SandboxLevel
    missing: tuple[str, ...]
    parent: int
    _null: int
    _runner: _Cage
    _gateway: _Cage
    _gateway_rules: tuple[landlock.Rule, ...] = ()

    def confine_runner(self, keep: Iterable[int]) -> None:
        """Lock this forked child in as a runner; see :meth:`confine_gateway`."""
        self._confine(self._runner, limit_runner, keep)

    def confine_gateway(self, keep: Iterable[int], more: Sequence[landlock.Rule] = ()) -> None:
        """Lock this forked child in as a gateway, for good.

        Call it in a child of the process that called :func:`prepare`, with one thread and everything imported.

        Args:
            keep: descriptors that stay open. Standard ones not among them are replaced by /dev/null.
            more: directories that this one gateway may reach besides; descriptors among them are closed.

        Raises:
            OSError: the kernel refused a step; end the process, it is not confined.
        """
        cage = self._gateway
        if more and cage.ruleset is not None:
            cage = replace(cage, ruleset=landlock.build_ruleset([*self._gateway_rules, *more]))
        self._confine(cage, limit_gateway, keep)

    def close(self) -> None:
        """Close the prepared descriptors."""
        rulesets = [cage.ruleset for cage in (self._runner, self._gateway) if cage.ruleset is not None]
        for fd in (self._null, *rulesets):
            with suppress(OSError):
                os.close(fd)

    def _confine(self, cage: _Cage, limit: Callable[[], None], keep: Iterable[int]) -> None:
        kept = set(keep)
        for fd in _STANDARD_FDS:
            # A free 0, 1 or 2 would be given to the next socket, and print() would write into it.
            if fd not in kept:
                os.dup2(self._null, fd)
        close_other_fds(kept.union(_STANDARD_FDS, () if cage.ruleset is None else (cage.ruleset,)))
        limit()
        if has_capabilities():
            drop_capabilities()
        harden(parent=self.parent)
        if cage.ruleset is not None:
            landlock.restrict_self(cage.ruleset)
            os.close(cage.ruleset)
        if cage.program is not None:
            seccomp.install(cage.program)


def prepare(
    *,
    files: str | None = None,
    read_only: Sequence[str] = (),
    permissive: bool = False,
    level: SandboxLevel | None = None,
) -> Prepared:
    """Build what :class:`Prepared` holds.

    Call it in the process that forks the runs, after it took its namespaces; drop its capabilities right after, so
    that its children have none to drop.

    Args:
        files: directory with all sites' files, for gateways; each narrows itself to its site when its run starts.
        read_only: files or directories a gateway may read besides (certificates, time zones).
        permissive: do without a layer that is not there, instead of refusing.
        level: the answer of a :func:`probe` made before the namespaces were taken.

    Raises:
        NoSandboxError: Landlock or seccomp is not there, and ``permissive`` is not set.
        OSError: a path cannot be opened.
    """
    found = probe() if level is None else level
    if not (found.ok_to_run or permissive):
        raise NoSandboxError
    # pthread_exit loads it on first use, which would abort a confined process.
    with suppress(OSError):
        ctypes.CDLL("libgcc_s.so.1")
    rules: list[landlock.Rule] = [(path, "ro") for path in read_only]
    if files is not None:
        rules.append((files, "rw"))
    return Prepared(
        level=found,
        missing=_missing(found),
        parent=os.getpid(),
        _null=os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC),
        _runner=_Cage(
            landlock.build_ruleset() if found.landlock_abi else None,
            seccomp.build(RUNNER) if found.seccomp else None,
        ),
        _gateway=_Cage(
            landlock.build_ruleset(rules) if found.landlock_abi else None,
            seccomp.build(GATEWAY) if found.seccomp else None,
        ),
        _gateway_rules=tuple(rules),
    )


def _missing(level: SandboxLevel) -> tuple[str, ...]:
    return tuple(name for name, there in (("landlock", level.landlock_abi), ("seccomp", level.seccomp)) if not there)
