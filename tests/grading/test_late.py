"""Late penalties: the rule, the dates, and that nbgrader's pipeline and ours take off the same."""

import datetime
import math
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from autograder.grading.course import Course, CourseError
from autograder.grading.late import (
    EnterDueDates,
    LatePenalties,
    Policy,
    enter_penalties,
    penalty,
    point_in_time,
    read_extensions,
)

HOUR, DAY = 3600, 86400


@pytest.mark.parametrize(
    ("policy", "seconds", "expected"),
    [
        (Policy(percent=10), 0, 0),
        (Policy(percent=10), -DAY, 0),
        (Policy(percent=10), 1, 2),
        (Policy(percent=10), DAY, 2),
        (Policy(percent=10), DAY + 1, 4),
        (Policy(percent=10), 30 * DAY, 20),
        (Policy(percent=10, most=50), 30 * DAY, 10),
        (Policy(percent=10, grace_minutes=15), 15 * 60, 0),
        (Policy(percent=10, grace_minutes=15), 15 * 60 + 1, 2),
        (Policy(percent=1, per="hour"), 3 * HOUR - 1, 0.6),
        (Policy(points=1.5), 2 * DAY, 3),
        (Policy(points=1.5, most=4), 10 * DAY, 4),
        (Policy(points=1.5), 100 * DAY, 20),
        (Policy(percent=10, zero_after_days=3), 3 * DAY, 6),
        (Policy(percent=10, zero_after_days=3), 3 * DAY + 1, 20),
        (Policy(zero_after_days=0), 1, 20),
        (Policy(), 365 * DAY, 0),
        (Policy(percent=10), math.inf, 20),
        (Policy(percent=10), math.nan, 0),
    ],
)
def test_what_twenty_points_lose(policy, seconds, expected):
    assert penalty(policy, 20, seconds) == pytest.approx(expected)


amounts = st.floats(0, 1e6, allow_nan=False)
policies = st.builds(
    lambda percentage, points, use, **rest: Policy(**({"percent": percentage} if use else {"points": points}), **rest),
    percentage=st.floats(0, 100),
    points=amounts,
    use=st.booleans(),
    per=st.sampled_from(["hour", "day"]),
    grace_minutes=amounts,
    most=amounts | st.just(math.inf),
    zero_after_days=amounts | st.just(math.inf),
)
lateness = st.floats(-1e9, 1e9) | st.floats(-1e5, 1e5) | st.sampled_from([math.inf, -math.inf, DAY, DAY + 1e-9])


@given(policies, st.floats(-10, 1e4), lateness)
def test_never_negative_and_never_above_the_score(policy, score, seconds):
    assert 0 <= penalty(policy, score, seconds) <= max(score, 0)


@given(policies, amounts, lateness, lateness)
def test_later_never_costs_less(policy, score, one, other):
    earlier, later = sorted((one, other))
    assert penalty(policy, score, earlier) <= penalty(policy, score, later)


@given(policies, amounts, st.floats(max_value=0))
def test_in_time_costs_nothing(policy, score, seconds):
    assert penalty(policy, score, seconds) == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"percent": -1}, "percent is -1"),
        ({"percent": 101}, "at most 100 percent"),
        ({"percent": 10, "points": 1}, "both set"),
        ({"grace_minutes": math.nan}, "grace_minutes is nan"),
        ({"per": "week"}, "expected 'day' or 'hour'"),
    ],
)
def test_a_policy_that_makes_no_sense_is_told(settings, said):
    with pytest.raises(CourseError, match=said):
        Policy(**settings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-30 23:59", "2026-11-30 23:59"),
        ("2026-11-30 23:59 UTC", "2026-11-30 23:59"),
        ("2026-11-30 23:59 Europe/Berlin", "2026-11-30 22:59"),
        ("2026-07-01 12:00 Europe/Berlin", "2026-07-01 10:00"),
        ("2026-11-30T23:59:00-05:00", "2026-12-01 04:59"),
        (" 2026-11-30T23:59Z ", "2026-11-30 23:59"),
    ],
)
def test_times_are_read_with_their_zone(text, expected):
    assert point_in_time(text, "here") == datetime.datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "text", ["", "2026-11-30", "soon", "2026-11-30 23:59 Berlin/Mitte", "30.11.2026 23:59", "2026-11-30 23:59 ../x"]
)
def test_what_is_no_time_is_one_line(text):
    with pytest.raises(CourseError, match=r"^extensions, row 2: ") as caught:
        point_in_time(text, "extensions, row 2")
    assert "\n" not in str(caught.value)


