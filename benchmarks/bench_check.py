"""How long a learner waits: importing `check`, and one check of each question, in each framework.

Each import is timed in a fresh process and given as seconds and as a ratio to importing what it stands on
(NumPy, PyTorch, TensorFlow) in the same run; checks are timed in one process after a first, uncounted one.
Run: make bench, or python benchmarks/bench_check.py
"""

import contextlib
import io
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

REPEATS = 7
ROOT = Path(__file__).resolve().parents[1]


def import_seconds(statement: str) -> float:
    """Median time of an import statement, each in a new interpreter."""
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True) for _ in range(REPEATS)]
    return statistics.median(float(run.stdout) for run in runs)


def answers(framework: str) -> dict[str, object]:
    """The solutions of the assignment `vanilla` by question, taken from the teacher's source."""
    import re

    import jupytext

    notebook = jupytext.read(ROOT / "solutions" / "vanilla" / f"{framework}.py")
    names: dict[str, object] = {}
    found = {}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        question = re.search(r'check\("([^"]+)", (\w+)', cell.source)
        if question:
            found[question[1]] = names[question[2]]
        else:
            exec(cell.source.replace("%pip", "#"), names)
    return found


def check_seconds(framework: str) -> dict[str, float]:
    """Median time of one check of each question."""
    from autograder import check

    result = {}
    for name, answer in answers(framework).items():
        times = []
        for _ in range(REPEATS + 1):
            start = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                check(name, answer, framework=framework)
            times.append(time.perf_counter() - start)
        result[name] = statistics.median(times[1:])
    return result


if __name__ == "__main__":
    numpy = import_seconds("import numpy")
    ours = import_seconds("from autograder import check")
    print(f"import: numpy {numpy:.3f} s, check {ours:.3f} s, ratio {ours / numpy:.2f}")
    for framework in ("numpy", "pytorch", "tensorflow"):
        for name, seconds in check_seconds(framework).items():
            print(f"{framework:<11} {name:<28} {1000 * seconds:7.1f} ms")
