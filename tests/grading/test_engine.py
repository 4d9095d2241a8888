"""The engine: the same grades whoever does the work and however often it was interrupted."""

import contextlib
import errno
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import nbformat
import psutil
import pytest

from autograder.boundary.sides import NoKernel, Side
from autograder.cli import main
from autograder.grading import grade as engine
from autograder.grading import record, work
from autograder.grading.claim import claimed
from autograder.grading.course import CourseError, one_framework, open_course
from autograder.grading.grade import grade_class
from autograder.grading.marks import enter_marks
from autograder.grading.outcomes import on_disk
from autograder.grading.paper import Paper
from autograder.grading.pool import Cluster, Piece, may_use_gpu
from autograder.grading.release import not_released, release
from autograder.grading.sample_class import STUDENTS, make_course, make_submissions
from autograder.grading.store import Store
from autograder.grading.work import Marked
from autograder.grading.workers import opened

pytestmark = pytest.mark.slow

ONE = "c.CourseDirectory.notebook_id = 'numpy'\n"
WANTED = ("ada", "emil", "fatima", "goran", "jun", "lena", "mats", "omar")


@pytest.fixture(scope="module")
def template(course, tmp_path_factory):
    """A class of eight in NumPy, with sources of its own, released and handed in; copied for each test."""
    folder = tmp_path_factory.mktemp("template") / "class"
    make_course(folder, course)
    shutil.copytree(course.root / "solutions" / "vanilla", folder / "source" / "vanilla")
    with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write("import pathlib\n_here = pathlib.Path(__file__).parent\n")
        config.write("c.CourseDirectory.source_directory = str(_here / 'source')\n")
        config.write("c.ExecuteAcross.secret_file = str(_here / 'secret')\n")
    sample = open_course(folder)
    release(sample, "vanilla")
    make_submissions(sample)
    for path in (folder / "submitted").iterdir():
        if path.name not in WANTED:
            shutil.rmtree(path)
    (folder / "secret").write_bytes(b"for tests")
    with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write(ONE)
    return folder


@pytest.fixture
def small(template, tmp_path):
    """The class, not graded yet."""
    folder = tmp_path / "class"
    shutil.copytree(template, folder)
    return open_course(folder)


@pytest.fixture(scope="module")
def expected(template, tmp_path_factory):
    """What the gradebook and the autograded notebooks hold when one process has graded everybody in turn."""
    folder = tmp_path_factory.mktemp("serial") / "class"
    shutil.copytree(template, folder)
    grade_class(open_course(folder), "vanilla", workers=0)
    return contents(folder)


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


def test_serial_parallel_and_in_any_order_are_the_same_to_the_byte(small, expected, monkeypatch):
    students = small.students("vanilla")
    random.Random(5).shuffle(students)
    monkeypatch.setattr(type(small), "students", lambda *_: students)
    grade_class(small, "vanilla", workers=2)
    assert contents(small.root) == expected
    assert entered(small.root) == sorted(WANTED)


def test_what_is_graded_already_is_kept(small, expected):
    grade_class(small, "vanilla", workers=0, students=["ada", "mats"])
    first = graded_now(small.root)
    new = []
    grade_class(small, "vanilla", workers=0, on_student=lambda outcome, fresh: new.append((outcome.student, fresh)))
    assert dict(new) == {name: name not in ("ada", "mats") for name in WANTED}
    assert contents(small.root) == expected
    assert first == 2
    assert graded_now(small.root) == len(WANTED) - 1  # lena has handed in nothing


def simulated(paper: bytes, student: str, data: bytes, texts: tuple, problem: str, files: dict) -> bytes:
    """Instead of an examination, for many students and workers: points that depend on what was handed in."""
    time.sleep(0.15)
    cells = Paper.from_bytes(paper).cells.values()
    digest = hashlib.sha256(student.encode() + data).digest()
    scores = {cell.name: float(digest[i] % 3) for i, cell in enumerate(cells) if cell.max_score}
    return Marked("{}", scores, isolation="strict").to_bytes()


