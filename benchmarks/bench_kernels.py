"""How long until a kernel answers: isolated and warm at every tier this machine gives, against a cold ipykernel.

From asking a kernel manager for a kernel to the replies to its first request (kernel_info), to a first trivial cell
and to a cell that imports the framework and uses it. Medians over rounds in which the kinds take turns, so that a
busy machine is busy for all of them.
Run: python benchmarks/bench_kernels.py [rounds]        (on a shared machine, as root: chrt -r 1 python …)
"""

import asyncio
import os
import platform
import statistics
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

from jupyter_client.manager import AsyncKernelManager

from autograder.kernels import Limits, kernel_manager, tiers

ROUNDS = 12
RESULT = Path(__file__).parent / "results" / "kernels.md"
POLICY = {os.SCHED_OTHER: "ordinary", os.SCHED_RR: "real time (other work on the machine hardly counts)"}
FIRST_CELL = {
    "numpy": "import numpy as np; print(np.ones(3).sum())",
    "pytorch": "import torch; print(torch.ones(3).sum())",
    "tensorflow": "import tensorflow as tf; print(tf.reduce_sum(tf.ones(3)))",
}
COLD = "cold ipykernel, not isolated"
UNPREPARED = "strict, nothing forked ahead"


async def timed(km, cell: str) -> tuple[float, float, float]:
    """Seconds until kernel_info is answered, until a trivial cell is, and until the framework's first cell is."""
    begin = time.perf_counter()
    await km.start_kernel()
    kc = km.client()
    kc.start_channels()
    try:
        kc.kernel_info()
        await kc.get_shell_msg(timeout=30)
        told = time.perf_counter()
        await answer(kc, "1 + 1")
        ran = time.perf_counter()
        await answer(kc, cell)
        return told - begin, ran - begin, time.perf_counter() - begin
    finally:
        kc.stop_channels()
        await km.shutdown_kernel(now=True)


async def answer(kc, code: str) -> None:
    """Run a cell and wait for its reply."""
    asked = kc.execute(code)
    while True:
        reply = await kc.get_shell_msg(timeout=30)
        if reply["parent_header"].get("msg_id") == asked:
            assert reply["content"]["status"] == "ok", reply["content"]
            return


def kinds() -> list[str]:
    """The tiers that this machine gives."""
    return [tier for tier in tiers.TIERS if any(not tiers.failure(way) for way in tiers.ways() if way.tier == tier)]


async def measure(framework: str, rounds: int) -> dict[str, list[float]]:
    """Medians by kind for one framework."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for place in range(rounds + 1):
        for kind in [*kinds(), UNPREPARED, COLD]:
            if kind == COLD:
                km = AsyncKernelManager(kernel_name="python3")
            elif kind == UNPREPARED:  # limits that no process in hand has
                odd = Limits(wall_seconds=1000 + place)
                km = kernel_manager(side="learner", frameworks=(framework,), isolation="strict", limits=odd)
            else:
                km = kernel_manager(side="learner", frameworks=(framework,), isolation=kind)
            if kind == "strict":  # as in a class: the one before leaves a process forked ahead
                await timed(kernel_manager(side="learner", frameworks=(framework,), isolation=kind), "1")
                await asyncio.sleep(0.2)
            seconds = await timed(km, FIRST_CELL[framework])
            if place:  # the first round starts the templates
                found.setdefault(kind, []).append(seconds)
    return {kind: [statistics.median(each) for each in zip(*runs, strict=True)] for kind, runs in found.items()}


def processor() -> str:
    """The processor's name as Linux knows it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


async def main() -> None:
    """Measure, print, write."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    load = os.getloadavg()[0]
    rows = []
    for framework in FIRST_CELL:
        for kind, (told, ran, first) in (await measure(framework, rounds)).items():
            rows.append(f"| {framework} | {kind} | {told:.3f} | {ran:.3f} | {first:.3f} |")
            print(rows[-1], flush=True)
    packages = ", ".join(f"{name} {version(name)}" for name in ("ipykernel", "jupyter_client", "numpy", "torch"))
    lines = [
        "# Kernels: how long until they answer",
        "",
        f"{processor()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}",
        f"{packages}, tensorflow {version('tensorflow_cpu')}; {date.today()}",
        "",
        f"Seconds from the request to start, medians of {rounds} rounds in which the kinds took turns. Load average "
        f"{load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end; "
        f"scheduling: {POLICY[os.sched_getscheduler(0)]}.",
        "",
        "| framework | kernel | answers | has run `1 + 1` | has run the framework's first operation |",
        "|---|---|---:|---:|---:|",
        *rows,
        "",
        "Aim: NumPy ≤ 0.15 s, PyTorch and TensorFlow ≤ 0.2 s until it answers, in the strict tier.",
        "",
    ]
    RESULT.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
