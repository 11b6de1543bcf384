"""System call numbers of both architectures, as far as the profiles and their tests name them.

Source: the kernel's asm/unistd_64.h (x86-64) and asm-generic/unistd.h (aarch64 uses the generic table). A dash: the
architecture does not have the call.
"""

import errno
import platform
from typing import Final

ARCH: Final = platform.machine()

_TABLE = """
name x86_64 aarch64
accept 43 202
accept4 288 242
access 21 -
add_key 248 217
arch_prctl 158 -
bind 49 200
bpf 321 280
brk 12 214
capget 125 90
capset 126 91
chdir 80 49
chmod 90 -
chown 92 -
chroot 161 51
clock_getres 229 114
clock_gettime 228 113
clock_nanosleep 230 115
clone 56 220
clone3 435 435
close 3 57
close_range 436 436
connect 42 203
copy_file_range 326 285
creat 85 -
dup 32 23
dup2 33 -
dup3 292 24
epoll_create1 291 20
epoll_ctl 233 21
epoll_pwait 281 22
epoll_pwait2 441 441
epoll_wait 232 -
eventfd2 290 19
execve 59 221
execveat 322 281
exit 60 93
exit_group 231 94
faccessat 269 48
faccessat2 439 439
fadvise64 221 223
fallocate 285 47
fanotify_init 300 262
fchdir 81 50
fchmod 91 52
fchmodat 268 53
fchmodat2 452 452
fchown 93 55
fchownat 260 54
fcntl 72 25
fdatasync 75 83
fgetxattr 193 10
finit_module 313 273
flistxattr 196 13
flock 73 32
fork 57 -
fremovexattr 199 16
fsetxattr 190 7
fsopen 430 430
fstat 5 80
fstatfs 138 44
fsync 74 82
ftruncate 77 46
futex 202 98
futimesat 261 -
get_robust_list 274 100
getcpu 309 168
getcwd 79 17
getdents 78 -
getdents64 217 61
getegid 108 177
geteuid 107 175
getgid 104 176
getpeername 52 205
getpid 39 172
getppid 110 173
getrandom 318 278
getrlimit 97 163
getrusage 98 165
getsockname 51 204
getsockopt 55 209
gettid 186 178
gettimeofday 96 169
getuid 102 174
getxattr 191 8
init_module 175 105
inotify_init1 294 26
io_uring_enter 426 426
io_uring_register 427 427
io_uring_setup 425 425
ioctl 16 29
kcmp 312 272
kexec_load 246 104
keyctl 250 219
kill 62 129
landlock_add_rule 445 445
landlock_create_ruleset 444 444
landlock_restrict_self 446 446
lchown 94 -
lgetxattr 192 9
link 86 -
linkat 265 37
listen 50 201
listxattr 194 11
llistxattr 195 12
lremovexattr 198 15
lseek 8 62
lsetxattr 189 6
lstat 6 -
madvise 28 233
membarrier 324 283
memfd_create 319 279
memfd_secret 447 447
mkdir 83 -
mkdirat 258 34
mknod 133 -
mknodat 259 33
mlockall 151 230
mmap 9 222
modify_ldt 154 -
mount 165 40
move_mount 429 429
mprotect 10 226
mremap 25 216
munmap 11 215
name_to_handle_at 303 264
nanosleep 35 101
newfstatat 262 79
open 2 -
open_by_handle_at 304 265
open_tree 428 428
openat 257 56
openat2 437 437
perf_event_open 298 241
personality 135 92
pidfd_getfd 438 438
pidfd_open 434 434
pidfd_send_signal 424 424
pipe 22 -
pipe2 293 59
pivot_root 155 41
pkey_mprotect 329 288
poll 7 -
ppoll 271 73
prctl 157 167
pread64 17 67
preadv 295 69
prlimit64 302 261
process_madvise 440 440
process_vm_readv 310 270
process_vm_writev 311 271
pselect6 270 72
ptrace 101 117
pwrite64 18 68
pwritev 296 70
quotactl 179 60
read 0 63
readlink 89 -
readlinkat 267 78
readv 19 65
reboot 169 142
recvfrom 45 207
recvmmsg 299 243
recvmsg 47 212
removexattr 197 14
rename 82 -
renameat 264 38
renameat2 316 276
request_key 249 218
restart_syscall 219 128
rmdir 84 -
rseq 334 293
rt_sigaction 13 134
rt_sigprocmask 14 135
rt_sigqueueinfo 129 138
rt_sigreturn 15 139
rt_tgsigqueueinfo 297 240
sched_getaffinity 204 123
sched_yield 24 124
seccomp 317 277
select 23 -
sendfile 40 71
sendmmsg 307 269
sendmsg 46 211
sendto 44 206
set_robust_list 273 99
setns 308 268
setrlimit 160 164
setsockopt 54 208
setuid 105 146
setxattr 188 5
shmat 30 196
shmget 29 194
shutdown 48 210
sigaltstack 131 132
socket 41 198
socketpair 53 199
splice 275 76
stat 4 -
statfs 137 43
statx 332 291
symlink 88 -
symlinkat 266 36
sysinfo 99 179
tgkill 234 131
time 201 -
times 100 153
tkill 200 130
truncate 76 45
umask 95 166
umount2 166 39
uname 63 160
unlink 87 -
unlinkat 263 35
unshare 272 97
userfaultfd 323 282
utime 132 -
utimensat 280 88
utimes 235 -
vfork 58 -
vmsplice 278 75
wait4 61 260
write 1 64
writev 20 66
"""


def _column(index: int) -> dict[str, int]:
    rows = (line.split() for line in _TABLE.split("\n")[2:] if line)
    return {row[0]: int(row[index]) for row in rows if row[index] != "-"}


NUMBERS: Final = {"x86_64": _column(1), "aarch64": _column(2)}


def number(name: str) -> int:
    """Return the number of system call ``name`` on this machine.

    Raises:
        OSError: ENOSYS, the architecture is not one of the two.
    """
    try:
        return NUMBERS[ARCH][name]
    except KeyError:
        raise OSError(errno.ENOSYS, "no table of system calls for this architecture") from None
