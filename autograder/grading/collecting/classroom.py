"""GitHub Classroom: a folder of clones, assignment-username/, each a git working copy.

Only files of the working copy are taken. The last commit's time is told, and never used: whoever commits writes it.
"""

import datetime
import os
import re
import subprocess
import tempfile
from pathlib import Path

from autograder.boundary.files import Unreadable, read_file
from autograder.grading.collecting.handed_in import Asked, HandedIn
from autograder.grading.collecting.trees import FolderTree, View, files_of

_USER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/heads/[A-Za-z0-9._/-]{1,200}")
SECONDS = 20


def recognises(view: View) -> bool:
    """Whether at least half of the folders at the top are git working copies."""
    if not isinstance(view.tree, FolderTree) or view.folders != view.tree.folders:
        return False
    clones = sum((view.tree.where / name / ".git").is_dir() for name in view.folders)
    return bool(clones) and 2 * clones >= len(view.folders)


def submissions(view: View, asked: Asked) -> list[HandedIn]:
    """What each working copy holds, under the name of its GitHub user."""
    prefix, sure = _prefix(sorted(view.folders), asked)
    found = []
    for top, entries in view.tops().items():
        if top not in view.folders:
            continue
        user = top.removeprefix(prefix)
        notes = [] if sure else [f"{prefix!r} was taken for the assignment's part of {top}"] if prefix else []
        moment = last_commit(asked.source / top) if (asked.source / top / ".git").is_dir() else None
        found.append(
            HandedIn(
                user if _USER.fullmatch(user) else top,
                tuple(files_of(view.tree, entries)),
                evidence=f"last commit {moment:%Y-%m-%d %H:%M:%S} UTC, by its author's clock" if moment else "",
                keys=(user,),
                notes=tuple(notes),
            )
        )
    return found


def _prefix(names: list[str], asked: Asked) -> tuple[str, bool]:
    """What stands before the user in the folders' names, and whether that is sure.

    `gh classroom clone` names the folder around them after it; else it is an assignment of the course; else what all
    names have in common, up to a hyphen, which with few of them may be a part of a user's name too.
    """
    said = [asked.source.resolve().name.removesuffix("-submissions"), asked.assignment, *asked.assignments]
    for candidate in (f"{name}-" for name in said if name):
        if all(name.startswith(candidate) for name in names):
            return candidate, True
    common = os.path.commonprefix(names)  # noqa: RUF071 (letter by letter is what is meant)
    return (common[: common.rfind("-") + 1], False) if len(names) > 1 else ("", False)


def last_commit(clone: Path) -> datetime.datetime | None:
    """When the commit that is checked out says it was made (naive, UTC); None where that cannot be found out.

    git runs in an empty repository of ours that borrows the clone's objects, so that nothing of the clone's settings
    (hooks, pagers, programs to verify or fetch with) is ever read.
    """
    try:
        commit = _head(clone)
        objects = clone / ".git" / "objects"
        if not _COMMIT.fullmatch(commit) or objects.is_symlink() or not objects.is_dir():
            return None
        with tempfile.TemporaryDirectory(prefix="unrolled-git-") as ours:
            environment = {
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": ours,
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects.resolve()),
                "GIT_ALLOW_PROTOCOL": "none",
                "GIT_NO_LAZY_FETCH": "1",
                "GIT_TERMINAL_PROMPT": "0",
            }
            form = "sha256" if len(commit) == 64 else "sha1"
            _git(["init", "--quiet", "--bare", f"--object-format={form}", "--template=", ours], environment)
            told = _git(["--git-dir", ours, "log", "--no-walk", "--format=%ct", commit, "--"], environment)
        return datetime.datetime.fromtimestamp(int(told), datetime.UTC).replace(tzinfo=None)
    except (OSError, Unreadable, subprocess.SubprocessError, ValueError, OverflowError):
        return None


def _git(arguments: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(
        ["git", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    ).stdout.strip()


def _head(clone: Path) -> str:
    """The hash of the commit that is checked out; "" without one."""
    head = read_file(clone, ".git/HEAD", 1000).decode().strip()
    if not head.startswith("ref: "):
        return head
    ref = head.removeprefix("ref: ")
    if not _REF.fullmatch(ref) or ".." in ref:
        return ""
    try:
        return read_file(clone, f".git/{ref}", 1000).decode().strip()
    except FileNotFoundError:
        packed = read_file(clone, ".git/packed-refs", 2**20).decode()
        return next((line.split()[0] for line in packed.splitlines() if line.endswith(f" {ref}")), "")
