"""The strict tier: a process leaves for namespaces of its own, with a file system that holds Python and nothing else.

Two steps, because a new process namespace only takes in the next child:
`leave` (own user, mount, process, network, IPC and host-name namespaces), then, in the child, `settle`
(new root, private home, /proc of its own).
"""

import os
from collections.abc import Sequence
from pathlib import Path

from autograder.kernels import system

HOME = "/home/learner"
USER = 1000
SCRATCH = "/tmp"  # any directory: the new root is put together on top of it
DEVICES = ("null", "zero", "full", "random", "urandom")
ETC = {
    "passwd": f"learner:x:{USER}:{USER}:learner:{HOME}:/bin/sh\n",
    "group": f"learner:x:{USER}:\n",
    "hosts": "127.0.0.1 localhost\n",
    "hostname": "kernel\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
PRIVATE = system.MS_NOSUID | system.MS_NODEV
EVERYTHING = (
    system.CLONE_NEWUSER
    | system.CLONE_NEWNS
    | system.CLONE_NEWPID
    | system.CLONE_NEWNET
    | system.CLONE_NEWIPC
    | system.CLONE_NEWUTS
)


def leave() -> None:
    """Enter namespaces of its own; the next child is the first process of the new process namespace.

    The caller must have one thread. Its user becomes `USER` inside; outside it stays who it was.
    """
    user, group = os.geteuid(), os.getegid()
    system.unshare(EVERYTHING)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{USER} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{USER} {group} 1")


def settle(
    visible: Sequence[tuple[str, str]], hidden: Sequence[str], disk_bytes: int, devices: Sequence[str] = ()
) -> None:
    """Make a root of its own and stay in it: for the first process of a process namespace.

    visible: pairs (where it is now, where it shall be) of folders and files to show read-only; missing ones
        are skipped
    hidden: folders below a visible one that must look empty
    disk_bytes: the size of home, of /tmp and of /dev/shm, each
    devices: below /dev, besides those that everybody has; missing ones are skipped
    """
    _move_to_new_root(visible, hidden, disk_bytes, devices, own_processes=True)
    os.chdir("/")
    system.set_host_name("kernel")


def hold(visible: Sequence[tuple[str, str]], hidden: Sequence[str], devices: Sequence[str] = ()) -> None:
    """What bubblewrap does for a template, for root where there is no bubblewrap."""
    system.unshare(EVERYTHING & ~system.CLONE_NEWUSER & ~system.CLONE_NEWPID)
    _move_to_new_root(visible, hidden, 64 * 1024**2, devices, own_processes=False)


def _move_to_new_root(
    visible: Sequence[tuple[str, str]],
    hidden: Sequence[str],
    disk_bytes: int,
    devices: Sequence[str],
    own_processes: bool,
) -> None:
    system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
    system.mount("scratch", SCRATCH, "tmpfs", PRIVATE, "size=1m,mode=755")
    for folder in ("old", "new"):
        Path(SCRATCH, folder).mkdir()
    system.pivot_root(SCRATCH, f"{SCRATCH}/old")
    os.chdir("/")
    system.mount("root", "/new", "tmpfs", PRIVATE, "size=1m,mode=755")
    for folder, mode in (("/tmp", 1777), (HOME, 700), ("/dev/shm", 1777)):
        Path(f"/new{folder}").mkdir(parents=True)
        room = f"size={disk_bytes},nr_inodes=20000,mode={mode}"
        system.mount("private", f"/new{folder}", "tmpfs", PRIVATE, room)
    for source, target in visible:
        _show(Path(f"/old{source}"), Path(f"/new{target}"))
    for path in hidden:
        if Path(f"/new{path}").is_dir():
            system.mount("nothing", f"/new{path}", "tmpfs", PRIVATE | system.MS_RDONLY, "size=4k,mode=755")
    _make_etc()
    _make_devices(devices)
    Path("/new/proc").mkdir()
    if own_processes:
        system.mount("proc", "/new/proc", "proc", PRIVATE | system.MS_NOEXEC)
    else:
        system.mount("/old/proc", "/new/proc", None, system.MS_BIND | system.MS_REC)
    system.mount("none", "/new", None, system.MS_REMOUNT | system.MS_BIND | system.MS_RDONLY | PRIVATE)
    os.chdir("/new")
    system.pivot_root(".", ".")
    system.unmount(".")
    os.chdir("/")


def _show(source: Path, target: Path) -> None:
    """Bind a folder or file to a new name, read-only; a symbolic link is made again."""
    if target.is_symlink() or target.exists() or not os.path.lexists(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    if source.is_dir():
        target.mkdir()
    else:
        target.touch()
    try:
        system.mount(str(source), str(target), None, system.MS_BIND | system.MS_REC)
    except FileNotFoundError:
        if source.is_dir():
            raise
        # The machine has replaced the file since the template's own mounts were made, as installing a package does with
        # ld.so.cache. What the template sees is the old one, which can be read but not mounted again.
        target.write_bytes(source.read_bytes())
        return
    system.make_tree_read_only(str(target))


def _make_etc() -> None:
    folder = Path("/new/etc")
    folder.mkdir(exist_ok=True)
    for name, text in ETC.items():
        (folder / name).write_text(text)


def _make_devices(more: Sequence[str]) -> None:
    for device in [*(f"/dev/{name}" for name in DEVICES), *(path for path in more if Path(f"/old{path}").exists())]:
        Path(f"/new{device}").parent.mkdir(exist_ok=True)
        Path(f"/new{device}").touch()
        system.mount(f"/old{device}", f"/new{device}", None, system.MS_BIND)
    for place, name in enumerate(("stdin", "stdout", "stderr")):
        Path(f"/new/dev/{name}").symlink_to(f"/proc/self/fd/{place}")
    Path("/new/dev/fd").symlink_to("/proc/self/fd")
