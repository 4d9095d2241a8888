"""A seccomp filter: system calls that a notebook never needs are refused with EPERM.

Written out here as a classic BPF program instead of through libseccomp: its Python binding exists on few
systems and needs a shared library that a user without root cannot install, while the program is a list of
about a hundred fixed instructions. x86_64 and aarch64.
"""

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.kernels import system

# linux/bpf_common.h, linux/seccomp.h, linux/audit.h
LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K
ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
ERRNO = 0x00050000
OFFSET_NUMBER = 0
OFFSET_ARCHITECTURE = 4
SECCOMP_SET_MODE_FILTER = 1
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
CLONE_NAMESPACES = 0x7E020080  # every CLONE_NEW*, the time namespace too
CLONE_THREAD = 0x00010000
SOCK_TYPE_MASK = 0xF

# fmt: off
NUMBERS: dict[str, dict[str, int]] = {
    "x86_64": {
        "socket": 41, "connect": 42, "bind": 49, "listen": 50, "socketpair": 53, "clone": 56, "fork": 57, "vfork": 58,
        "kill": 62, "ptrace": 101, "personality": 135, "setpriority": 141, "sched_setparam": 142,
        "sched_setscheduler": 144, "pivot_root": 155, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165,
        "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171,
        "iopl": 172, "ioperm": 173, "init_module": 175, "delete_module": 176, "quotactl": 179, "tkill": 200,
        "sched_setaffinity": 203, "mbind": 237, "set_mempolicy": 238, "kexec_load": 246, "add_key": 248,
        "request_key": 249, "keyctl": 250, "ioprio_set": 251, "migrate_pages": 256, "unshare": 272, "move_pages": 279,
        "rt_sigqueueinfo": 129, "tgkill": 234, "rt_tgsigqueueinfo": 297, "perf_event_open": 298, "fanotify_init": 300,
        "prlimit64": 302, "name_to_handle_at": 303, "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310,
        "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "sched_setattr": 314, "seccomp": 317,
        "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "modify_ldt": 154, "shmget": 29, "shmat": 30,
        "shmctl": 31, "semget": 64, "semop": 65, "semctl": 66, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71,
        "semtimedop": 220, "mq_open": 240, "chmod": 90, "chown": 92, "lchown": 94, "utime": 132, "setxattr": 188,
        "lsetxattr": 189, "removexattr": 197, "lremovexattr": 198, "utimes": 235, "fchownat": 260, "futimesat": 261,
        "fchmodat": 268, "utimensat": 280, "memfd_create": 319,
    },
    "aarch64": {
        "socket": 198, "socketpair": 199, "bind": 200, "listen": 201, "connect": 203, "clone": 220, "kill": 129,
        "ptrace": 117, "personality": 92, "setpriority": 140, "sched_setparam": 118, "sched_setscheduler": 119,
        "pivot_root": 41, "chroot": 51, "acct": 89, "settimeofday": 170, "mount": 40, "umount2": 39, "swapon": 224,
        "swapoff": 225, "reboot": 142, "sethostname": 161, "setdomainname": 162, "init_module": 105,
        "delete_module": 106, "quotactl": 60, "tkill": 130, "sched_setaffinity": 122, "mbind": 235,
        "set_mempolicy": 237, "kexec_load": 104, "add_key": 217, "request_key": 218, "keyctl": 219, "ioprio_set": 30,
        "migrate_pages": 238, "unshare": 97, "move_pages": 239, "rt_sigqueueinfo": 138, "tgkill": 131,
        "rt_tgsigqueueinfo": 240, "perf_event_open": 241, "fanotify_init": 262, "prlimit64": 261,
        "name_to_handle_at": 264, "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270,
        "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "sched_setattr": 274, "seccomp": 277,
        "kexec_file_load": 294, "bpf": 280, "userfaultfd": 282, "shmget": 194, "shmat": 196, "shmctl": 195,
        "semget": 190, "semop": 193, "semctl": 191, "msgget": 186, "msgsnd": 189, "msgrcv": 188, "msgctl": 187,
        "setxattr": 5, "lsetxattr": 6, "removexattr": 14, "lremovexattr": 15, "fchmodat": 53, "fchownat": 54,
        "utimensat": 88, "memfd_create": 279,
        "semtimedop": 192, "mq_open": 180,
    },
}
# One number everywhere since Linux 5.0.
NEWER = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435, "pidfd_getfd": 438,
    "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443, "process_mrelease": 448,
    "set_mempolicy_home_node": 450, "open_tree_attr": 467, "memfd_secret": 447, "fchmodat2": 452, "setxattrat": 463,
    "removexattrat": 466, "file_setattr": 469,
}

DENIED = (
    "socket", "connect", "bind", "listen", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd",
    "mount", "umount2", "pivot_root", "chroot", "open_tree", "open_tree_attr", "move_mount", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "unshare", "setns", "keyctl", "add_key", "request_key", "bpf",
    "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "kexec_load",
    "kexec_file_load", "init_module", "finit_module", "delete_module", "open_by_handle_at", "name_to_handle_at",
    "acct", "settimeofday", "swapon", "swapoff", "reboot", "sethostname", "setdomainname", "iopl", "ioperm",
    "quotactl", "quotactl_fd", "fanotify_init", "personality", "modify_ldt", "seccomp", "process_madvise",
    "process_mrelease", "migrate_pages", "move_pages", "pidfd_send_signal",
    # Files that no folder shows: their pages are nobody's memory until they are mapped.
    "memfd_create", "memfd_secret",
)
# Calls that name a process by their first argument: another one than the caller must not be touched.
ON_A_PROCESS = ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
# The same, where 0 means the caller.
ON_A_PROCESS_OR_SELF = ("prlimit64", "sched_setaffinity")
ON_A_GROUP = ("setpriority", "ioprio_set", "tkill", "sched_setattr")
# Memory, semaphores and queues that all processes share where there is no IPC namespace of one's own.
SHARED = (
    "shmget", "shmat", "shmctl", "semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd", "msgrcv", "msgctl",
    "mq_open",
)
# What Landlock does not look at: a file's mode, owner and times, named by its path. Without a mount namespace it could
# be any file of the same user. (By a descriptor only files that could be opened are reached.)
ON_A_FILE = (
    "chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "utime", "utimes", "futimesat", "utimensat",
    "setxattr", "lsetxattr", "setxattrat", "removexattr", "lremovexattr", "removexattrat", "file_setattr",
)
# fmt: on


