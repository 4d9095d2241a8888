"""The tiers of isolation, best first, and which of them this machine gives: found out by doing it.

strict: namespaces of its own, seccomp, limits. contained: Landlock, seccomp, limits. limited: limits, and
seccomp where there is any.
"""

import contextlib
import functools
import json
import logging
import os
import select
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.kernels import namespaces, nursery, sharing
from autograder.kernels.errors import IsolationError, KernelError
from autograder.kernels.limits import Limits

TIERS = ("strict", "contained", "limited")
TRIAL_SECONDS = 20.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Way:
    """One way to a tier.

    held: what keeps in the template (see `nursery.Breed`); user: whom a kernel becomes, 0 to stay who one is
    """

    tier: str
    held: str = ""
    user: int = 0


def ways() -> list[Way]:
    """All ways that may work for this user, best first."""
    strict = [Way("strict", "bubblewrap")] if shutil.which("bwrap") else []
    if os.geteuid():
        return [*strict, Way("strict"), Way("contained"), Way("limited")]
    nobody = nursery.NOBODY
    rest = [Way("contained", user=nobody), Way("contained"), Way("limited", user=nobody), Way("limited")]
    return [*strict, Way("strict", "root"), *rest]


def choose(isolation: str = "auto") -> Way:
    """The first way to the wanted tier that works here ("auto": to any); IsolationError if there is none."""
    tried = [way for way in ways() if isolation in ("auto", way.tier)]
    for way in tried:
        if not failure(way):
            _warn(way)
            return way
    if isolation == "strict" or not tried:
        best = next((way.tier for way in ways() if not failure(way)), "none")
        why = failure(tried[0]) if tried else "there is no such tier"
        raise IsolationError(
            f"isolation {isolation!r} was asked for, but this machine gives {best!r}: {why}; "
            "`unrolled doctor` says what to change"
        )
    raise IsolationError(f"a kernel cannot be started here at all: {failure(tried[-1])}")


@functools.cache
def _warn(way: Way) -> None:
    if way.tier == "limited":
        log.error(  # louder than what the command line switches off
            "LEARNERS' CODE IS NOT ISOLATED: it can read what %s can read, and use the network. "
            "Run `unrolled doctor` to see what this machine needs.",
            "this user" if not way.user else "other users",
        )


@functools.cache
def failure(way: Way) -> str:
    """Why this way does not work; "" if it does. Tried once per process."""
    try:
        with trial_home(way) as home:
            _try(way, home)
    except (KernelError, OSError) as error:
        return str(error)
    return ""


@contextlib.contextmanager
def trial_home(way: Way) -> Iterator[str]:
    """A home for one kernel: its own file system has one (strict), or a private folder."""
    if way.tier == "strict":
        yield namespaces.HOME
        return
    folder = private_home(way)
    try:
        yield str(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def private_home(way: Way) -> Path:
    """A new folder that the kernel's user alone may enter."""
    folder = Path(tempfile.mkdtemp(prefix="home-", dir=sharing.scratch()))
    if way.user:
        os.chown(folder, way.user, way.user)
    return folder


def _try(way: Way, home: str) -> None:
    breed = nursery.Breed("learner", (), (), way.held, trial=True)
    template = nursery.start(breed)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs:
            template.fork(nursery.kernel_request(breed, way.tier, way.user, asdict(Limits()), home), [theirs.fileno()])
        if not select.select([ours], [], [], TRIAL_SECONDS)[0]:
            raise KernelError("a trial did not end")
        data, descriptors, _, _ = socket.recv_fds(ours, nursery.MESSAGE, 4)
        for descriptor in descriptors:
            os.close(descriptor)
        answer = json.loads(data or b'{"error": "the template ended"}')
        if "error" in answer:
            raise KernelError(str(answer["error"]))
    finally:
        ours.close()
        template.stop()
