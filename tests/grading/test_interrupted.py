"""Whatever ends or hinders a run: nothing is lost, nothing doubled, and nobody pays for it with points."""

import contextlib
import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import psutil
import pytest
from class_of_eight import WANTED, command_line, contents, entered, graded_now, is_worker, meanwhile

from autograder.boundary.sides import NoKernel, Side
from autograder.cli import main
from autograder.grading import grade as engine
from autograder.grading import record, work
from autograder.grading.claim import claimed
from autograder.grading.course import CourseError, open_course
from autograder.grading.grade import grade_class
from autograder.grading.outcomes import on_disk
from autograder.grading.store import Store

pytestmark = pytest.mark.slow


def test_three_of_eight_workers_are_killed_and_one_is_slow(many, tmp_path):
    """Nothing is lost, nothing doubled. Workers are processes of this one's."""
    alone = tmp_path / "alone"
    shutil.copytree(many.root, alone)
    killed: list[int] = []

    def kill(over: threading.Event) -> None:
        while len(killed) < 4 and not over.wait(0.3):
            if not list((many.root / "outcomes").rglob("*.json")):
                continue
            workers = [p for p in psutil.Process().children(recursive=True) if p.pid not in killed and is_worker(p)]
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
    """A worker that has started a template, or both of them, is killed; the other may have started one as well."""
    holders: list[int] = []

    def kill(over: threading.Event) -> None:
        while not holders and not over.wait(0.02):
            workers = [p for p in psutil.Process().children(recursive=True) if is_worker(p)]
            holding = [p for p in workers if p.children()]
            if len(workers) == 2 and holding:
                holders.append(holding[0].pid)
                holding[0].kill()

    with meanwhile(kill):
        grade_class(small, "vanilla", workers=2)
    assert len(holders) == 1
    assert contents(small.root) == expected
    assert entered(small.root) == sorted(WANTED)


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
    # It may have ended after a result was kept and before it was entered: then that is entered as kept.
    assert graded_now(small.root) in (len(WANTED) - 2, len(WANTED) - 1)
    time.sleep(1)
    left = [p for p in psutil.process_iter() if str(small.root) in " ".join(command_line(p))]
    assert left == []


@pytest.mark.parametrize(
    "ended", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.long)], ids=["SIGTERM", "SIGHUP"]
)
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
    assert not list(own.iterdir())


def test_two_runs_at_once_do_not_do_the_work_twice(small, expected, capsys):
    """The second one says who is at it, and grades when that one has ended; another assignment is another matter."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom autograder.grading.claim import claimed\n"
        "from autograder.grading.course import open_course\n"
        "with claimed(open_course(Path(sys.argv[1])), 'vanilla'):\n    print('mine', flush=True); input()\n"
    )
    command = ["grade", "vanilla", "--course", str(small.root), "--workers", "0"]
    first = subprocess.Popen([sys.executable, "-c", code, str(small.root)], stdin=-1, stdout=-1, text=True)
    try:
        assert first.stdout.readline() == "mine\n"
        assert main(command) == 2
        told = capsys.readouterr().err
        assert f"another run grades vanilla in {small.root} (process {first.pid} on " in told
        assert told.count("\n") == 1
        assert not (small.root / record.NAME).exists()
        with claimed(small, "gru"):
            pass
    finally:
        first.kill()
        first.communicate(timeout=60)
    assert main(command) == 0
    assert contents(small.root) == expected
    assert entered(small.root) == sorted(WANTED)


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


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize(("side", "cell"), [("learner", "def step_forward"), ("examiner", "check(")])
def test_a_kernel_that_somebody_kills_costs_no_points(small, expected, monkeypatch, side, cell, number):
    """By hand, or the system for lack of memory."""
    run, killed = Side.run, []

    async def run_and_kill(self, code, **more):
        launch = self._kernel._kernel._launch
        if not killed and launch.wanted.side == side and cell in code:
            killed.append(launch.process.pid)
            os.kill(killed[0], number)
        return await run(self, code, **more)

    monkeypatch.setattr(Side, "run", run_and_kill)
    grade_class(small, "vanilla", workers=0)
    assert len(killed) == 1
    assert contents(small.root) == expected


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


def test_workers_that_die_while_they_start_leave_the_work_to_the_others(small, expected):
    killed: list[int] = []

    def kill(over: threading.Event) -> None:
        while not killed and not over.wait(0.005):
            for process in [p for p in psutil.Process().children(recursive=True) if is_worker(p)][:1]:
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
    assert not list(long.iterdir())


def test_no_worker_that_starts_is_one_line(small, capsys, monkeypatch):
    from distributed import LocalCluster

    for patience in ("SETTLING", "CONNECTING"):
        monkeypatch.setattr(f"autograder.grading.workers.{patience}", 1.0)
    monkeypatch.setattr(LocalCluster, "new_worker_spec", lambda _: {})
    monkeypatch.setattr(LocalCluster, "scale", lambda *_: None)
    assert main(["grade", "vanilla", "--course", str(small.root), "--workers", "2"]) == 2
    assert capsys.readouterr().err == "unrolled: no worker has started within 1 seconds: try --workers 0\n"


def test_a_gradebook_that_cannot_be_opened_is_one_line(small, capsys):
    (small.root / "gradebook.db").write_bytes(b"not a database" * 100)
    for command in (["grade", "vanilla"], ["export", "vanilla"], ["report", "vanilla"], ["feedback", "vanilla"]):
        assert main([*command, "--course", str(small.root)]) == 2
        told = capsys.readouterr().err
        assert "cannot be used" in told
        assert told.count("\n") == 1


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_matter(small, expected, closed):
    """As whoever starts it at night may have them."""
    command = f"{sys.executable} -m autograder.cli grade vanilla --course {small.root} {closed}"
    assert subprocess.run(["bash", "-c", command], stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert contents(small.root) == expected
