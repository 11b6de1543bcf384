"""The filters of both architectures, decided by a small interpreter: aarch64 is tested on x86-64 too."""

import errno
import struct

import pytest

from nightdrop.sandbox import bpf, profiles, seccomp
from nightdrop.sandbox.syscalls import NUMBERS

ARCHES = ("x86_64", "aarch64")
PID = 4242
OTHER_PID = 4243
POINTER = 0x7FFF_0000_1000


def decide(program: bpf.Program, number: int, arguments: tuple[int, ...] = (), arch: int | None = None) -> str:
    """Run the filter as the kernel would; return "allow", "kill" or the name of the errno."""
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("<IIQ6Q", number, arch, 0, *padded)
    code = [struct.unpack_from("<HBBI", program.bound_to(PID), at) for at in range(0, len(program.code), 8)]
    accumulator = 0
    at = 0
    while True:
        operation, jump_true, jump_false, k = code[at]
        at += 1
        if operation == bpf.LOAD:
            accumulator = struct.unpack_from("<I", data, k)[0]
        elif operation == bpf.AND:
            accumulator &= k
        elif operation == bpf.EQUAL:
            at += jump_true if accumulator == k else jump_false
        elif operation == bpf.AT_LEAST:
            at += jump_true if accumulator >= k else jump_false
        elif operation == bpf.ANY_BIT:
            at += jump_true if accumulator & k else jump_false
        elif operation == bpf.RETURN:
            return verdict(k)
        else:
            raise AssertionError(f"unknown instruction {operation:#x}")


def verdict(action: int) -> str:
    if action == bpf.ALLOW:
        return "allow"
    if action == bpf.KILL:
        return "kill"
    assert action & 0xFFFF0000 == 0x00050000
    return errno.errorcode[action & 0xFFFF]


def ask(profile: profiles.Profile, arch: str, name: str, *arguments: int) -> str:
    program = seccomp.build(profile, arch)
    return decide(program, NUMBERS[arch][name], arguments, bpf.AUDIT_ARCH[arch])


