"""Hostile submissions, graded as one class with honest students: nothing is earned by a trick, nothing else is touched.

The corpus is in attacks/, a module a theme. Every attack is graded in the best tier; those that meet the isolation also
in the others. A machine that does not give a tier leaves its tests out, and says so.
"""

import shutil

import pytest
from attacks import ATTACKS, THEMES, Attack
from attacks.afterwards import admitted, gradebook_wrong, told_in_feedback
from attacks.answers import POINTS
from attacks.class_of_attackers import ASSIGNMENTS, HONEST, Graded, grade, points
from attacks.corpus import TIERS, gradable

from autograder.boundary.submissions import is_student
from autograder.grading.course import Course

ISOLATED = {"files", "processes", "resources", "network", "kernel and hooks", "stolen values", "sly answers"}
"""The themes that other tiers than the best have to stop by other means."""

pytestmark = pytest.mark.slow

SAMPLE = "sample"
"""Every fifth attack in the best tier, for `make test`; all of them in every tier take many minutes."""


def tier_of(group: str) -> str:
    """The tier in which a group of attacks is graded: a group is a tier, or the sample."""
    return TIERS[0] if group == SAMPLE else group


def corpus(group: str) -> list[Attack]:
    """The attacks that are graded together."""
    tier = tier_of(group)
    attacks = [a for a in gradable(tier) if tier == TIERS[0] or a.theme in ISOLATED]
    return attacks[::5] if group == SAMPLE else attacks


def marked(group: str) -> list[pytest.MarkDecorator]:
    return [] if group == SAMPLE else [pytest.mark.long]


GROUPS = [pytest.param(group, id=group, marks=marked(group)) for group in (SAMPLE, *TIERS)]
PAIRS = [pytest.param(g, a, id=f"{g}-{a.name}", marks=marked(g)) for g in (SAMPLE, *TIERS) for a in corpus(g)]


@pytest.fixture(scope="module")
def graded_in(tmp_path_factory):
    """The class graded in a tier, once for all tests."""
    done: dict[str, Graded | str] = {}

    def graded(group: str) -> Graded:
        if group not in done:
            done[group] = grade(tier_of(group), corpus(group), tmp_path_factory.mktemp(group) / "course")
        found = done[group]
        if isinstance(found, str):
            pytest.skip(found)
        return found

    yield graded
    for found in done.values():
        if isinstance(found, Graded):
            found.canaries.remove()
            shutil.rmtree(found.course.root, ignore_errors=True)


@pytest.mark.parametrize(("group", "attack"), PAIRS)
def test_an_attack_earns_what_it_deserves(graded_in, group, attack):
    graded = graded_in(group)
    got = points(graded.course, attack.assignment, attack.who)
    assert bool(got) is not attack.ungraded, f"{attack.name}: {got}"
    undeserved = {
        q: n for q, n in got.items() if q not in attack.spared and abs((n or 0) - attack.earns.get(q, 0)) > 1e-9
    }
    assert not undeserved, f"{attack.tries}: {undeserved}, deserved {dict(attack.earns)}"


@pytest.mark.parametrize(("group", "attack"), PAIRS)
def test_an_attack_reaches_nothing(graded_in, group, attack):
    graded = graded_in(group)
    assert admitted(graded.course, attack) == []


@pytest.mark.parametrize(("group", "attack"), PAIRS)
def test_feedback_on_an_attack_tells_nothing(graded_in, group, attack):
    graded = graded_in(group)
    folder = graded.course.folder("feedback", attack.who, attack.assignment)
    assert attack.ungraded or list(folder.rglob("*.html")), f"no feedback for {attack.who}"
    assert told_in_feedback(graded.course, attack, graded.canaries) == []


@pytest.mark.parametrize("group", GROUPS)
def test_everybody_else_gets_what_they_would_have_got(graded_in, group):
    graded = graded_in(group)
    left_out = not all(is_student(attack.who) for attack in corpus(group))  # a folder that wants attention
    for what, ended in graded.ended.items():
        attention = what in ASSIGNMENTS and "\nunrolled: " in ended.stdout  # what a teacher is told on the way
        assert ended.returncode == int(attention), f"{what}: {ended.stdout[-2000:]}"
        assert attention or not left_out or what not in ASSIGNMENTS
    for assignment in set(ASSIGNMENTS) & set(graded.ended):
        for student in HONEST:
            got = points(graded.course, assignment, student)
            assert got, f"{student} was not graded in {assignment}"
            lost = [q for q, n in got.items() if n is None or n < _worth(graded.course, assignment)[q]]
            assert not lost, f"{student} has lost {lost} in {assignment} to an attacker"


@pytest.mark.parametrize("group", GROUPS)
def test_the_gradebook_has_everybody_and_nobody_else(graded_in, group):
    graded = graded_in(group)
    for assignment in ASSIGNMENTS:
        if assignment not in graded.ended:
            continue
        students = [*HONEST, *(a.who for a in corpus(group) if not a.ungraded)]
        assert gradebook_wrong(graded.course, assignment, students, POINTS[assignment]) == []


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_outside_was_read_or_written(graded_in, group):
    graded = graded_in(group)
    assert graded.damage == []
    assert graded.files == []


@pytest.mark.parametrize("group", GROUPS)
def test_no_process_is_left(graded_in, group):
    assert graded_in(group).left == []


def test_the_corpus_covers_every_theme():
    assert len({a.theme for a in ATTACKS}) == len(THEMES)
    assert len({a.who for a in ATTACKS}) == len(ATTACKS) >= 60
    assert sum(bool(a.earns) for a in ATTACKS) >= 40
    for attack in ATTACKS:
        assert set(attack.earns) <= set(POINTS[attack.assignment]), attack.name
        assert set(attack.not_stopped) <= set(TIERS), attack.name


def _worth(course: Course, assignment: str) -> dict[str, float]:
    with course.gradebook() as gradebook:
        notebook = gradebook.find_notebook(ASSIGNMENTS[assignment], assignment)
        return {cell.name: cell.max_score for cell in notebook.grade_cells}
