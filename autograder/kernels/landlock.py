"""The contained tier's file and network rules: Landlock, an allow-list that a process puts on itself without rights.

Landlock cannot take something away below what it allows, so a hidden folder is left out by allowing its
neighbours one by one.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.kernels import system

# linux/landlock.h
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
FIRST_ABI = (1 << 13) - 1
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
NET_BIND_AND_CONNECT = 0b11
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READ = EXECUTE | READ_FILE | READ_DIR
DEVICES = ("null", "zero", "full", "random", "urandom")


def version() -> int:
    """The ABI version of this machine; 0 where there is no Landlock."""
    try:
        return system.syscall(
            system.SYS_LANDLOCK_CREATE_RULESET, None, 0, CREATE_RULESET_VERSION, what="landlock_create_ruleset"
        )
    except OSError:
        return 0


def file_rights(abi: int) -> int:
    """Every right on files that this version knows; what is known and not allowed is refused."""
    return FIRST_ABI | (REFER if abi >= 2 else 0) | (TRUNCATE if abi >= 3 else 0) | (IOCTL_DEV if abi >= 5 else 0)


def restrict(
    readable: Sequence[str], writable: Sequence[str], hidden: Sequence[str], devices: Sequence[str] = ()
) -> None:
    """Refuse this process every other file, all TCP, and signals and abstract sockets to the outside.

    `devices` are GPUs, with which CUDA comes: it writes the names of its threads into /proc.
    The last three as far as the kernel knows them (ABI 4 and 6); OSError where there is no Landlock.
    """
    abi = version()
    if not abi:
        raise OSError(0, "this Linux has no Landlock, or it is switched off")
    attributes = struct.pack(
        "<QQQ",
        file_rights(abi),
        NET_BIND_AND_CONNECT if abi >= 4 else 0,
        SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if abi >= 6 else 0,
    )
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    rules = system.syscall(system.SYS_LANDLOCK_CREATE_RULESET, buffer, size, 0, what="landlock_create_ruleset")
    try:
        for path, rights in _allowed(readable, writable, hidden, devices):
            _allow(rules, path, rights & file_rights(abi))
        system.no_new_privileges()
        system.syscall(system.SYS_LANDLOCK_RESTRICT_SELF, rules, 0, what="landlock_restrict_self")
    finally:
        os.close(rules)


def _allowed(
    readable: Sequence[str], writable: Sequence[str], hidden: Sequence[str], devices: Sequence[str]
) -> Iterator[tuple[str, int]]:
    for path in readable:
        yield from _without(path, hidden)
    yield from ((path, ~0) for path in writable)
    yield from ((f"/dev/{name}", READ_FILE | WRITE_FILE) for name in DEVICES)
    yield f"/proc/{os.getpid()}", READ_FILE | READ_DIR
    yield from ((f"/proc/{name}", READ_FILE) for name in ("cpuinfo", "meminfo", "stat", "filesystems"))
    yield "/sys/devices/system/cpu", READ_FILE | READ_DIR
    yield from ((path, READ_FILE | WRITE_FILE | IOCTL_DEV) for path in devices)
    if devices:
        yield f"/proc/{os.getpid()}/task", READ_FILE | READ_DIR | WRITE_FILE


def _without(path: str, hidden: Sequence[str]) -> Iterator[tuple[str, int]]:
    """`path`, or where something hidden is below it, its name list and its other entries."""
    if path in hidden:
        return
    if not any(Path(each).is_relative_to(path) for each in hidden):
        yield path, READ
        return
    yield path, READ_DIR
    for entry in Path(path).iterdir():
        if not entry.is_symlink():  # it would open what it leads to, around what is hidden
            yield from _without(str(entry), hidden)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not there, or not for us
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= ON_FILES
        attributes = struct.pack("<Qi", rights, descriptor)
        buffer = ctypes.create_string_buffer(attributes, len(attributes))
        system.syscall(
            system.SYS_LANDLOCK_ADD_RULE, rules, RULE_PATH_BENEATH, buffer, 0, what=f"landlock_add_rule {path}"
        )
    finally:
        os.close(descriptor)
