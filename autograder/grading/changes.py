"""What regrading changed: from what to what, for whom, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autograder.grading.keys import changed
from autograder.grading.outcomes import Outcome


@dataclass(frozen=True)
class Change:
    """One question's points before and now; None stands for a question that waits for a person, or was not there."""

    student: str
    notebook: str
    question: str
    before: float | None
    now: float | None
    why: str
    reason: str = ""

    def told(self) -> str:
        """One line."""
        reason = f"; {self.reason}" if self.reason else ""
        where = f"{self.student}, {self.notebook}, {self.question}"
        return f"{where}: {_points(self.before)} → {_points(self.now)} ({self.why}{reason})"


def changes(
    before: Outcome,
    now: Outcome,
    old: Mapping[str, Mapping[str, float | None]],
    new: Mapping[str, Mapping[str, float | None]],
) -> Iterator[Change]:
    """The questions whose automatic points are not what they were; `old` and `new` are points by notebook."""
    for name in sorted({*before.notebooks, *now.notebooks}):
        was = old.get(name, {}) if name in before.notebooks else {}
        are = new.get(name, {})
        why = changed(before.keys.get(name, {}), now.keys.get(name, {}))
        if name not in now.notebooks:
            why = "the notebook is not handed in any more"
        elif name not in before.notebooks:
            why = "the notebook was not handed in before"
        for question in sorted(set(was) | set(are)):
            if was.get(question) != are.get(question):
                reason = now.reasons.get(name, {}).get(question, "").split(" → ")[0]
                yield Change(
                    now.student, name, question, was.get(question), are.get(question), why or "graded again", reason
                )


def _points(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
