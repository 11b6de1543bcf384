"""Kernel confinement of gateways and runners: seccomp, Landlock, namespaces, limits.

The zygote calls :func:`clone_into_namespaces` and :func:`prepare` once; each forked child locks itself in with
``Prepared.confine_gateway`` or ``Prepared.confine_runner``. The worker sets a run's limits with :func:`limit_process`.
"""

from nightdrop.sandbox.landlock import restrict_files
from nightdrop.sandbox.limits import limit_process, pid_of
from nightdrop.sandbox.namespaces import clone_into_namespaces
from nightdrop.sandbox.prepared import Prepared, prepare
from nightdrop.sandbox.probe import NoSandboxError, SandboxLevel, probe
from nightdrop.sandbox.process import close_other_fds, drop_capabilities, harden

__all__ = [
    "NoSandboxError",
    "Prepared",
    "SandboxLevel",
    "clone_into_namespaces",
    "close_other_fds",
    "drop_capabilities",
    "harden",
    "limit_process",
    "pid_of",
    "prepare",
    "probe",
    "restrict_files",
]
