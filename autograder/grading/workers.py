"""Where the workers are: on this machine, started when there is enough to do, or in a cluster that runs already."""

import contextlib
import logging
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

from autograder.grading.course import CourseError
from autograder.grading.pool import Alone, Cluster, Piece, Pool
from autograder.kernels import gpu, sharing, tiers

GIB = 2**30
PER_WORKER = 3 * GIB
"""Memory that a worker may need, with its templates and kernels; a machine with less gets fewer workers."""

DEATHS = 4
"""How many workers may die with the same piece of work before it is given up."""

SETTLING, CONNECTING = 10.0, 60.0
"""Seconds for all workers to appear, and for the first one."""

METHOD = "distributed.worker.multiprocessing-method"
LONGEST = 70
"""Characters of the folder for temporary files, of the 107 that the name of a socket may have."""

SETTINGS = {
    "distributed.scheduler.allowed-failures": DEATHS,
    "distributed.admin.large-graph-warning-threshold": "1 GiB",  # a submission may be as large as it likes
    # A worker's memory is looked after by the limits of the kernels it starts, not by Dask.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.comm.timeouts.connect": CONNECTING,
    METHOD: "forkserver",
    "distributed.worker.daemon": False,  # a worker has children: the kernels
}


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

        folder = str(self._stack.enter_context(sharing.new_folder()))
        shared = self._tier in sharing.SHUT_IN
        cluster = _deaf_to_interrupts(_local_cluster, self._hands, has_gpu(), folder, shared)
        self._stack.callback(cluster.close, timeout=10)
        return Cluster(self._stack.enter_context(Client(cluster)))


def has_gpu() -> bool:
    """Whether this machine has a GPU of the kind that the frameworks use."""
    return shutil.which(gpu.PROGRAM) is not None


def _local_cluster(hands: int, with_gpu: bool, folder: str, shared: bool) -> Any:
    """So many workers on this machine, of which the first offers the GPU, if there is one.

    `folder`: for what they leave; by it they also find templates, where these are `shared`.
    """
    import dask
    from distributed import LocalCluster, Security

    dask.config.set({"temporary-directory": folder})  # or it leaves a folder of its own among the temporary files
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
            if with_gpu and number == 0:
                options["resources"] = {"GPU": 1}
            # Now: the process that workers are forked from may be older than what stands in the environment.
            options["env"] = {**os.environ, sharing.SCRATCH: folder}
            if shared:
                options["env"][sharing.FOLDER] = f"{folder}/{number // sharing.TOGETHER}"
            cluster.worker_spec[name] = {**made, "options": options}
    cluster.scale(hands)
    try:
        cluster.wait_for_workers(hands, timeout=SETTLING)
        return cluster
    except TimeoutError:  # one that dies while it starts is not replaced; one that is late joins when it comes
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # which would tell of it in thirty lines
    try:
        cluster.wait_for_workers(1, timeout=CONNECTING)
    except TimeoutError:
        cluster.close(timeout=10)
        raise CourseError(f"no worker has started within {CONNECTING:g} seconds: try --workers 0") from None
    return cluster


def _share_imports() -> None:
    """Have the workers forked from a process that has imported what they all need, instead of each doing that.

    It is reached by a socket among the temporary files; where their folder's name is too long for one, each does.
    """
    import dask
    from distributed.utils import get_mp_context

    if len(os.fsencode(tempfile.gettempdir())) > LONGEST:
        dask.config.set({METHOD: "spawn"})
    get_mp_context().set_forkserver_preload(["distributed", "autograder.grading.work"])


def _deaf_to_interrupts(make: Callable[..., Any], *settings: Any) -> Any:
    """What `make` makes. The processes that it starts leave Ctrl-C, and the terminal's end, to this one, which then
    stops them."""
    if threading.current_thread() is not threading.main_thread():
        return make(*settings)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        return make(*settings)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
