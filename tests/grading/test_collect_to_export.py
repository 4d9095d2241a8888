"""From a Moodle download to a worksheet that Moodle takes back: collected, graded, late by policy, exported."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from small_course import zipped

from autograder.cli import main
from autograder.grading.course import open_course
from autograder.grading.release import release
from autograder.grading.sample_class import STUDENTS, _solved, make_course, submission

pytestmark = pytest.mark.slow

POLICY = """
from autograder.grading.late import EnterDueDates, LatePenalties

c.AssignLatePenalties.plugin_class = LatePenalties
c.LatePenalties.percent = 10
c.LatePenalties.grace_minutes = 15
if EnterDueDates not in c.Autograde.autograde_preprocessors:
    c.Autograde.autograde_preprocessors.insert(0, EnterDueDates)
c.EnterDueDates.due = {"vanilla": "2026-11-20 12:00 Europe/Berlin"}
"""
WORKSHEET = (
    'Identifier,"Full name","ID number",Status,Grade,"Maximum Grade","Grade can be changed",'
    '"Last modified (submission)"\n'
    '"Participant 1","Ada Lovelace",s1,Submitted,,100.00,Yes,"Friday, 20 November 2026, 12:10 PM"\n'
    '"Participant 2","Emil Post",s2,Submitted,,100.00,Yes,"Saturday, 21 November 2026, 12:20 PM"\n'
    '"Participant 3","Nobody Here",s3,"No submission",,100.00,Yes,-\n'
)
MARKS = "student,assignment,notebook,question,points,comment\ns1,vanilla,numpy,two-steps-derivation,2,\n"


@pytest.fixture(scope="module")
def moodle_class(tmp_path_factory, root):
    """A course with a late policy, a download of two students, and Moodle's worksheet; collected and graded."""
    folder = tmp_path_factory.mktemp("moodle") / "course"
    make_course(folder, open_course(root))
    with (folder / "nbgrader_config.py").open("a") as file:
        file.write(POLICY)
    course = open_course(folder)
    release(course, "vanilla")
    solved = _solved(course, "numpy")
    work = {s.name: nbformat.writes(submission(s, solved)).encode() for s in STUDENTS if s.name in ("ada", "emil")}
    source = zipped(
        folder.parent / "download.zip",
        {
            "Ada Lovelace_1_assignsubmission_file_/numpy.ipynb": work["ada"],
            "Emil Post_2_assignsubmission_file_/numpy (1).ipynb": work["emil"],
        },
    )
    sheet = folder.parent / "worksheet.csv"
    sheet.write_text(WORKSHEET, encoding="utf-8-sig")
    (folder / "marks.csv").write_text(MARKS)
    where = ["--course", str(folder)]
    collected = ["--students", str(sheet), "--zone", "Europe/Berlin", "--assignment", "vanilla"]
    assert main(["collect", str(source), *collected, *where]) == 0
    assert main(["grade", "vanilla", *where]) == 0
    assert main(["marks", str(folder / "marks.csv"), *where]) == 0
    return course, sheet


def test_moodles_worksheet_comes_back_with_grades_and_penalties(moodle_class, tmp_path, capsys):
    """Ada is ten minutes late, within the grace; Emil a day and twenty minutes, so two days have begun."""
    course, sheet = moodle_class
    out = tmp_path / "grades.csv"
    arguments = ["export", "vanilla", "--format", "moodle", "--template", str(sheet), "-o", str(out)]
    assert main([*arguments, "--course", str(course.root)]) == 1
    told = capsys.readouterr()
    assert "hand marks that are still missing: 1 (students: 1); these students were exported" in told.err
    with out.open(encoding="utf-8", newline="") as file:
        grades = {row["ID number"]: row["Grade"] for row in csv.DictReader(file)}
    emil = 17 - 0.2 * 17  # of 20, without the mark by hand that he waits for
    assert grades == {"s1": "100", "s2": f"{emil * 5:g}", "s3": ""}


def test_json_says_what_the_penalty_is_for(moodle_class, tmp_path):
    course, _ = moodle_class
    out = tmp_path / "grades.json"
    assert main(["export", "vanilla", "--format", "json", "-o", str(out), "--course", str(course.root)]) == 1
    ada, emil = json.loads(out.read_text(encoding="utf-8"))["students"]
    assert (ada["student"], ada["score"], ada["late"]["seconds"], ada["late"]["penalty"]) == ("s1", 20, 600, 0)
    assert (emil["score"], emil["late"]["penalty"], emil["late"]["score_before"]) == (13.6, 3.4, 17)
    assert emil["late"]["due"] == "2026-11-20T11:00:00Z"
    wrong = next(q for q in emil["notebooks"][0]["questions"] if q["question"] == "step-backward")
    assert wrong["reason"]
    assert wrong["mistakes"]


def test_complete_only_leaves_out_who_waits(moodle_class, tmp_path, capsys):
    course, _ = moodle_class
    out = tmp_path / "grades.csv"
    assert main(["export", "vanilla", "--complete-only", "-o", str(out), "--course", str(course.root)]) == 1
    assert "these students were left out" in capsys.readouterr().err
    with out.open(encoding="utf-8-sig", newline="") as file:
        assert {row["student"] for row in csv.DictReader(file)} == {"s1"}


def test_stock_autograde_takes_off_the_same(moodle_class):
    course, _ = moodle_class
    database = f"sqlite:///{course.root}/stock.db"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    settings = [f"--CourseDirectory.db_url={database}", "--CourseDirectory.autograded_directory=stock-autograded"]
    for arguments in (["generate_assignment", "vanilla"], ["autograde", "vanilla", "--student", "s2", "--create"]):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *arguments, *settings],
            cwd=course.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
    with Gradebook(database, "sample") as stock, course.gradebook() as ours:
        there, here = (book.find_submission("vanilla", "s2") for book in (stock, ours))
        assert there.total_seconds_late == here.total_seconds_late > 86400
        assert there.late_submission_penalty == here.late_submission_penalty == 3.4