BOTH = (profiles.RUNNER, profiles.GATEWAY)
FILES_ONLY_FOR_GATEWAY = "openat newfstatat statx readlinkat getdents64 faccessat".split()  # noqa: SIM905  reads better
KILLED_EVERYWHERE = """
    socket connect bind listen accept accept4 execve execveat ptrace process_vm_readv process_vm_writev process_madvise
    keyctl add_key request_key memfd_create memfd_secret io_uring_setup io_uring_enter io_uring_register
    unshare setns mount umount2 pivot_root chroot bpf userfaultfd perf_event_open personality
    pidfd_open pidfd_getfd pidfd_send_signal tkill rt_sigqueueinfo rt_tgsigqueueinfo kcmp init_module finit_module
    open_by_handle_at shmget shmat seccomp capset sendmmsg recvmmsg splice vmsplice setuid pkey_mprotect
    move_mount fsopen open_tree inotify_init1 fanotify_init kexec_load reboot
""".split()  # noqa: SIM905  reads better


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize("profile", BOTH, ids=lambda profile: profile.name)
class TestBothProfiles:
    @pytest.mark.parametrize("name", KILLED_EVERYWHERE)
    def test_what_nobody_tries_innocently_kills(self, profile, arch, name):
        assert ask(profile, arch, name) == "kill"

    @pytest.mark.parametrize("name", ["read", "write", "recvmsg", "futex", "getrandom", "rt_sigreturn", "exit_group"])
    def test_the_daily_bread_is_allowed(self, profile, arch, name):
        assert ask(profile, arch, name) == "allow"

    def test_every_unlisted_number_kills(self, profile, arch):
        program = seccomp.build(profile, arch)
        table = NUMBERS[arch]
        listed = {table[name] for name in {*profile.allowed, *profile.refused, *profile.checked} if name in table}
        survivors = {number for number in range(1024) if decide(program, number, (), bpf.AUDIT_ARCH[arch]) != "kill"}
        assert survivors <= listed

    def test_another_architecture_kills(self, profile, arch):
        program = seccomp.build(profile, arch)
        others = set(bpf.AUDIT_ARCH.values()) - {bpf.AUDIT_ARCH[arch]} | {0x40000003}  # i386 calls on an x86-64 kernel
        for other in others:
            assert decide(program, NUMBERS[arch]["read"], (), other) == "kill"

    def test_executable_memory_is_refused(self, profile, arch):
        for name in ("mmap", "mprotect"):
            assert ask(profile, arch, name, 0, 4096, 3) == "allow"
            for prot in (4, 5, 6, 7):
                assert ask(profile, arch, name, 0, 4096, prot) == "EACCES"

    def test_signals_reach_only_the_process_itself(self, profile, arch):
        for name in ("kill", "tgkill"):
            assert ask(profile, arch, name, PID, 9) == "allow"
            # 0 is the process group, -1 everybody, -PID another group
            for target in (OTHER_PID, 0, 1, 2**32 - 1, 2**64 - 1, 2**64 - PID):
                assert ask(profile, arch, name, target, 9) == "kill"

    def test_terminal_input_cannot_be_faked(self, profile, arch):
        assert ask(profile, arch, "ioctl", 0, 0x5421) == "allow"
        # the kernel ignores the upper half of the request, so must the filter
        for request in (0x5412, 0x5412 | 1 << 32, 0x8901, 0x541C):
            assert ask(profile, arch, "ioctl", 0, request) == "ENOTTY"

    def test_a_descriptor_cannot_be_made_to_signal_others(self, profile, arch):
        assert ask(profile, arch, "fcntl", 0, 4) == "allow"
        for command in (8, 10, 15, 1024, 1026):  # SETOWN, SETSIG, SETOWN_EX, SETLEASE, NOTIFY
            assert ask(profile, arch, "fcntl", 0, command) == "EPERM"

    def test_limits_can_be_read_not_set(self, profile, arch):
        assert ask(profile, arch, "prlimit64", 0, 9, 0, POINTER) == "allow"
        assert ask(profile, arch, "prlimit64", 0, 9, POINTER) == "EPERM"
        assert ask(profile, arch, "prlimit64", 0, 9, 1 << 32) == "EPERM"
        assert ask(profile, arch, "prlimit64", OTHER_PID, 9, 0) == "EPERM"

    def test_sending_is_not_a_way_to_connect(self, profile, arch):
        assert ask(profile, arch, "sendto", 3, POINTER, 1, 0x4000) == "allow"
        assert ask(profile, arch, "sendto", 3, POINTER, 1, 0x20000000) == "kill"
        assert ask(profile, arch, "sendto", 3, POINTER, 1, 0, POINTER) == "kill"
        assert ask(profile, arch, "sendto", 3, POINTER, 1, 0, 1 << 32) == "kill"
        assert ask(profile, arch, "sendmsg", 3, POINTER, 0x4000) == "allow"
        assert ask(profile, arch, "sendmsg", 3, POINTER, 0x20000000) == "kill"

    def test_a_process_cannot_become_readable_again(self, profile, arch):
        assert ask(profile, arch, "prctl", 4, 1) == "EPERM"  # PR_SET_DUMPABLE
        assert ask(profile, arch, "prctl", 15, POINTER) == "allow"

    def test_clone3_says_it_is_not_there(self, profile, arch):
        # its arguments are behind a pointer, no filter can judge them; the C library falls back to clone
        assert ask(profile, arch, "clone3") == "ENOSYS"


@pytest.mark.parametrize("profile", BOTH, ids=lambda profile: profile.name)
def test_x32_calls_kill(profile):
    program = seccomp.build(profile, "x86_64")
    for number in (0, 1, 39, 520):
        assert decide(program, number | 0x40000000, (), bpf.AUDIT_ARCH["x86_64"]) == "kill"


