"""A sample course, graded once for all tests of this room; a class of eight, for tests that grade it themselves."""

import shutil

import pytest
from class_of_eight import ONE, WANTED, contents, simulated

from autograder.grading import work
from autograder.grading.course import open_course
from autograder.grading.feedback import write_feedback
from autograder.grading.grade import grade_class
from autograder.grading.marks import enter_marks
from autograder.grading.release import release
from autograder.grading.sample_class import make_course, make_submissions
from autograder.grading.table import question_rows


@pytest.fixture(scope="session")
def course(root):
    """The repository as a course."""
    return open_course(root)


@pytest.fixture(scope="session")
def empty_class(course, tmp_path_factory):
    """A course of its own with the assignment released and nothing handed in, which no test changes."""
    folder = tmp_path_factory.mktemp("class")
    make_course(folder, course)
    sample = open_course(folder)
    release(sample, "vanilla")
    return sample


@pytest.fixture(scope="session")
def sample_class(course, tmp_path_factory):
    """The sample class: handed in, graded, marked by hand, feedback written. (course, outcomes, rows)."""
    folder = tmp_path_factory.mktemp("class")
    make_course(folder, course)
    sample = open_course(folder)
    release(sample, "vanilla")
    make_submissions(sample)
    outcomes = grade_class(sample, "vanilla")
    enter_marks(sample, sample.root / "marks.csv")
    rows = question_rows(sample, outcomes)
    write_feedback(sample, outcomes, rows)
    return sample, outcomes, rows


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def expected(template, tmp_path_factory):
    """What the gradebook and the autograded notebooks hold when one process has graded everybody in turn."""
    folder = tmp_path_factory.mktemp("serial") / "class"
    shutil.copytree(template, folder)
    grade_class(open_course(folder), "vanilla", workers=0)
    return contents(folder)


@pytest.fixture
def many(small, monkeypatch):
    """A hundred and twenty students whose grading is simulated."""
    monkeypatch.setattr(work, "grade", simulated)
    source = small.root / "submitted" / "ada"
    for number in range(120 - len(WANTED)):
        shutil.copytree(source, small.root / "submitted" / f"s{number:03}")
    return small
