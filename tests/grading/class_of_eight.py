"""A class of eight in NumPy, what is left when it has been graded, and who is at it meanwhile."""

import contextlib
import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from autograder.grading import record
from autograder.grading.paper import Paper
from autograder.grading.work import Marked

ONE = "c.CourseDirectory.notebook_id = 'numpy'\n"
WANTED = ("ada", "emil", "fatima", "goran", "jun", "lena", "mats", "omar")


def contents(folder: Path) -> tuple[list, dict[str, bytes]]:
    """Rows of the gradebook, without the numbers it gives to them, and the autograded notebooks' bytes."""
    query = """
        select a.student_id, n.name, c.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade
        from grade g join base_cell c on c.id = g.cell_id join submitted_notebook s on s.id = g.notebook_id
        join notebook n on n.id = s.notebook_id join submitted_assignment a on a.id = s.assignment_id
        where n.name = 'numpy'
        union all
        select a.student_id, n.name, c.name, m.auto_comment, m.manual_comment, null, null
        from comment m join base_cell c on c.id = m.cell_id join submitted_notebook s on s.id = m.notebook_id
        join notebook n on n.id = s.notebook_id join submitted_assignment a on a.id = s.assignment_id
        where n.name = 'numpy'
    """
    with contextlib.closing(sqlite3.connect(folder / "gradebook.db")) as connection:
        rows = sorted(connection.execute(query), key=repr)
    notebooks = {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted((folder / "autograded").rglob("*.ipynb"))
    }
    return rows, notebooks


def entered(folder: Path) -> list[str]:
    """The students in the record, as often as they stand there."""
    assert record.broken_at(folder / record.NAME) == 0
    return sorted(entry["student"] for entry in record.read(folder / record.NAME))


def graded_now(folder: Path) -> int:
    """How many notebooks have been examined, by the record."""
    entries = list(record.read(folder / record.NAME))
    return sum(told["graded"] == "now" for entry in entries for told in entry["notebooks"].values())


def simulated(paper: bytes, student: str, data: bytes, texts: tuple, problem: str, files: dict) -> bytes:
    """Instead of an examination, for many students and workers: points that depend on what was handed in."""
    time.sleep(0.15)
    cells = Paper.from_bytes(paper).cells.values()
    digest = hashlib.sha256(student.encode() + data).digest()
    scores = {cell.name: float(digest[i] % 3) for i, cell in enumerate(cells) if cell.max_score}
    return Marked("{}", scores, isolation="strict").to_bytes()


@contextlib.contextmanager
def meanwhile(function: Callable[[threading.Event], None]) -> Iterator[None]:
    """In a thread of its own until it ends, which it should when the event is set, after the body."""
    over = threading.Event()
    thread = threading.Thread(target=function, args=(over,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def is_worker(process: psutil.Process) -> bool:
    """Forked from a process of multiprocessing's that has imported everything; so it is called like that one."""
    try:
        parent = process.parent()
    except psutil.Error:
        return False
    return all("multiprocessing.forkserver" in " ".join(command_line(p)) for p in (process, parent) if p is not None)
