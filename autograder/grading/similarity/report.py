"""The whole way: a course's submissions in, pairs to look at out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.course import Course, CourseError
from autograder.grading.similarity.comparing import Compared, Given, compare
from autograder.grading.similarity.pages import Shown, shown
from autograder.grading.similarity.reading import Submission, given_code, given_texts, submissions
from autograder.grading.similarity.results import wrong_results


@dataclass(frozen=True)
class Similar:
    """Pairs of all notebooks, most telling first; what was compared, and what a teacher should know of it."""

    pairs: tuple[Shown, ...]
    notebooks: tuple[Compared, ...]
    unreadable: tuple[str, ...]
    graded: bool

    @property
    def notes(self) -> list[str]:
        """What could not be looked at, in sentences."""
        found = [f"Left out, because it cannot be read: {reason}." for reason in self.unreadable[:20]]
        if len(self.unreadable) > 20:
            found.append(f"{len(self.unreadable) - 20} more cannot be read.")
        found += [note for notebook in self.notebooks for note in notebook.notes]
        if not self.graded:
            found.append("Nothing has been graded yet, so wrong results were not compared.")
        return found


def similar(
    course: Course,
    assignment: str,
    *,
    notebook: str | None = None,
    known: Sequence[Path] = (),
    least: float | None = None,
    most: int = 200,
    on_student: Callable[[str], None] = lambda _student: None,
) -> Similar:
    """Compare everybody's submissions of an assignment, each notebook by itself, or only `notebook`.

    `least` is the share of their own code from which on a pair is listed, by default one that depends on the class.
    `known` are files and folders with code that anybody may use. `on_student` is called after each notebook read.
    Raises CourseError for what is not there.
    """
    names = course.notebooks(assignment)
    if notebook is not None and notebook not in names:
        raise CourseError(f"{assignment} has no notebook {notebook!r}; there are: {', '.join(names)}")
    for path in known:
        if not path.exists():
            raise CourseError(f"{path}: there is no such file or folder; expected code that anybody may use")
    given = Given.of(given_code(course, assignment, known))
    found: list[Shown] = []
    compared, unreadable, graded = [], [], False
    for name in [notebook] if notebook is not None else names:
        handed_in: list[Submission] = []
        for student, one, reason in submissions(course, assignment, name):
            handed_in += [one] if one is not None else []
            unreadable += [reason] if reason else []
            on_student(student)
        wrong = wrong_results(course, assignment, name)
        graded = graded or bool(wrong)
        texts = given_texts(course, assignment, name)
        compared.append(compare(handed_in, given, wrong=wrong, given_texts=texts, least=least, most=most))
        found += shown(compared[-1], handed_in)
    found.sort(key=lambda item: item.pair.order)
    return Similar(tuple(found), tuple(compared), tuple(unreadable), graded)