@dataclass(frozen=True)
class Instruction:
    """One BPF instruction; the jumps name labels, "" is the next instruction."""

    code: int
    value: int
    true: str = ""
    false: str = ""
    label: str = ""


def number(name: str, machine: str) -> int | None:
    """The number of a system call; None where the architecture has no such call."""
    return NEWER.get(name, NUMBERS[machine].get(name))


def argument(index: int) -> int:
    """Where the low 32 bits of a call's argument are in `struct seccomp_data`."""
    return 16 + 8 * index


def program(machine: str, own_process: int = 0, policy: int = os.SCHED_OTHER) -> list[Instruction]:
    """The filter as instructions.

    policy: the scheduling policy that the kernel has, and may set again
    own_process: for a kernel without a process namespace of its own, its process id: then signals and limits
    of other processes are refused, and so are new processes (threads are not). 0: leave both to the namespace.
    """
    result = [
        Instruction(LOAD, OFFSET_ARCHITECTURE),
        Instruction(EQUAL, ARCHITECTURE[machine], false="kill"),
        Instruction(LOAD, OFFSET_NUMBER),
    ]
    if machine == "x86_64":
        result.append(Instruction(AT_LEAST, X32_BIT, true="kill"))

    def on(names: Iterable[str], target: str) -> None:
        for name in names:
            found = number(name, machine)
            if found is not None:
                result.append(Instruction(EQUAL, found, true=target))

    on(DENIED, "deny")
    on(("clone3",), "missing")  # its flags lie in memory, which a filter cannot read; libc falls back to clone
    on(("clone",), "clone")
    on(("socketpair",), "socketpair")
    if own_process:
        on(ON_A_GROUP, "deny")
        on((*SHARED, *ON_A_FILE), "deny")
        on(("fork", "vfork"), "deny")
        on(ON_A_PROCESS, "process")
        on(ON_A_PROCESS_OR_SELF, "process or self")
        on(("sched_setscheduler",), "scheduler")
    result += [
        Instruction(RETURN, ALLOW, label="allow"),
        Instruction(RETURN, ERRNO | errno.EPERM, label="deny"),
        Instruction(RETURN, ERRNO | errno.ENOSYS, label="missing"),
        Instruction(RETURN, KILL_PROCESS, label="kill"),
        Instruction(LOAD, argument(0), label="clone"),
        Instruction(ANY_BIT, CLONE_NAMESPACES, true="no clone"),
    ]
    if own_process:
        result.append(Instruction(ANY_BIT, CLONE_THREAD, false="no clone"))
    result += [
        Instruction(RETURN, ALLOW),
        Instruction(RETURN, ERRNO | errno.EPERM, label="no clone"),
        # Only the pair of streams that asyncio wakes itself with.
        Instruction(LOAD, argument(0), label="socketpair"),
        Instruction(EQUAL, socket.AF_UNIX, false="no pair"),
        Instruction(LOAD, argument(1)),
        Instruction(AND, SOCK_TYPE_MASK),
        Instruction(EQUAL, socket.SOCK_STREAM, false="no pair"),
        Instruction(RETURN, ALLOW),
        Instruction(RETURN, ERRNO | errno.EPERM, label="no pair"),
        # libzmq gives its threads the policy that they have; others it would not change either.
        Instruction(LOAD, argument(1), label="scheduler"),
        Instruction(EQUAL, policy, true="own", false="not own"),
        Instruction(LOAD, argument(0), label="process or self"),
        Instruction(EQUAL, 0, true="own"),
        Instruction(LOAD, argument(0), label="process"),
        Instruction(EQUAL, own_process, true="own", false="not own"),
        Instruction(RETURN, ALLOW, label="own"),
        Instruction(RETURN, ERRNO | errno.EPERM, label="not own"),
    ]
    return result


def assemble(instructions: list[Instruction]) -> bytes:
    """The instructions as `struct sock_filter` array; ValueError for a jump too far (255) or backwards."""
    places = {each.label: place for place, each in enumerate(instructions) if each.label}
    parts = []
    for place, each in enumerate(instructions):
        jumps = [places[label] - place - 1 if label else 0 for label in (each.true, each.false)]
        if any(not 0 <= jump <= 255 for jump in jumps):
            raise ValueError(f"seccomp: instruction {place} jumps by {jumps}")
        parts.append(struct.pack("<HBBI", each.code, *jumps, each.value))
    return b"".join(parts)


def install(own_process: int = 0) -> None:
    """Filter the system calls of this thread and all that it starts; OSError where the kernel refuses."""
    code = assemble(program(system.MACHINE, own_process, os.sched_getscheduler(0)))
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HP", len(code) // 8, ctypes.addressof(buffer))
    pointer = ctypes.create_string_buffer(header, len(header))
    system.no_new_privileges()
    system.syscall(system.SYS_SECCOMP[system.MACHINE], SECCOMP_SET_MODE_FILTER, 0, pointer, what="seccomp")
