"""Pools: who can be given pieces of work, this process or a Dask cluster. `workers` starts or finds one.

Work is a function of bytes that gives bytes. A worker that dies is replaced, and what it was doing is done by another.
"""

import contextlib
import hashlib
import queue
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from autograder.grading.course import CourseError
from autograder.kernels import IsolationError, tiers

REMEMBERED, LOOKING, ABSENT = 1.0, 5.0, 120.0
"""Seconds for which it is taken for granted who is there, between looks while nothing comes, and until a cluster
without workers is given up."""


@dataclass(frozen=True, eq=False)
class Piece:
    """One piece of work: `function` of `arguments` is to be found out; `name` is for whoever looks at the cluster,
    `tries` how often it has been tried, this time included."""

    name: str
    function: Callable[..., bytes]
    arguments: tuple[Any, ...]
    gpu: bool = False
    tries: int = 1
    readiness: "Readiness | None" = None


Readiness = tuple[Callable[..., None], *tuple[Any, ...]]
"""A function, and its arguments, after which a worker does a piece sooner; done where a cluster has just started."""


class Pool(Protocol):
    """Takes pieces of work, gives their results in whatever order."""

    def submit(self, piece: Piece) -> None:
        """Begin, or wait for somebody free."""

    def next_done(self) -> tuple[Piece, bytes | BaseException]:
        """A finished piece of work, or what ended it. Blocks until there is one; something must be under way."""

    @property
    def room(self) -> int:
        """How many more pieces are worth submitting now."""

    def tier(self, wanted: str) -> str:
        """The tier of isolation that everybody here gives: the one wanted, or for "auto" the best.

        Raises IsolationError where somebody does not give it.
        """


class Alone:
    """This process, one piece after another."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []

    def submit(self, piece: Piece) -> None:
        self._pieces.append(piece)

    def next_done(self) -> tuple[Piece, bytes | BaseException]:
        piece = self._pieces.pop(0)
        try:
            return piece, piece.function(*piece.arguments)
        except Exception as error:
            return piece, error

    def taken_back(self) -> list[Piece]:
        """What is waiting, which is then for somebody else."""
        pieces, self._pieces = self._pieces, []
        return pieces

    @property
    def waiting(self) -> int:
        """How many pieces wait."""
        return len(self._pieces)

    @property
    def room(self) -> int:
        return 1 - len(self._pieces)

    def tier(self, wanted: str) -> str:
        return tiers.choose(wanted).tier


class Cluster:
    """A Dask cluster. Twice as many pieces as workers are under way, so that none waits for this process."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._pieces: dict[Any, Piece] = {}
        self._for_gpu: set[Any] = set()
        self._shared: dict[int, tuple[bytes, Any]] = {}
        self._getting_ready: list[Any] = []  # kept, or the scheduler forgets them
        self._known: list[dict[str, Any]] = []
        self._known_until = 0.0

    def submit(self, piece: Piece) -> None:
        resources = {"GPU": 1} if piece.gpu and self.gpus else None
        first, *rest = piece.arguments
        future = self._client.submit(
            piece.function, self._scattered(first), *rest, pure=False, resources=resources, retries=0, key=piece.name
        )
        self._pieces[future] = piece
        if resources:
            self._for_gpu.add(future)
        future.add_done_callback(self._done.put)

    def next_done(self) -> tuple[Piece, bytes | BaseException]:
        future = self._next_future()
        piece = self._pieces.pop(future)
        self._for_gpu.discard(future)
        try:
            if future.status == "finished":
                return piece, future.result()
            return piece, future.exception()
        finally:
            future.release()

    def _next_future(self) -> Any:
        """A future that is done. Raises CourseError when nobody has been there to do it for ABSENT seconds."""
        alone_since = None
        while True:
            with contextlib.suppress(queue.Empty):
                return self._done.get(timeout=LOOKING)
            if self._workers() and (self.gpus or not self._for_gpu):
                alone_since = None
            elif alone_since is None:
                alone_since = time.monotonic()
            elif time.monotonic() - alone_since > ABSENT:
                raise CourseError(
                    "the cluster has lost its workers: what is graded is kept; run the same command again"
                )

    def get_ready(self, readiness: "Readiness | None") -> None:
        """Have every worker get ready at once: the first pieces would reach one after the other."""
        if readiness is not None:
            function, *arguments = readiness
            addresses = list(self._client.scheduler_info(n_workers=-1)["workers"])
            names = [f"ready/{uuid.uuid4()}" for _ in addresses]
            self._getting_ready = [
                self._client.submit(function, *arguments, key=name, workers=[address], retries=0)
                for name, address in zip(names, addresses, strict=True)
            ]

    @property
    def room(self) -> int:
        return 2 * self.hands - len(self._pieces)

    def tier(self, wanted: str) -> str:
        found = self._client.run(_tier, wanted)
        failed = sorted(told.removeprefix("!") for told in found.values() if told.startswith("!"))
        if failed:
            raise IsolationError(failed[0])
        return max(found.values(), key=tiers.TIERS.index)

    @property
    def hands(self) -> int:
        """How many pieces can be worked on at once, now."""
        return max(1, sum(worker["nthreads"] for worker in self._workers()))

    @property
    def gpus(self) -> int:
        """How many of them offer a GPU."""
        return sum(1 for worker in self._workers() if worker.get("resources", {}).get("GPU"))

    def _workers(self) -> list[dict[str, Any]]:
        """Who is there, or was a moment ago: the scheduler takes milliseconds for the answer."""
        if time.monotonic() > self._known_until:
            self._known = list(self._client.scheduler_info(n_workers=-1)["workers"].values())
            self._known_until = time.monotonic() + REMEMBERED
        return self._known

    def _scattered(self, data: Any) -> Any:
        """What is the same for many pieces, sent once."""
        if not isinstance(data, bytes):
            return data
        if id(data) not in self._shared:
            # A task, not scattered: when the worker that has it dies, the scheduler still knows how to make it.
            key = f"paper-{hashlib.sha256(data).hexdigest()}"
            self._shared[id(data)] = data, self._client.submit(_same, data, key=key)
        return self._shared[id(data)][1]


def _tier(wanted: str) -> str:
    """The tier that a worker gives, "!" and the reason where it does not."""
    try:
        return tiers.choose(wanted).tier
    except IsolationError as error:
        return f"!{error}"


def _same(data: bytes) -> bytes:
    return data


def may_use_gpu() -> bool:
    """Whether this process may use the machine's GPU: a worker only if it offers one, which it then has to itself."""
    worker = this_worker()
    return worker is None or bool(worker.state.total_resources.get("GPU"))


def this_worker() -> Any:
    """The Dask worker that this process is while it does a piece of work; None when it is none."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_worker

    try:
        return get_worker()
    except ValueError:
        return None
