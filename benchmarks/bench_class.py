"""Grading a class: `unrolled grade` beside stock `nbgrader autograde`, the same notebooks, machine and grades.

    python benchmarks/bench_class.py                          # a class for each framework, and the floor
    python benchmarks/bench_class.py --framework numpy --students 100
    python benchmarks/bench_class.py --write                  # also benchmarks/results/class.md
    python benchmarks/bench_class.py --memory 1 100 5000      # peak memory of a run by size of the class

From submitted files to a complete gradebook, both from a cold start. Stock nbgrader has the course's notebooks and none
of our settings; it runs tests in the learner's kernel, one notebook after another. The floor is what the cells
themselves take in a process that runs already, without kernels, isolation or gradebook.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil

ROOT = Path(__file__).parents[1]
WRITTEN = ROOT / "benchmarks" / "results" / "class.md"
FRAMEWORKS = ("numpy", "pytorch", "tensorflow")
ASSIGNMENT = "vanilla"
ASKED = {"numpy": 8, "pytorch": 12, "tensorflow": 15}
STUDENTS = {"numpy": 400, "pytorch": 150, "tensorflow": 100}
"""As many as stock nbgrader grades in about seven minutes; a class of thousands has its start but once."""
STOCK = """\
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "stock"
c.CourseDirectory.source_directory = {source!r}
c.CourseDirectory.notebook_id = {framework!r}
c.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "*.pyc", "*.py"]
c.ClearSolutions.code_stub = {{"python": "# your code here\\nraise NotImplementedError()"}}
c.Execute.timeout = 600
"""
EDITS = {
    # Every third student is wrong somewhere, in one of these ways that every framework's solution has.
    "h = np.tanh(": "h = 0.9 * np.tanh(",
    "torch.tanh(": "0.9 * torch.tanh(",
    "tf.tanh(": "0.9 * tf.tanh(",
}


def main() -> None:
    options = _options()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if options.memory:
        for students in options.memory:
            print(_memory(options.framework or "numpy", students), flush=True)
        return
    frameworks = (options.framework,) if options.framework else FRAMEWORKS
    measured = {framework: _measure(framework, options.students or STUDENTS[framework]) for framework in frameworks}
    lines = _table(measured)
    print("\n".join(lines))
    if options.write:
        WRITTEN.write_text("\n".join([*_heading(options.students), *lines, ""]), encoding="utf-8")


def _measure(framework: str, students: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="class-", dir=_room()) as folder:
        ours, stock = Path(folder, "ours"), Path(folder, "stock")
        _make(ours, framework, students)
        _make_stock(stock, framework)
        shutil.copytree(ours / "submitted", stock / "submitted")
        seconds = {}
        for name, command, where in (
            ("ours", ["unrolled", "grade", ASSIGNMENT, "--framework", framework, "--quiet"], ours),
            ("stock", ["nbgrader", "autograde", ASSIGNMENT], stock),
        ):
            began = time.perf_counter()
            ended = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
            seconds[name] = time.perf_counter() - began
            if ended.returncode:
                raise SystemExit(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr[-3000:]}")
        different = _different(_points(ours / "gradebook.db"), _points(stock / "gradebook.db"))
        seconds["floor"] = _floor(framework) * students
        return {**seconds, "different": different, "students": students}


def _make(folder: Path, framework: str, students: int) -> None:
    """A course of its own with so many students; every third of them wrong in one place."""
    from autograder.grading.course import one_framework, open_course
    from autograder.grading.release import release
    from autograder.grading.sample_class import make_course

    make_course(folder, open_course(ROOT))
    release(one_framework(open_course(folder), ASSIGNMENT, framework), ASSIGNMENT)
    solved = nbformat.read(ROOT / "solutions" / ASSIGNMENT / f"{framework}.ipynb", as_version=4)
    released = nbformat.read(ROOT / "exercises" / ASSIGNMENT / f"{framework}.ipynb", as_version=4)
    answers = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in solved.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    for number in range(students):
        notebook = nbformat.from_dict(released)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in answers and cell.cell_type == "code":
                cell.source = f"{_edited(answers[name]) if number % 3 == 2 else answers[name]}\n# {number}"
        path = folder / "submitted" / f"s{number:05}" / ASSIGNMENT / f"{framework}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)


def _edited(source: str) -> str:
    for before, after in EDITS.items():
        source = source.replace(before, after, 1)
    return source


def _make_stock(folder: Path, framework: str) -> None:
    folder.mkdir()
    source = str(ROOT / "solutions")
    config = STOCK.format(source=source, framework=framework)
    (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
    command = ["nbgrader", "generate_assignment", ASSIGNMENT, "--force", "--create"]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)


def _points(database: Path) -> dict[tuple[str, str, str], float]:
    """The automatic points by student, notebook and question."""
    query = """
        select a.student_id, n.name, c.name, g.auto_score from grade g
        join base_cell c on c.id = g.cell_id join submitted_notebook s on s.id = g.notebook_id
        join notebook n on n.id = s.notebook_id join submitted_assignment a on a.id = s.assignment_id
    """
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return {(student, notebook, cell): score for student, notebook, cell, score in connection.execute(query)}


def _different(ours: dict[tuple[str, str, str], float], stock: dict[tuple[str, str, str], float]) -> int:
    """Questions right for one and not for the other. Stock nbgrader gives no points for a part."""
    full = {key[2]: max(score or 0 for other, score in ours.items() if other[2] == key[2]) for key in ours}
    if set(ours) != set(stock):
        raise SystemExit("the gradebooks do not hold the same questions")
    return sum((ours[key] == full[key[2]]) != (stock[key] == full[key[2]]) for key in ours if full[key[2]])


def _floor(framework: str) -> float:
    """Seconds for the solution's cells in a process where they have run before: the fastest of five."""
    code = f"""
import contextlib, io, time, nbformat
cells = [c.source for c in nbformat.read({str(ROOT / "solutions" / ASSIGNMENT / framework)!r} + ".ipynb", 4).cells
         if c.cell_type == "code"]
cells = ["\\n".join(l for l in s.splitlines() if not l.strip().startswith("%")) for s in cells]
best = 1e9
for _ in range(6):
    began, names = time.perf_counter(), {{"__name__": "__main__"}}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in cells:
            exec(compile(cell, "<cell>", "exec"), names)
    best = min(best, time.perf_counter() - began)
print(best)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(ended.stdout.split()[-1])


def _memory(framework: str, students: int) -> str:
    """A line on the peak of memory of all processes of a run, and its time."""
    with tempfile.TemporaryDirectory(prefix="class-", dir=_room()) as folder:
        course = Path(folder, "ours")
        _make(course, framework, students)
        command = ["unrolled", "grade", ASSIGNMENT, "--framework", framework, "--json"]
        began = time.perf_counter()
        quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        with subprocess.Popen(command, cwd=course, **quiet) as run, _watched(run.pid) as peaks:
            told = json.loads(run.stdout.read() if run.stdout else "{}")
        seconds = time.perf_counter() - began
        mib = {name: round(value / 2**20) for name, value in peaks.items()}
        return (
            f"{framework}, {students} students: {seconds:.1f} s, {told['graded']} graded; peak of all processes "
            f"{mib['all']} MiB (proportional share), of the coordinator {mib['coordinator']} MiB"
        )


@contextlib.contextmanager
def _watched(process: int) -> Iterator[dict[str, float]]:
    """The peaks of memory (proportional set size) of a process and of it with all it starts, once a second."""
    peaks = {"all": 0.0, "coordinator": 0.0}
    over = threading.Event()

    def look() -> None:
        while not over.wait(1.0):
            with contextlib.suppress(psutil.Error):
                parent = psutil.Process(process)
                own = _pss(parent)
                everybody = own + sum(_pss(child) for child in parent.children(recursive=True))
                peaks["coordinator"] = max(peaks["coordinator"], own)
                peaks["all"] = max(peaks["all"], everybody)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()


def _pss(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error, AttributeError):
        return float(process.memory_full_info().pss)
    return 0.0


def _room() -> str:
    """Where the classes are made: a folder that a private /tmp does not hide."""
    folder = ROOT / "_build"
    folder.mkdir(exist_ok=True)
    return str(folder)


def _table(measured: dict[str, dict[str, float]]) -> list[str]:
    lines = [
        "| notebook | students | stock, s each | unrolled, s each | ratio | asked | floor, s each | different grades |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for framework, seconds in measured.items():
        ratio = seconds["stock"] / seconds["ours"]
        each = [f"{seconds[name] / seconds['students']:.3f}" for name in ("stock", "ours", "floor")]
        lines.append(
            f"| {framework} | {seconds['students']} | {each[0]} | {each[1]} | {ratio:.1f} | {ASKED[framework]} "
            f"| {each[2]} | {seconds['different']:g} |"
        )
    return lines


def _heading(students: int | None) -> list[str]:
    from autograder.kernels import tiers

    size = f" --students {students}" if students else ""
    versions = ", ".join(
        f"{n} {importlib.metadata.version(n)}" for n in ("nbgrader", "numpy", "torch", "tensorflow-cpu")
    )
    return [
        "# Grading a class",
        "",
        f"`python benchmarks/bench_class.py{size} --write`, "
        f"{time.strftime('%Y-%m-%d')}: {os.cpu_count()} processors, {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}; tier of isolation {tiers.choose().tier}.",
        "",
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--framework", choices=FRAMEWORKS)
    parser.add_argument("--students", type=int, help="of each class; without it as many as take stock seven minutes")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--memory", type=int, nargs="*", metavar="STUDENTS")
    return parser.parse_args()


if __name__ == "__main__":
    main()