def test_extensions_are_read_and_a_wrong_line_is_named(tmp_path):
    path = tmp_path / "extensions.csv"
    path.write_text("student;assignment;due\nada;vanilla;2026-12-01 12:00\n", encoding="utf-8-sig")
    assert read_extensions(path) == {("ada", "vanilla"): datetime.datetime(2026, 12, 1, 12)}
    path.write_text("student,assignment,due\nada,vanilla,2026-12-01 12:00\nada,vanilla,2026-12-02 12:00\n")
    with pytest.raises(CourseError, match="row 3: ada has an extension"):
        read_extensions(path)
    path.write_text("student,due\nada,2026-12-01 12:00\n")
    with pytest.raises(CourseError, match="the column assignment is missing; there are: student, due"):
        read_extensions(path)
    with pytest.raises(CourseError, match="cannot be read"):
        read_extensions(tmp_path / "nowhere.csv")


DUE = "2026-11-30 12:00"
HANDED_IN = datetime.datetime(2026, 12, 1, 12, 30)  # a day and half an hour late: two days have begun


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A gradebook with two submissions of 10 points, too late by a day and a half hour: made once, copied for each."""
    path = tmp_path_factory.mktemp("late") / "gradebook.db"
    with Gradebook(f"sqlite:///{path}") as gradebook:
        gradebook.add_assignment("vanilla")
        gradebook.add_notebook("numpy", "vanilla")
        gradebook.add_grade_cell("step", "numpy", "vanilla", max_score=10, cell_type="code")
        for student in ("ada", "boris"):
            gradebook.add_student(student)
            gradebook.add_submission("vanilla", student, timestamp=HANDED_IN)
            gradebook.find_grade("step", "numpy", "vanilla", student).auto_score = 10
        gradebook.db.commit()
    return path


@pytest.fixture
def late_course(tmp_path, database):
    """A course of its own with that gradebook."""
    shutil.copy(database, tmp_path / "gradebook.db")
    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    config.CourseDirectory.db_url = f"sqlite:///{tmp_path}/gradebook.db"
    config.AssignLatePenalties.plugin_class = LatePenalties
    config.LatePenalties.percent = 10.0
    config.EnterDueDates.due = {"vanilla": DUE}
    config.EnterDueDates.extensions_file = str(tmp_path / "extensions.csv")
    (tmp_path / "extensions.csv").write_text("student,assignment,due\n")
    return Course(tmp_path, config)


def through_nbgrader(course, student):
    """What nbgrader's own step leaves in the gradebook."""
    resources = {
        "nbgrader": {
            "notebook": "numpy",
            "assignment": "vanilla",
            "student": student,
            "db_url": course.config.CourseDirectory.db_url,
        }
    }
    for step in (EnterDueDates, AssignLatePenalties):
        step(config=course.config).preprocess(new_notebook(), resources)
    return in_gradebook(course, student)


def in_gradebook(course, student):
    with course.gradebook() as gradebook:
        return gradebook.find_submission("vanilla", student).late_submission_penalty


def test_nbgraders_pipeline_and_ours_take_off_the_same(late_course):
    assert through_nbgrader(late_course, "ada") == 2
    assert not in_gradebook(late_course, "boris")
    assert enter_penalties(late_course, "vanilla") == {"ada": 2, "boris": 2}
    assert in_gradebook(late_course, "boris") == 2


def test_an_extension_counts_in_both_and_is_taken_back_with_its_row(late_course):
    file = late_course.root / "extensions.csv"
    file.write_text("student,assignment,due\nada,vanilla,2026-12-01 12:15\nboris,vanilla,2026-12-01 13:00\n")
    assert through_nbgrader(late_course, "ada") == 1
    assert not through_nbgrader(late_course, "boris")
    assert enter_penalties(late_course, "vanilla") == {"ada": 1}
    file.write_text("student,assignment,due\n")
    assert enter_penalties(late_course, "vanilla") == {"ada": 2, "boris": 2}


def test_a_mark_given_later_changes_the_penalty(late_course):
    enter_penalties(late_course, "vanilla")
    with late_course.gradebook() as gradebook:
        gradebook.find_grade("step", "numpy", "vanilla", "ada").manual_score = 5
        gradebook.db.commit()
    assert enter_penalties(late_course, "vanilla") == {"ada": 1, "boris": 2}
    assert in_gradebook(late_course, "ada") == 1


def test_without_a_plugin_nothing_is_changed(late_course):
    enter_penalties(late_course, "vanilla")
    del late_course.config.AssignLatePenalties["plugin_class"]
    assert enter_penalties(late_course, "vanilla") == {}
    assert in_gradebook(late_course, "ada") == 2


def test_an_assignment_that_is_not_in_the_gradebook_is_no_error(late_course):
    assert enter_penalties(late_course, "lstm") == {}


def test_a_gradebook_that_cannot_be_written_is_one_line(late_course, monkeypatch):
    import sqlite3

    from sqlalchemy.exc import OperationalError

    def locked(self, *_arguments):
        raise OperationalError("UPDATE", {}, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr(EnterDueDates, "enter", locked)
    with pytest.raises(CourseError, match=r"the gradebook .* cannot be (used|written) \(database is locked\)"):
        enter_penalties(late_course, "vanilla")
