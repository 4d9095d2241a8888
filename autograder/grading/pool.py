"""Who does the work: this process, a cluster of its own on this machine, or any Dask cluster that runs already.

Work is a function of bytes that gives bytes. A worker that dies is replaced, and what it was doing is done by another.
"""

import contextlib
import hashlib
import os
import queue
import shutil
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from autograder.grading.course import CourseError
from autograder.kernels import IsolationError, sharing, tiers

GIB = 2**30
PER_WORKER = 3 * GIB
"""Memory that a worker may need, with its templates and kernels; a machine with less gets fewer workers."""

DEATHS = 4
"""How many workers may die with the same piece of work before it is given up."""

CONNECTING = 60.0
REMEMBERED, LOOKING, ABSENT = 1.0, 5.0, 120.0
"""Seconds for which it is taken for granted who is there, between looks while nothing comes, and until a cluster
without workers is given up."""

SETTINGS = {
    "distributed.scheduler.allowed-failures": DEATHS,
    # A worker's memory is looked after by the limits of the kernels it starts, not by Dask.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.comm.timeouts.connect": CONNECTING,
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.worker.daemon": False,  # a worker has children: the kernels
}


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


def _deaf_to_interrupts(make: Callable[..., Any], *settings: Any) -> Any:
    """What `make` makes. The processes that it starts leave Ctrl-C to this one, which then stops them."""
    if threading.current_thread() is not threading.main_thread():
        return make(*settings)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return make(*settings)
    finally:
        signal.signal(signal.SIGINT, before)


def _same(data: bytes) -> bytes:
    return data


def default_workers() -> int:
    """As many as there are processors, and as their memory goes round."""
    import psutil  # type: ignore[import-untyped]

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, int(psutil.virtual_memory().available // PER_WORKER)))


FEW = 3
"""So many pieces are done by this process sooner than workers have started."""


class OwnCluster:
    """A cluster on this machine, of so many workers; it starts when there is enough to do."""

    def __init__(self, hands: int) -> None:
        self._hands = hands
        self._few = Alone()
        self._stack = contextlib.ExitStack()
        self._cluster: Cluster | None = None
        self._tier = ""

    def submit(self, piece: Piece) -> None:
        if self._cluster is not None:
            self._cluster.submit(piece)
            return
        self._few.submit(piece)
        if self._few.waiting > FEW:
            self._cluster = self._started()
            self._cluster.get_ready(piece.readiness)
            for waiting in self._few.taken_back():
                self._cluster.submit(waiting)

    def next_done(self) -> tuple[Piece, bytes | BaseException]:
        return (self._cluster or self._few).next_done()

    @property
    def room(self) -> int:
        return max(FEW + 1, 2 * self._hands) - self._few.waiting if self._cluster is None else self._cluster.room

    def tier(self, wanted: str) -> str:
        self._tier = tiers.choose(wanted).tier
        return self._tier

    def close(self) -> None:
        """Stop the workers, and with them all kernels."""
        self._stack.close()

    def _started(self) -> Cluster:
        from distributed import Client

        folder = ""
        if self._tier in ("strict", "contained"):  # where learners' code reaches no socket
            folder = str(self._stack.enter_context(sharing.new_folder()))
        cluster = _deaf_to_interrupts(_local_cluster, self._hands, has_gpu(), folder)
        self._stack.callback(cluster.close, timeout=10)
        return Cluster(self._stack.enter_context(Client(cluster)))


def has_gpu() -> bool:
    """Whether this machine has a GPU of the kind that the frameworks use."""
    return shutil.which("nvidia-smi") is not None


def _local_cluster(hands: int, gpu: bool, templates: str) -> Any:
    """So many workers on this machine, of which the first offers the GPU, if there is one.

    `templates`: a folder by which they find the templates that they share; "" for workers that share none.
    """
    from distributed import LocalCluster, Security

    # Not threads: in Python 3.11 ast.parse counts its recursion for all threads together, and fails now and then.
    cluster = LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        security=Security.temporary(),  # in tier "limited" learners' code reaches this machine's ports
        memory_limit=0,
        silence_logs=50,
    )
    _share_imports()
    for number in range(hands):
        for name, made in cluster.new_worker_spec().items():
            options = dict(made["options"])
            if gpu and number == 0:
                options["resources"] = {"GPU": 1}
            # Now: the process that workers are forked from may be older than what stands in the environment.
            options["env"] = dict(os.environ)
            if templates:
                options["env"][sharing.FOLDER] = f"{templates}/{number // sharing.TOGETHER}"
            cluster.worker_spec[name] = {**made, "options": options}
    cluster.scale(hands)
    cluster.wait_for_workers(hands, timeout=CONNECTING)
    return cluster


def _share_imports() -> None:
    """Have the workers forked from a process that has imported what they all need, instead of each doing that."""
    from distributed.utils import get_mp_context

    get_mp_context().set_forkserver_preload(["distributed", "autograder.grading.work"])


@contextlib.contextmanager
def opened(scheduler: str = "", workers: int | None = None) -> Iterator[Pool]:
    """A pool: of the cluster at `scheduler`, else of `workers` on this machine, 0 for this process alone.

    Raises CourseError when no cluster answers there or it has no workers.
    """
    if not scheduler and workers == 0:
        yield Alone()
        return
    import dask

    dask.config.set(SETTINGS)
    with contextlib.ExitStack() as stack:
        if scheduler:
            client = _connected(scheduler)
            stack.callback(client.close)
            yield Cluster(client)
        else:
            own = OwnCluster(workers or default_workers())
            stack.callback(own.close)
            yield own


def _connected(scheduler: str) -> Any:
    from distributed import Client

    try:
        client = Client(scheduler, timeout=CONNECTING)
        client.wait_for_workers(1, timeout=CONNECTING)
    except (OSError, TimeoutError, ValueError) as error:
        raise CourseError(
            f"no cluster with workers answers at {scheduler} ({type(error).__name__}): "
            f"start `dask scheduler` and `dask worker {scheduler} --nthreads 1`"
        ) from None
    versions = client.run(_about)
    own = _about()
    others = sorted({told for told in versions.values() if told != own})
    if others:
        client.close()
        raise CourseError(f"workers at {scheduler} have another version of this course or its frameworks: {others[0]}")
    return client


def _about() -> str:
    from autograder.grading.keys import environment

    return environment(("pytorch", "tensorflow"))