@pytest.fixture
def many(small, monkeypatch):
    """A hundred and twenty students whose grading is simulated."""
    monkeypatch.setattr(work, "grade", simulated)
    source = small.root / "submitted" / "ada"
    for number in range(120 - len(WANTED)):
        shutil.copytree(source, small.root / "submitted" / f"s{number:03}")
    return small


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


def test_three_of_eight_workers_are_killed_and_one_is_slow(many, tmp_path):
    """Nothing is lost, nothing doubled. Workers are processes of this one's."""
    alone = tmp_path / "alone"
    shutil.copytree(many.root, alone)
    killed: list[int] = []

    def kill(over: threading.Event) -> None:
        while len(killed) < 4 and not over.wait(0.3):
            if not (many.root / "outcomes").is_dir():
                continue
            workers = [p for p in psutil.Process().children(recursive=True) if p.pid not in killed and _is_worker(p)]
            with contextlib.suppress(psutil.Error):
                process = workers[0]
                killed.append(process.pid)
                if len(killed) > 1:
                    process.kill()
                else:  # the slow one
                    process.suspend()
                    threading.Timer(3, process.resume).start()

    with meanwhile(kill):
        grade_class(many, "vanilla", workers=8)
    assert len(killed) == 4
    assert len(entered(many.root)) == len(set(entered(many.root))) == 120
    assert graded_now(many.root) == 119
    grade_class(open_course(alone), "vanilla", workers=0)
    assert contents(many.root) == contents(alone)


def test_workers_share_what_kernels_are_forked_from_and_outlive_each_other(small, expected):
    """The first worker starts the templates; it is killed while both work."""
    holders: list[int] = []

    def kill(over: threading.Event) -> None:
        while not holders and not over.wait(0.02):
            if (small.root / "outcomes").is_dir():
                workers = [p for p in psutil.Process().children(recursive=True) if _is_worker(p)]
                holding = [p for p in workers if p.children()]
                if len(workers) == 2 and len(holding) == 1:
                    holders.append(holding[0].pid)
                    holding[0].kill()

    with meanwhile(kill):
        grade_class(small, "vanilla", workers=2)
    assert len(holders) == 1
    assert contents(small.root) == expected
    assert entered(small.root) == sorted(WANTED)


def _is_worker(process: psutil.Process) -> bool:
    """Forked from a process of multiprocessing's that has imported everything; so it is called like that one."""
    try:
        parent = process.parent()
    except psutil.Error:
        return False
    return all("multiprocessing.forkserver" in " ".join(_line(p)) for p in (process, parent) if p is not None)