@pytest.mark.parametrize("arch", ARCHES)
class TestRunner:
    @pytest.mark.parametrize("name", FILES_ONLY_FOR_GATEWAY)
    def test_a_late_import_fails_without_killing(self, arch, name):
        assert ask(profiles.RUNNER, arch, name) == "EPERM"

    @pytest.mark.parametrize(
        "name", ["clone", "dup", "socketpair", "setsockopt", "landlock_create_ruleset", "unlinkat"]
    )
    def test_what_only_a_gateway_needs_kills(self, arch, name):
        assert ask(profiles.RUNNER, arch, name, 0x3D0F00) == "kill"

    def test_it_has_few_calls(self, arch):
        names = {*profiles.RUNNER.allowed, *profiles.RUNNER.checked} & set(NUMBERS[arch])
        assert len(names) <= 55


@pytest.mark.parametrize("arch", ARCHES)
class TestGateway:
    @pytest.mark.parametrize("name", FILES_ONLY_FOR_GATEWAY)
    def test_files_are_left_to_landlock(self, arch, name):
        assert ask(profiles.GATEWAY, arch, name) == "allow"

    def test_threads_but_no_processes(self, arch):
        assert ask(profiles.GATEWAY, arch, "clone", 0x3D0F00) == "allow"
        assert ask(profiles.GATEWAY, arch, "clone", 0x7D0F00) == "allow"
        for flags in (17, 0x01200011, 0x3D0F00 | 0x10000000, 0x3D0F00 & ~0x10000, 0x3D0F00 | 1 << 32, 0x4111):
            assert ask(profiles.GATEWAY, arch, "clone", flags) == "kill"

    def test_only_a_stream_pair(self, arch):
        assert ask(profiles.GATEWAY, arch, "socketpair", 1, 1 | 0x80800) == "allow"
        assert ask(profiles.GATEWAY, arch, "socketpair", 1, 2) == "EPERM"
        assert ask(profiles.GATEWAY, arch, "socketpair", 2, 1) == "EPERM"

    def test_only_listed_socket_options(self, arch):
        assert ask(profiles.GATEWAY, arch, "setsockopt", 3, 6, 1) == "allow"
        assert ask(profiles.GATEWAY, arch, "setsockopt", 3, 1, 9) == "allow"
        for level, option in ((1, 25), (1, 26), (1, 50), (6, 9), (6, 31), (0, 1), (41, 26), (9, 9)):
            assert ask(profiles.GATEWAY, arch, "setsockopt", 3, level, option) == "ENOPROTOOPT"

    def test_times_are_set_on_open_files_only(self, arch):
        assert ask(profiles.GATEWAY, arch, "utimensat", 3, 0, POINTER) == "allow"
        assert ask(profiles.GATEWAY, arch, "utimensat", 3, POINTER, POINTER) == "EPERM"

    @pytest.mark.parametrize("name", ["linkat", "symlinkat", "mknodat", "fchmodat", "fchownat", "truncate", "setxattr"])
    def test_paths_that_landlock_does_not_judge_are_refused(self, arch, name):
        assert ask(profiles.GATEWAY, arch, name) == "EPERM"


@pytest.mark.parametrize("arch", ARCHES)
def test_every_name_is_known_to_the_architecture_or_to_the_other_one(arch):
    for profile in BOTH:
        for name in {*profile.allowed, *profile.refused, *profile.checked} - set(NUMBERS[arch]):
            # only the calls that the generic table replaced by an ...at or a later form are missing
            assert arch == "aarch64"
            assert name in NUMBERS["x86_64"]


def test_a_name_nobody_knows_is_an_error():
    wrong = profiles.Profile("wrong", frozenset({"opennat"}), {}, {})
    with pytest.raises(KeyError, match="opennat"):
        seccomp.build(wrong, "x86_64")
