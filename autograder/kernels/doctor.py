"""Which tier of isolation this machine gives, and why, in words for a teacher."""

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from autograder.kernels import gpu, landlock, nursery, system, tiers

MEANING = {
    "strict": "a learner's process sees Python, its own temporary files and nothing else; it has no network and no "
    "other process",
    "contained": "a learner's process can open Python's and its own files only and has no network and no other "
    "process; it can see that other files and processes exist, and shares the machine's /tmp and memory limits",
    "limited": "a learner's process is bounded in what it uses, but can read every file that its user can read; "
    "grade only people whom you trust",
    "none": "no kernel can be started",
}
NOT_ROOT = (
    "Python lies in a folder that only root may enter; grade as an ordinary user, or put Python where everyone may "
    "read it (/opt, /usr/local)"
)


@dataclass(frozen=True)
class Finding:
    """One probe: what was looked at, whether it is well, what was seen, and what to do (or "")."""

    what: str
    well: bool
    seen: str
    advice: str = ""


def report() -> list[Finding]:
    """Try everything, best first; the first finding says the tier."""
    tried = [(way, tiers.failure(way)) for way in tiers.ways()]
    best = next((way for way, why in tried if not why), None)
    tier = best.tier if best else "none"
    return [
        Finding("isolation", tier == "strict", f"{tier}: {MEANING[tier]}"),
        *(_of_way(way, why) for way, why in tried),
        _of_user(best),
        _of_bubblewrap(),
        _of_landlock(),
        _of_seccomp(),
        Finding("memory", True, "watched from outside, 20 times a second; a kernel may overshoot for that long"),
        _of_gpu(),
    ]


def text() -> str:
    """The report for people."""
    lines = []
    for finding in report():
        lines.append(f"{'good' if finding.well else 'look'}  {finding.what}: {finding.seen}")
        if finding.advice:
            lines.append(f"      -> {finding.advice}")
    return "\n".join(lines) + "\n"


def _of_way(way: tiers.Way, why: str) -> Finding:
    held = {"bubblewrap": ", template in bubblewrap", "root": ", template held by root's rights"}.get(way.held, "")
    user = f", as user {way.user}" if way.user else ""
    what = f"{way.tier}{held}{user}"
    if not why:
        return Finding(what, True, "a trial kernel started and was shut in")
    return Finding(what, False, why, _advice(way, why))


def _advice(way: tiers.Way, why: str) -> str:
    if way.user and "Permission denied" in why:
        return NOT_ROOT
    if way.tier == "strict":
        return _namespace_advice()
    if way.tier == "contained" and "Landlock" in why:
        return "Linux 5.13 or newer with Landlock switched on (lsm=…,landlock among the kernel's boot options)"
    return ""


def _namespace_advice() -> str:
    """What most often keeps an ordinary user from namespaces, as far as this machine tells."""
    switches = {
        "/proc/sys/kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
        "/proc/sys/user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=10000"),
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for this Python",
        ),
    }
    for path, (off, remedy) in switches.items():
        if Path(path).is_file() and Path(path).read_text().strip() == off:
            return f"{path} is {off}: ask the administrator for `{remedy}`"
    if Path("/.dockerenv").exists() or "KUBERNETES_SERVICE_HOST" in os.environ:
        return (
            "containers are usually kept from making namespaces: start this one with a seccomp profile that allows "
            "unshare and mount and with an unmasked /proc (docker: --security-opt seccomp=… --security-opt "
            "systempaths=unconfined; Kubernetes: hostUsers: false and procMount: Unmasked)"
        )
    return "an ordinary user must be allowed to make user namespaces, and to mount /proc in them"


def _of_user(best: tiers.Way | None) -> Finding:
    if os.geteuid():
        return Finding("user", True, f"an ordinary one ({os.geteuid()})")
    if best and (best.held or best.user):
        return Finding("user", True, f"root; learners' kernels run as user {best.user or nursery.NOBODY}")
    return Finding("user", False, "root, and learners' kernels stay root, without any of root's rights", NOT_ROOT)


def _of_bubblewrap() -> Finding:
    program = shutil.which("bwrap")
    if program:
        return Finding("bubblewrap", True, program)
    return Finding(
        "bubblewrap",
        False,
        "not installed: the template of the learners' kernels runs outside, only its kernels are shut in",
        "apt install bubblewrap, dnf install bubblewrap, or conda install -c conda-forge bubblewrap",
    )


def _of_landlock() -> Finding:
    version = landlock.version()
    if version >= 6:
        return Finding("Landlock", True, f"version {version}: files, TCP, signals")
    if version:
        lacking = "TCP and signals" if version < 4 else "signals"
        return Finding("Landlock", True, f"version {version}: files, but not {lacking} (seccomp refuses those)")
    return Finding("Landlock", False, "not there; the contained tier needs it", "Linux 5.13 or newer with Landlock")


def _of_gpu() -> Finding:
    if not gpu.problem():
        return Finding("GPU", True, "for notebooks that are marked for one; its memory is watched, once a second")
    seen = f"none, since {gpu.problem()}: notebooks that are marked for one are graded on processors"
    if not shutil.which(gpu.PROGRAM):
        return Finding("GPU", True, seen)
    return Finding("GPU", False, seen, f"`{gpu.PROGRAM}` by itself says more; the driver may have to be loaded again")


def _of_seccomp() -> Finding:
    known = system.MACHINE in system.SYS_SECCOMP
    release = f"{system.MACHINE}, Linux {platform.release()}"
    if known:
        return Finding("seccomp", True, f"there is a filter for this machine ({release})")
    return Finding("seccomp", False, f"no filter for this machine ({release})", "x86_64 or aarch64")