@pytest.mark.parametrize("ended", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_a_run_that_is_ended_goes_on_from_there(small, expected, ended):
    command = [sys.executable, "-m", "autograder.cli", "grade", "vanilla", "--course", str(small.root), "--quiet"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 200
    while len(list((small.root / "outcomes").rglob("*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(run.pid, ended) if ended == signal.SIGINT else run.kill()
    _, told = run.communicate(timeout=60)
    assert run.returncode == (130 if ended == signal.SIGINT else -9)
    assert "Traceback" not in told
    done = len(list((small.root / "outcomes").rglob("*.json")))
    assert 3 <= done < len(WANTED)
    results = {path.name for path in (small.root / "results").rglob("*") if path.is_file()}
    grade_class(small, "vanilla", workers=0)
    assert contents(small.root) == expected
    assert results <= {path.name for path in (small.root / "results").rglob("*") if path.is_file()}
    assert entered(small.root) == sorted(WANTED)
    assert graded_now(small.root) == len(WANTED) - 1
    time.sleep(1)
    left = [p for p in psutil.process_iter() if str(small.root) in " ".join(_line(p))]
    assert left == []


@pytest.mark.parametrize("ended", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_a_run_that_is_told_to_end_leaves_nothing_behind(small, tmp_path, ended):
    own = tmp_path / "tmp"
    own.mkdir()
    command = [sys.executable, "-m", "autograder.cli", "grade", "vanilla", "--course", str(small.root)]
    run = subprocess.Popen(
        [*command, "--workers", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(own)}, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 200
    while len(list((small.root / "outcomes").rglob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(run.pid, ended) if ended == signal.SIGHUP else run.send_signal(ended)  # a terminal tells all of them
    _, told = run.communicate(timeout=60)
    assert run.returncode == 130
    assert told == "unrolled: interrupted; what is finished is kept, and the same command goes on from there\n"
    assert {path.name for path in own.iterdir()} <= {"dask-scratch-space"}


def test_two_runs_at_once_do_not_do_the_work_twice(small, expected, capsys):
    """The second one says who is at it, whatever way it was started; another assignment is another matter."""
    command = [sys.executable, "-m", "autograder.cli", "grade", "vanilla", "--course", str(small.root), "--quiet"]
    first = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 200
        while not list((small.root / "outcomes").rglob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert main(["grade", "vanilla", "--course", str(small.root), "--workers", "0"]) == 2
        told = capsys.readouterr().err
        assert f"another run grades vanilla in {small.root} (process {first.pid} on " in told
        assert told.count("\n") == 1
        with claimed(small, "gru"):
            pass
    finally:
        assert first.wait(200) == 0
    assert contents(small.root) == expected
    assert entered(small.root) == sorted(WANTED)
    assert main(["grade", "vanilla", "--course", str(small.root), "--workers", "0"]) == 0


def _line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_result_that_was_damaged_is_made_again(small, expected):
    grade_class(small, "vanilla", workers=0)
    paths = sorted(path for path in (small.root / "results").rglob("*") if path.is_file())
    paths[0].write_bytes(paths[0].read_bytes()[:-7])
    paths[1].write_bytes(b"")
    shutil.rmtree(small.root / "outcomes")
    before = graded_now(small.root)
    grade_class(small, "vanilla", workers=0)
    assert contents(small.root) == expected
    assert graded_now(small.root) == before + 2


def test_the_gradebook_is_lost_and_made_again_from_the_results(small, expected):
    grade_class(small, "vanilla", workers=0)
    before = graded_now(small.root)
    (small.root / "gradebook.db").unlink()
    grade_class(small, "vanilla", workers=0)
    assert contents(small.root) == expected
    assert graded_now(small.root) == before


def test_a_gradebook_that_is_locked_is_one_line_and_nothing_is_lost(small, expected, capsys, monkeypatch):
    grade_class(small, "vanilla", workers=0, students=["ada"])
    monkeypatch.setattr(engine, "PATIENCE", 0.5)
    url = f"sqlite:///{small.root}/gradebook.db?timeout=0.2"
    small.config.CourseDirectory.db_url = url
    with contextlib.closing(sqlite3.connect(small.root / "gradebook.db", isolation_level=None)) as connection:
        connection.execute("begin exclusive")
        with pytest.raises(CourseError, match=r"cannot be used .*locked.*run the same command again"):
            grade_class(small, "vanilla", workers=0)
        connection.execute("rollback")
    grade_class(small, "vanilla", workers=0)
    assert contents(small.root) == expected
    assert graded_now(small.root) == len(WANTED) - 1


def test_a_full_disk_is_one_line(small, expected, monkeypatch, capsys):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(small.root / "results"))

    def no_room(*_args, **_keywords):
        raise full

    with monkeypatch.context() as patched:
        patched.setattr(Store, "put", no_room)
        assert main(["grade", "vanilla", "--course", str(small.root), "--workers", "0"]) == 2
    told = capsys.readouterr().err
    assert "No space left on device; make room and run the same command again" in told
    assert told.count("\n") == 1
    grade_class(small, "vanilla", workers=0)
    assert contents(small.root) == expected


def change_sources(course, before: str, after: str) -> None:
    path = course.root / "source" / "vanilla" / "numpy.ipynb"
    notebook = nbformat.read(path, as_version=4)
    assert any(before in cell.source for cell in notebook.cells)
    for cell in notebook.cells:
        cell.source = cell.source.replace(before, after)
    nbformat.write(notebook, path)


def change_tests(course, before: str, after: str) -> None:
    """Other tests in the sources, released."""
    change_sources(course, before, after)
    release(course, "vanilla")


def test_a_changed_test_regrades_and_says_who_changed_and_why(small, capsys):
    grade_class(small, "vanilla", workers=0)
    path = small.root / "marks.csv"
    path.write_text(
        "student,assignment,notebook,question,points,comment\n"
        "ada,vanilla,numpy,two-steps-derivation,1.5,well argued\n"
        "goran,vanilla,numpy,softmax-loss,2,a slip\n"
        "emil,vanilla,numpy,step-backward,3.5,nearly\n",
        encoding="utf-8",
    )
    enter_marks(small, path)
    # A test that is harder in one place: the wrong loss now has to be wrong no more.
    change_tests(small, 'check("vanilla/softmax-loss", softmax_loss, rounds=2)', "assert callable(softmax_loss)")
    change_tests(small, 'check("vanilla/softmax-loss", softmax_loss)', "assert callable(softmax_loss)")
    assert main(["grade", "vanilla", "--course", str(small.root), "--workers", "0"]) == 0
    told = capsys.readouterr().out
    assert "changed: goran, numpy, softmax-loss: 0 → 3 (the tests changed)" in told
    assert told.count("changed:") == 1
    with small.gradebook() as gradebook:
        ada = gradebook.find_grade("two-steps-derivation", "numpy", "vanilla", "ada")
        assert (ada.manual_score, ada.needs_manual_grade) == (1.5, False)
        comment = gradebook.find_comment("two-steps-derivation", "numpy", "vanilla", "ada")
        assert comment.manual_comment == "well argued"
        goran = gradebook.find_grade("softmax-loss", "numpy", "vanilla", "goran")
        # The score that a person had changed is another now: they are asked again, and their mark still counts.
        assert (goran.auto_score, goran.manual_score, goran.needs_manual_grade) == (3, 2, True)
        emil = gradebook.find_grade("step-backward", "numpy", "vanilla", "emil")
        assert (emil.manual_score, emil.needs_manual_grade) == (3.5, False)
    last = list(record.read(small.root / record.NAME))[-1]
    assert "versions" in last
    assert all(
        entry["notebooks"]["numpy"]["tier"]
        for entry in record.read(small.root / record.NAME)
        if entry["student"] == "ada"
    )


def test_a_change_that_is_not_released_is_told(small, capsys):
    """Of tests and points; of solutions there is nothing to tell, as nobody's grade depends on them."""
    command = ["grade", "vanilla", "--course", str(small.root), "--workers", "0", "--student", "ada"]
    assert main(command) == 0
    capsys.readouterr()
    change_sources(small, "dU = h_prev.T @ da", "dU = (da.T @ h_prev).T")
    change_sources(small, "dW = x.T @ da", "dW = (da.T @ x).T")
    assert not_released(small, "vanilla") == {}
    change_sources(small, 'check("vanilla/softmax-loss", softmax_loss, rounds=2)', "assert callable(softmax_loss)")
    path = small.root / "source" / "vanilla" / "numpy.ipynb"
    notebook = nbformat.read(path, as_version=4)
    answer = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "two-steps-derivation")
    answer.metadata.nbgrader.points += 1
    nbformat.write(notebook, path)
    assert not_released(small, "vanilla") == {"numpy": ["softmax-loss", "two-steps-derivation"]}
    assert main(command) == 1
    told = capsys.readouterr().err
    assert "numpy: the sources have other tests or points for softmax-loss, two-steps-derivation than" in told
    release(small, "vanilla")
    assert not_released(small, "vanilla") == {}


def test_only_the_notebook_whose_tests_changed_is_graded_again(template, tmp_path):
    folder = tmp_path / "class"
    shutil.copytree(template, folder)
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text().replace(ONE, ""))
    sample = open_course(folder)
    release(sample, "vanilla")
    source = sample.root / "submitted" / "ada" / "vanilla"
    blank = sample.folder("release", ".", "vanilla") / "pytorch.ipynb"
    shutil.copy(blank, source / "pytorch.ipynb")
    grade_class(sample, "vanilla", workers=0, students=["ada"])
    assert graded_now(folder) == 2
    path = folder / "source" / "vanilla" / "pytorch.ipynb"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("rounds=", "rounds=1 + "), encoding="utf-8")
    release(sample, "vanilla")
    grade_class(sample, "vanilla", workers=0, students=["ada"])
    assert graded_now(folder) == 3


def test_outputs_do_not_regrade_and_another_answer_does(small):
    grade_class(small, "vanilla", workers=0, students=["ada"])
    path = small.folder("submitted", "ada", "vanilla") / "numpy.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="run again\n")]
            cell.execution_count = 7
    nbformat.write(notebook, path)
    grade_class(small, "vanilla", workers=0, students=["ada"])
    assert graded_now(small.root) == 1
    notebook.cells[-1].source += " "
    notebook.cells[4].source += "\n# another"
    nbformat.write(notebook, path)
    grade_class(small, "vanilla", workers=0, students=["ada"])
    assert graded_now(small.root) == 2


def test_the_secret_and_the_tier_are_part_of_the_key(small):
    ended = []
    grade_class(small, "vanilla", workers=0, students=["ada"])
    (small.root / "secret").write_bytes(b"another")
    grade_class(small, "vanilla", workers=0, students=["ada"])
    assert graded_now(small.root) == 2
    grade_class(small, "vanilla", workers=0, students=["ada"], isolation="limited", on_ended=ended.append)
    assert graded_now(small.root) == 3
    outcome = on_disk(small, "ada", "vanilla")
    assert outcome.isolation == {"numpy": "limited"}
    assert ended[0].changes == ()


def test_a_notebook_that_is_taken_back_counts_no_more(small):
    grade_class(small, "vanilla", workers=0, students=["ada"])
    (small.folder("submitted", "ada", "vanilla") / "numpy.ipynb").unlink()
    ended = []
    grade_class(small, "vanilla", workers=0, students=["ada"], on_ended=ended.append)
    with small.gradebook() as gradebook:
        assert gradebook.find_submission("vanilla", "ada").score == 0
    assert not list(small.folder("autograded", "ada", "vanilla").glob("*.ipynb"))
    assert {change.why for change in ended[0].changes} == {"the notebook is not handed in any more"}


def test_the_time_of_handing_in_reaches_the_gradebook(small):
    (small.folder("submitted", "ada", "vanilla") / "timestamp.txt").write_text("2026-11-01 23:58:00 UTC")
    (small.folder("submitted", "emil", "vanilla") / "timestamp.txt").write_text("soon")
    grade_class(small, "vanilla", workers=0, students=["ada", "emil"])
    with small.gradebook() as gradebook:
        assert str(gradebook.find_submission("vanilla", "ada").timestamp) == "2026-11-01 23:58:00"
        assert gradebook.find_submission("vanilla", "emil").timestamp is None


def test_a_worker_that_always_dies_costs_that_notebook_and_says_so(small, monkeypatch):
    grade = work.grade

    def deadly(paper, student, *rest):
        if student == "ada":
            raise RuntimeError("the worker ended")
        return grade(paper, student, *rest)

    monkeypatch.setattr(work, "grade", deadly)
    outcomes = {o.student: o for o in grade_class(small, "vanilla", workers=0, students=["ada", "emil"])}
    assert engine.GIVEN_UP in outcomes["ada"].problems["numpy"]
    assert not outcomes["emil"].problems
    monkeypatch.undo()
    outcomes = {o.student: o for o in grade_class(small, "vanilla", workers=0, students=["ada", "emil"])}
    assert not outcomes["ada"].problems
    assert graded_now(small.root) == 3


def test_a_machine_that_starts_no_kernel_is_tried_again_and_nothing_is_kept_of_it(small, monkeypatch):
    grade, tried = work.grade, []

    def refuses(paper, student, *rest):
        tried.append(student)
        if student == "ada" or tried.count(student) < 2:
            raise NoKernel("no kernel could be started: no room")
        return grade(paper, student, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(work, "grade", refuses)
        outcomes = {o.student: o for o in grade_class(small, "vanilla", workers=0, students=["ada", "emil"])}
    assert "no kernel could be started: no room" in outcomes["ada"].problems["numpy"]
    assert (tried.count("ada"), tried.count("emil")) == (3, 2)
    assert not outcomes["emil"].problems
    outcomes = grade_class(small, "vanilla", workers=0, students=["ada"])
    assert not outcomes[0].problems


@pytest.mark.parametrize(("side", "cell"), [("learner", "def step_forward"), ("examiner", "check(")])
def test_a_template_that_is_killed_in_the_middle_costs_no_points(small, expected, monkeypatch, side, cell):
    """All kernels end with it: nobody's answer has done that, so it is nobody's result."""
    run, killed = Side.run, []

    async def run_and_kill(self, code, **more):
        launch = self._kernel._kernel._launch
        if not killed and launch.wanted.side == side and cell in code:
            killed.append(psutil.Process(launch.process.pid).parent())
            killed[0].kill()
        return await run(self, code, **more)

    monkeypatch.setattr(Side, "run", run_and_kill)
    grade_class(small, "vanilla", workers=0)
    assert len(killed) == 1
    assert contents(small.root) == expected
    assert graded_now(small.root) == len(WANTED) - 1


def test_a_kernel_that_cannot_be_started_again_is_the_machines_fault(small, expected, monkeypatch):
    """The first of ada's learner's kernels dies, and the machine starts no second one then."""
    run, start, told = Side.run, Side.start, []

    async def run_and_die(self, code, **more):
        launch = self._kernel._kernel._launch
        if not told and launch.wanted.side == "learner" and "def step_forward" in code:
            told.append("dies")
            launch.process.kill()
        return await run(self, code, **more)

    async def no_start(self):
        if told == ["dies"]:
            told.append("no other")
            raise NoKernel("no kernel could be started: no room")
        await start(self)

    monkeypatch.setattr(Side, "run", run_and_die)
    monkeypatch.setattr(Side, "start", no_start)
    grade_class(small, "vanilla", workers=0)
    assert told == ["dies", "no other"]
    assert contents(small.root) == expected


def test_workers_that_die_while_they_start_leave_the_work_to_the_others(small, expected, monkeypatch):
    monkeypatch.setattr("autograder.grading.workers.CONNECTING", 15.0)
    killed: list[int] = []

    def kill(over: threading.Event) -> None:
        while not killed and not over.wait(0.005):
            for process in [p for p in psutil.Process().children(recursive=True) if _is_worker(p)][:1]:
                killed.append(process.pid)
                process.kill()

    with meanwhile(kill):
        grade_class(small, "vanilla", workers=2)
    assert killed
    assert contents(small.root) == expected
    assert entered(small.root) == sorted(WANTED)


def test_a_home_that_cannot_be_written_is_no_matter(small, expected, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    grade_class(small, "vanilla", workers=0)
    assert contents(small.root) == expected


def test_a_disk_that_is_full_for_a_while_costs_nobody_points(small, expected, monkeypatch):
    """Neither for good nor in the results that are kept."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp")

    def no_room(*_args, **_keywords):
        raise full

    with monkeypatch.context() as patched:
        patched.setattr("autograder.boundary.learner_package.built", no_room)
        outcomes = grade_class(small, "vanilla", workers=0, students=["ada", "emil"])
    assert all(
        "No space left on device" in o.problems["numpy"] and engine.GIVEN_UP in o.problems["numpy"] for o in outcomes
    )
    assert not [path for path in (small.root / "results").rglob("*") if path.is_file()]
    grade_class(small, "vanilla", workers=0)
    assert contents(small.root) == expected


def test_a_huge_submission_in_a_folder_with_any_name_is_graded_without_a_word(small):
    notebook = json.loads((small.root / "submitted" / "ada" / "vanilla" / "numpy.ipynb").read_text())
    notebook["cells"][0]["source"] = "x" * 20_000_000
    (small.root / "submitted" / "ada" / "vanilla" / "numpy.ipynb").write_text(json.dumps(notebook))
    folder = small.root.rename(small.root.with_name("Kürs 'x' \"y\" $HOME"))
    command = [sys.executable, "-m", "autograder.cli", "grade", "vanilla", "--course", str(folder), "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "million characters" in on_disk(open_course(folder), "ada", "vanilla").problems["numpy"]


def test_a_long_name_of_the_temporary_folder_is_no_matter(small, expected, tmp_path):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    command = [sys.executable, "-m", "autograder.cli", "grade", "vanilla", "--course", str(small.root)]
    done = subprocess.run(
        [*command, "--workers", "2"], capture_output=True, text=True, env=os.environ | {"TMPDIR": str(long)}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(small.root) == expected
    assert {path.name for path in long.iterdir()} <= {"dask-scratch-space"}


def test_no_worker_that_starts_is_one_line(small, capsys, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr("autograder.grading.workers.CONNECTING", 1.0)
    monkeypatch.setattr(LocalCluster, "new_worker_spec", lambda _: {})
    monkeypatch.setattr(LocalCluster, "scale", lambda *_: None)
    assert main(["grade", "vanilla", "--course", str(small.root), "--workers", "2"]) == 2
    assert capsys.readouterr().err == "unrolled: no worker has started within 1 seconds: try --workers 0\n"


def test_unknown_students_frameworks_and_clusters_are_one_line(small, capsys):
    course = ["--course", str(small.root)]
    assert main(["grade", "vanilla", *course, "--student", "nobody"]) == 2
    assert "nothing of nobody is in" in capsys.readouterr().err
    assert main(["grade", "vanilla", *course, "--framework", "jax"]) == 2
    assert "has no notebook 'jax'; there are: numpy" in capsys.readouterr().err
    with pytest.raises(CourseError, match="there are: numpy"):
        one_framework(small, "vanilla", "jax")


def test_no_cluster_there_is_one_line(small, capsys, monkeypatch):
    monkeypatch.setattr("autograder.grading.workers.CONNECTING", 1.0)
    assert main(["grade", "vanilla", "--course", str(small.root), "--scheduler", "tcp://127.0.0.1:9"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len([line for line in told if line.startswith("unrolled:")]) == 1
    assert "no cluster with workers answers at tcp://127.0.0.1:9" in told[-1]


def test_a_cluster_that_runs_already_gives_the_same_grades(small, expected, tmp_path):
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    scheduler += ["--scheduler-file", str(tmp_path / "scheduler.json")]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--nworkers", "2"]
    worker += ["--memory-limit", "0", "--no-dashboard", "--scheduler-file", str(tmp_path / "scheduler.json")]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": elsewhere}
    with subprocess.Popen(scheduler, **quiet) as one, subprocess.Popen(worker, **quiet) as other:
        try:
            deadline = time.monotonic() + 60
            while not (tmp_path / "scheduler.json").exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            address = json.loads((tmp_path / "scheduler.json").read_text())["address"]
            grade_class(small, "vanilla", scheduler=address)
        finally:
            for process in (other, one):
                process.terminate()
    assert contents(small.root) == expected


def _where(_data: bytes, seconds: float) -> bytes:
    began = time.monotonic()
    time.sleep(seconds)
    return json.dumps([os.getpid(), began, time.monotonic(), may_use_gpu()]).encode()


def test_work_for_a_gpu_goes_one_at_a_time_to_the_worker_that_has_one():
    from distributed import Client, LocalCluster

    own = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**own) as cluster, Client(cluster) as client:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
        command += ["--nthreads", "3", "--resources", "GPU=1", "--no-dashboard", "--no-nanny"]
        found = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}  # a worker has to find the function
        with subprocess.Popen(command, env=found, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                client.wait_for_workers(3, timeout=60)
                pool = Cluster(client)
                assert pool.gpus == 1
                for number in range(4):
                    pool.submit(Piece(f"gpu-{number}", _where, (b"x", 0.2), gpu=True))
                    pool.submit(Piece(f"cpu-{number}", _where, (b"x", 0.01)))
                done = [pool.next_done() for _ in range(8)]
            finally:
                process.terminate()
    times = [json.loads(result) for piece, result in done if piece.gpu]
    assert len({process for process, *_ in times}) == 1
    spans = sorted((began, ended) for _, began, ended, _ in times)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))
    everybody = [json.loads(result) for _, result in done]
    assert all(may == (process == times[0][0]) for process, _, _, may in everybody)  # nobody else may touch it
    assert may_use_gpu()  # here is no worker


def test_a_cluster_that_loses_its_workers_is_one_line(monkeypatch):
    from distributed import Client, LocalCluster

    monkeypatch.setattr("autograder.grading.pool.LOOKING", 0.2)
    monkeypatch.setattr("autograder.grading.pool.ABSENT", 1.0)
    with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster, Client(cluster) as client:
        pool = Cluster(client)
        pool.submit(Piece("lost", _where, (b"x", 0.0)))
        with pytest.raises(CourseError, match="lost its workers"):
            pool.next_done()


def test_on_one_machine_one_worker_offers_the_gpu(monkeypatch):
    monkeypatch.setattr("autograder.grading.workers.has_gpu", lambda: True)
    with opened(workers=2) as pool:
        for number in range(4):
            pool.submit(Piece(f"own-{number}", work.hash_of, ([number],)))
        done = [pool.next_done()[1] for _ in range(4)]
        assert (pool._cluster.hands, pool._cluster.gpus) == (2, 1)
    assert sorted(done) == sorted(work.hash_of([number]) for number in range(4))


def test_a_class_marked_for_a_gpu_is_graded_by_the_worker_that_offers_it(small, expected, tmp_path):
    """A script in place of nvidia-smi says that nobody takes anything, and notes who asks."""
    from distributed import Client, LocalCluster

    script = tmp_path / "bin" / "nvidia-smi"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\necho $PPID >> {tmp_path}/asked\ncase $1 in *query-gpu*) echo 0;; esac\n")
    script.chmod(0o755)
    source = small.root / "source" / "vanilla" / "numpy.ipynb"
    notebook = nbformat.read(source, as_version=4)
    next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")).metadata["tags"] = ["gpu"]
    nbformat.write(notebook, source)
    release(small, "vanilla")
    own = {"n_workers": 1, "threads_per_worker": 1, "processes": True, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**own) as cluster, Client(cluster) as client:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
        command += ["--nthreads", "1", "--resources", "GPU=1", "--no-dashboard", "--no-nanny"]
        found = {**os.environ, "PATH": f"{script.parent}:{os.environ['PATH']}"}
        with subprocess.Popen(command, env=found, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                client.wait_for_workers(2, timeout=60)
                grade_class(small, "vanilla", scheduler=cluster.scheduler_address)
            finally:
                process.terminate()
    assert contents(small.root)[0] == expected[0]
    assert set((tmp_path / "asked").read_text().split()) == {str(process.pid)}


def test_a_gradebook_that_cannot_be_opened_is_one_line(small, capsys):
    (small.root / "gradebook.db").write_bytes(b"not a database" * 100)
    for command in (["grade", "vanilla"], ["export", "vanilla"], ["report", "vanilla"], ["feedback", "vanilla"]):
        assert main([*command, "--course", str(small.root)]) == 2
        told = capsys.readouterr().err
        assert "cannot be used" in told
        assert told.count("\n") == 1


def test_few_pieces_start_no_workers():
    with opened() as pool:
        for number in range(2):
            pool.submit(Piece(f"few-{number}", _where, (b"x", 0.0)))
        processes = {json.loads(pool.next_done()[1])[0] for _ in range(2)}
    assert processes == {os.getpid()}


def test_everybody_of_the_sample_class_is_known():
    assert set(WANTED) <= {student.name for student in STUDENTS}
