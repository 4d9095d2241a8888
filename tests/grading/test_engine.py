"""The engine: the same grades whoever does the work, and again only what depends on a change."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import nbformat
import psutil
import pytest
from class_of_eight import ONE, WANTED, command_line, contents, entered, graded_now

from autograder.cli import main
from autograder.grading import record, work
from autograder.grading.course import CourseError, one_framework, open_course
from autograder.grading.grade import grade_class
from autograder.grading.marks import enter_marks
from autograder.grading.outcomes import on_disk
from autograder.grading.pool import Cluster, Piece, may_use_gpu
from autograder.grading.release import not_released, release
from autograder.grading.sample_class import STUDENTS
from autograder.grading.workers import opened
from autograder.kernels import nursery

pytestmark = pytest.mark.slow


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
    elsewhere = tempfile.TemporaryDirectory(prefix="w-", ignore_cleanup_errors=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": elsewhere.name}
    own = {**os.environ, "TMPDIR": elsewhere.name}
    templates: set[int] = set()

    def look(*_: object) -> None:
        """Of the examiner's side; what is forked from one has its command line."""
        processes = psutil.Process(other.pid).children(recursive=True)
        made = {p.pid: p.ppid() for p in processes if command_line(p)[1:4] == ["-P", "-c", nursery.BOOTSTRAP]}
        templates.update(process for process, parent in made.items() if parent not in made)

    with (
        elsewhere,
        subprocess.Popen(scheduler, **quiet) as one,
        subprocess.Popen(worker, **quiet, env=own) as other,
    ):
        try:
            deadline = time.monotonic() + 60
            while not (tmp_path / "scheduler.json").exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            address = json.loads((tmp_path / "scheduler.json").read_text())["address"]
            grade_class(small, "vanilla", scheduler=address, on_student=look)
        finally:
            for process in (other, one):
                process.terminate()
                process.wait()
    assert contents(small.root) == expected
    assert len(templates) == 1, "both workers have their kernels from one template"


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


def test_few_pieces_start_no_workers():
    with opened() as pool:
        for number in range(2):
            pool.submit(Piece(f"few-{number}", _where, (b"x", 0.0)))
        processes = {json.loads(pool.next_done()[1])[0] for _ in range(2)}
    assert processes == {os.getpid()}


def test_everybody_of_the_sample_class_is_known():
    assert set(WANTED) <= {student.name for student in STUDENTS}
