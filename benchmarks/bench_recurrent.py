"""How fast are the recurrent layers? Times as ratios to NumPy's matrix products alone, in one run.

    python benchmarks/bench_recurrent.py [--quick] [--write] [--cpu-time]

Each round times every contender once, the products first; reported is the median over rounds of the ratio to the
products of the same round, so that a machine that slows down for a while slows both. One process for each number of
threads, which is set before a library is imported. --quick: one thread, fewer rounds, about a minute. --write: the
table also goes to benchmarks/results/recurrent-cpu.md. --cpu-time: the processor's seconds instead of the clock's,
with one thread only: for a machine that is busy with other work.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "recurrent-cpu.md"
SIZES = {"S": (128, 32, 128), "L": (64, 64, 512)}
PASSES = ("forward", "both")
COMPILE_SECONDS = 90  # at most for one contender's first calls (tracing and compiling), which are not counted
BUDGET = {"S": 7.0, "L": 34.0}  # seconds for one cell, all rounds and both passes; a quarter of it for GRU and RNN
WORDS = {"forward": "forward", "both": "forward + backward"}


def measure(threads: int, quick: bool, device: str, cpu_time: bool) -> dict:
    """What one process measures: {size/cell/pass: {contender: [ratio, rounds]}}, the products' times, what lacks."""
    sys.path.insert(0, str(ROOT))
    import numpy as np
    from recurrent_contenders import CPU, GATES, GPU, Unavailable, problem

    def too_long(signum: int, frame: FrameType | None) -> None:
        raise Unavailable(f"not ready after {COMPILE_SECONDS} s")

    _limit_threads(threads)
    signal.signal(signal.SIGALRM, too_long)
    found: dict = {"ratios": {}, "milliseconds": {}, "missing": {}}
    for size, cell in ((size, cell) for size in SIZES for cell in GATES):
        p = problem(cell, *SIZES[size])
        expected, ready = None, {}
        for name, make in (CPU if device == "cpu" else GPU).items():
            signal.alarm(COMPILE_SECONDS)
            try:
                contender = make(p)
                H = contender.forward()
                contender.both()
            except Unavailable as reason:
                if str(reason):
                    found["missing"][f"{size}/{cell}/{name}"] = str(reason)
                continue
            except Exception as error:  # a library that is missing or cannot compile here is reported, not fatal
                found["missing"][f"{size}/{cell}/{name}"] = f"{type(error).__name__}: {str(error).splitlines()[:1]}"
                continue
            finally:
                signal.alarm(0)
            ready[name] = contender
            if H is not None:
                expected = np.asarray(H) if expected is None else expected
                np.testing.assert_allclose(np.asarray(H), expected, atol=2e-3, err_msg=name)
        budget = BUDGET[size] * (0.3 if quick else 1) * (1 if cell == "LSTM" else 0.5)
        for which in PASSES:
            share = budget * (0.3 if which == "forward" else 0.7)
            times = rounds({name: getattr(c, which) for name, c in ready.items()}, share, cpu_time)
            base = np.array(times["products alone"])
            key = f"{size}/{cell}/{which}"
            found["milliseconds"][key] = 1e3 * float(np.median(base))
            found["ratios"][key] = {
                name: [float(np.median(np.array(t) / base)), len(t)]
                for name, t in times.items()
                if name != "products alone"
            }
    return found


