"""What a runner and a gateway may ask of the kernel. Everything that is not named here kills the process.

The web process has a profile the other way round: it may do everything but what is named.

Three answers: allowed (perhaps only with certain arguments), refused with an errno (what Python or a library may try
innocently, such as a late import), killed (nobody tries it innocently).
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nightdrop.sandbox import bpf
from nightdrop.sandbox.bpf import ALLOW, KILL, Rule, errno_action

_EPERM = errno_action(errno.EPERM)
_EACCES = errno_action(errno.EACCES)
_ENOSYS = errno_action(errno.ENOSYS)
_ENOTTY = errno_action(errno.ENOTTY)
_ENOPROTOOPT = errno_action(errno.ENOPROTOOPT)

_PROT_EXEC = 4
_PR_SET_NAME = 15
_MSG_FASTOPEN = 0x20000000
_AF_UNIX = 1
_SOCK_STREAM = 1
_SOCK_DGRAM = 2
_IPPROTO_TCP, _IPPROTO_UDP = 6, 17
_SOCK_CLOEXEC_NONBLOCK = 0x80000 | 0x800
# glibc's flags for pthread_create; musl adds CLONE_DETACHED.
_CLONE_PTHREAD = 0x3D0F00
_CLONE_DETACHED = 0x400000

# TCGETS (isatty), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX. Not TIOCSTI (types into the terminal) and not FIOSETOWN.
_IOCTLS = (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)
# DUPFD, GETFD, SETFD, GETFL, SETFL, GETLK, SETLK, SETLKW, OFD_GETLK, OFD_SETLK, OFD_SETLKW, DUPFD_CLOEXEC.
# Not SETOWN, SETSIG, SETLEASE: they send signals to other processes.
_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030)
# SOL_SOCKET: REUSEADDR, SNDBUF, RCVBUF, KEEPALIVE, LINGER, RCVTIMEO, SNDTIMEO;
# IPPROTO_TCP: NODELAY, KEEPIDLE, KEEPINTVL, KEEPCNT, QUICKACK, USER_TIMEOUT.
_SOCKET_OPTIONS = {1: (2, 7, 8, 9, 13, 20, 21), 6: (1, 4, 5, 6, 12, 18)}


@dataclass(frozen=True)
class Profile:
    """One set of answers; names that an architecture does not have are left out there."""

    name: str
    allowed: frozenset[str]
    refused: Mapping[str, int]
    checked: Mapping[str, Rule]
    default: int = KILL


def _names(text: str) -> list[str]:
    return text.split()


_BASE = frozenset(
    _names(
        """
    read write readv writev recvfrom recvmsg close shutdown poll ppoll select pselect6 lseek fstat
    brk munmap mremap madvise futex sched_yield sched_getaffinity
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times getrusage getrandom
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall exit exit_group
    getpid getppid gettid getuid geteuid getgid getegid
        """
    )
)

_BASE_CHECKED = {
    "mmap": Rule((bpf.no_bits(2, _PROT_EXEC),), _EACCES),
    "mprotect": Rule((bpf.no_bits(2, _PROT_EXEC),), _EACCES),
    "fcntl": Rule((bpf.one_of(1, _FCNTLS),), _EPERM),
    "ioctl": Rule((bpf.one_of(1, _IOCTLS),), _ENOTTY),
    "prctl": Rule((bpf.one_of(0, (_PR_SET_NAME,)),), _EPERM),
    "prlimit64": Rule((bpf.zero(0), bpf.zero(2)), _EPERM),
    "kill": Rule((bpf.own_pid(0),), KILL),
    "tgkill": Rule((bpf.own_pid(0),), KILL),
    # With an address, or with MSG_FASTOPEN, a send is a connect.
    "sendto": Rule((bpf.no_bits(3, _MSG_FASTOPEN), bpf.zero(4)), KILL),
    "sendmsg": Rule((bpf.no_bits(2, _MSG_FASTOPEN),), KILL),
}

# Late imports, linecache and the like: Python turns these into ImportError or OSError and lives on.
_LOOKING_FOR_FILES = _names(
    """
    open openat openat2 creat stat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat
    getcwd chdir fchdir getdents getdents64 statfs fstatfs uname sysinfo
    """
)

_SOCKET_QUESTIONS = ["getsockopt", "getsockname", "getpeername"]

_NOT_THERE = {"clone3": _ENOSYS, "rseq": _ENOSYS, "membarrier": _ENOSYS, "getcpu": _ENOSYS, "setrlimit": _EPERM}

RUNNER = Profile(
    name="runner",
    allowed=_BASE,
    refused={**dict.fromkeys(_LOOKING_FOR_FILES + _SOCKET_QUESTIONS, _EPERM), **_NOT_THERE},
    checked=_BASE_CHECKED,
)

_GATEWAY_FILES = _names(
    """
    open openat newfstatat stat lstat statx access faccessat faccessat2 readlink readlinkat getcwd getdents64
    pread64 pwrite64 preadv pwritev ftruncate fallocate fsync fdatasync fadvise64 flock fchmod umask
    rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat sendfile copy_file_range
    landlock_create_ruleset landlock_add_rule landlock_restrict_self
    """
)

_GATEWAY_SOCKETS = _names(
    """
    getsockopt getsockname getpeername dup dup2 dup3 pipe pipe2 eventfd2
    epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
    """
)

_GATEWAY_THREADS = _names("set_robust_list get_robust_list rseq membarrier getcpu uname sysinfo getrlimit")

# Landlock does not judge these (or, as with links, would allow a part): they name a path and change what is there,
# also outside of the site's directory.
_GATEWAY_REFUSED = _names(
    """
    openat2 creat chdir fchdir statfs fstatfs link linkat symlink symlinkat mknod mknodat truncate
    chmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
    getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
    """
)

GATEWAY = Profile(
    name="gateway",
    allowed=_BASE.union(_GATEWAY_FILES, _GATEWAY_SOCKETS, _GATEWAY_THREADS),
    refused={**dict.fromkeys(_GATEWAY_REFUSED, _EPERM), "clone3": _ENOSYS, "setrlimit": _EPERM},
    checked={
        **_BASE_CHECKED,
        "clone": Rule((bpf.equals(0, _CLONE_PTHREAD, ignore=_CLONE_DETACHED),), KILL),
        # A datagram pair could be pointed at any socket on the host; a stream pair only talks to itself.
        "socketpair": Rule(
            (bpf.one_of(0, (_AF_UNIX,)), bpf.equals(1, _SOCK_STREAM, ignore=_SOCK_CLOEXEC_NONBLOCK)), _EPERM
        ),
        "setsockopt": Rule((bpf.pair_in(1, 2, _SOCKET_OPTIONS),), _ENOPROTOOPT),
        # Only on an open file: by path it would reach what Landlock does not judge.
        "utimensat": Rule((bpf.zero(1),), _EPERM),
    },
)

# What Landlock does not judge: metadata of any file of the user (a node key made readable for everybody), and ways
# around files altogether. The web process starts no program and loads no code.
_WEB_REFUSED = _names(
    """
    chmod fchmodat fchmodat2 chown lchown fchownat utime utimes futimesat
    setxattr lsetxattr removexattr lremovexattr link linkat
    execve execveat ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd
    mount umount2 pivot_root chroot move_mount fsopen open_tree setns unshare open_by_handle_at
    bpf perf_event_open userfaultfd io_uring_setup keyctl add_key request_key
    init_module finit_module kexec_load reboot
    """
)

WEB = Profile(
    name="web",
    allowed=frozenset(),
    refused=dict.fromkeys(_WEB_REFUSED, _EPERM),
    checked={"utimensat": Rule((bpf.zero(1),), _EPERM)},
    default=ALLOW,
)

# Landlock does not judge connections to sockets in the file system: behind one of them the user's service manager, a
# container engine or a key agent would do outside what this process may not. Datagrams stay: they are the wake-ups.
# Nor does it judge streams over MPTCP and SCTP, and a fast open that sends is a connect.
_NO_STRANGE_STREAMS = bpf.one_of(2, (0, _IPPROTO_TCP, _IPPROTO_UDP))
WEB_WITHOUT_CONNECTIONS = Profile(
    name="web without connections",
    allowed=frozenset(),
    refused={},
    checked={
        "socket": Rule(
            (
                bpf.unless(0, _AF_UNIX, bpf.equals(1, _SOCK_DGRAM, ignore=_SOCK_CLOEXEC_NONBLOCK)),
                _NO_STRANGE_STREAMS,
            ),
            _EACCES,
        ),
        "sendto": Rule((bpf.no_bits(3, _MSG_FASTOPEN),), _EACCES),
        "sendmsg": Rule((bpf.no_bits(2, _MSG_FASTOPEN),), _EACCES),
        "sendmmsg": Rule((bpf.no_bits(3, _MSG_FASTOPEN),), _EACCES),
    },
    default=ALLOW,
)

# For a database behind a local socket. A filter does not see which one is connected to, so this gives up a layer.
WEB_WITH_LOCAL_CONNECTIONS = replace(
    WEB_WITHOUT_CONNECTIONS,
    name="web with local connections",
    checked={**WEB_WITHOUT_CONNECTIONS.checked, "socket": Rule((_NO_STRANGE_STREAMS,), _EACCES)},
)
