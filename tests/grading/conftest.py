"""A sample course, graded once for all tests of this room."""

import pytest

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