def rounds(functions: dict, budget: float, cpu_time: bool) -> dict[str, list[float]]:
    """Seconds of every function in every round, as many rounds as fit into `budget` seconds, but three at least."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    clock = time.process_time if cpu_time else time.perf_counter
    start = time.perf_counter()
    while len(times["products alone"]) < 3 or time.perf_counter() - start < budget:
        for name, function in functions.items():
            before = clock()
            kept = function()
            times[name].append(clock() - before)
            del kept
    return times


def _limit_threads(threads: int) -> None:
    try:
        import torch

        torch.set_num_threads(threads)
    except ImportError:
        pass
    try:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except ImportError:
        pass


def memory() -> list[tuple[str, str, float, float]]:
    """(size, cell, MB at the peak of a forward and backward pass, the same with checkpoints), inputs not counted."""
    sys.path.insert(0, str(ROOT))
    from recurrent_contenders import GATES, our_layer, problem

    from autograder.recurrent import memory as recycling
    from autograder.recurrent.checkpointing import Checkpointed

    lines = []
    for size, shape in SIZES.items():
        for cell in GATES:
            p = problem(cell, *shape)
            peaks = []
            for layer in (our_layer(p), Checkpointed(our_layer(p))):
                recycling._blocks.clear()
                tracemalloc.start()
                layer.backward(layer.forward(p.X), p.G)
                peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
                tracemalloc.stop()
            lines.append((size, cell, *peaks))
    return lines


def in_process(threads: int, quick: bool, device: str = "cpu", cpu_time: bool = False) -> dict:
    """`measure` in a process of its own."""
    variables = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    environment = (
        os.environ
        | dict.fromkeys(variables, str(threads))
        | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    )
    command = [sys.executable, __file__, "--measure", str(threads), "--device", device] + ["--quick"] * quick
    command += ["--cpu-time"] * cpu_time
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def table(found: dict[int, dict], cell: str) -> list[str]:
    """A Markdown table of one cell's ratios: contenders down; size, pass and threads across."""
    columns = [(size, which, threads) for threads in found for size in SIZES for which in PASSES]
    names = list(
        dict.fromkeys(n for f in found.values() for k, r in f["ratios"].items() if f"/{cell}/" in k for n in r)
    )
    head = [f"{size}, {WORDS[which]}, {threads} thread{'s' * (threads > 1)}" for size, which, threads in columns]
    lines = [f"| {cell} | " + " | ".join(head) + " |", "|---|" + "---:|" * len(columns)]
    milliseconds = [f"{found[n]['milliseconds'][f'{size}/{cell}/{which}']:.1f} ms" for size, which, n in columns]
    lines.append("| products alone | " + " | ".join(milliseconds) + " |")
    for name in names:
        cells = []
        for size, which, threads in columns:
            ratio = found[threads]["ratios"][f"{size}/{cell}/{which}"].get(name)
            cells.append("–" if ratio is None else f"{ratio[0]:.2f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def machine() -> str:
    """CPU, cores, system, versions and the date, in two lines."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = next(
            (l.split(":", 1)[1].strip() for l in info.read_text().splitlines() if l.startswith("model name")), model
        )
    versions = []
    for package in ("numpy", "torch", "tensorflow-cpu", "tensorflow", "keras"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}\n"
        f"{', '.join(versions)}; {today}"
    )


def gpu_lines(quick: bool) -> list[str]:
    """The same on a GPU, or the line that says why not."""
    try:
        import torch
    except ImportError:
        return ["GPU: not measured, PyTorch is not installed."]
    if not torch.cuda.is_available():
        return ["GPU: not measured, there is none here."]
    found = {1: in_process(1, quick, "cuda")}
    return [f"On {torch.cuda.get_device_name()}:", ""] + [
        line for cell in ("LSTM", "GRU", "RNN") for line in [*table(found, cell), ""]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one thread, fewer rounds")
    parser.add_argument("--write", action="store_true", help=f"also write {RESULTS.relative_to(ROOT)}")
    parser.add_argument("--cpu-time", action="store_true", help="processor seconds, one thread: for a busy machine")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cpu", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.quick, given.device, given.cpu_time)))
        return
    threads = (1,) if given.quick or given.cpu_time else (1, 2)
    found = {n: in_process(n, given.quick, cpu_time=given.cpu_time) for n in threads}
    lines = ["# Recurrent layers: speed and memory", "", *machine().splitlines(), ""]
    lines += [
        "Times as ratios to NumPy's matrix products alone in the same process; median over rounds. float32, D = H;"
    ]
    lines += [", ".join(f"{size}: T={T} B={B} H={H}" for size, (T, B, H) in SIZES.items()) + ".", ""]
    for cell in ("LSTM", "GRU", "RNN"):
        lines += [*table(found, cell), ""]
    missing = {f"- {key}: {reason}" for f in found.values() for key, reason in f["missing"].items()}
    lines += ["Not measured:", "", *sorted(missing), ""] if missing else []
    lines += ["| memory of forward + backward, MB | peak | with checkpoints every √T steps |", "|---|---:|---:|"]
    lines += [f"| {cell} at {size} | {peak:.0f} | {checkpointed:.0f} |" for size, cell, peak, checkpointed in memory()]
    lines += ["", *gpu_lines(given.quick)]
    print("\n".join(lines))
    if given.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
