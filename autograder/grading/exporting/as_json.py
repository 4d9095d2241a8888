"""Everything about an assignment's grades as one JSON document, for programs."""

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder.grading.csv_files import write_whole
from autograder.grading.exporting.result import Result

FORMAT = 1
"""Raised when a key changes its meaning or goes; new keys may come without."""


def document(assignment: str, results: Sequence[Result]) -> dict[str, Any]:
    """The whole result: for each student, notebook and question."""
    return {"format": FORMAT, "assignment": assignment, "students": [_student(result) for result in results]}


def write(assignment: str, results: Sequence[Result], path: Path) -> None:
    """Write the document. Raises CourseError when it cannot be written."""
    text = json.dumps(document(assignment, results), indent=1, ensure_ascii=False)
    write_whole(path, f"{text}\n".encode(errors="replace"))


def _student(result: Result) -> dict[str, Any]:
    late = result.late
    return {
        "student": result.student,
        "score": result.score,
        "max_score": result.total.max_score,
        "waiting_for_hand_marks": result.waiting,
        "reason": result.total.reason,
        "late": {
            "submitted": _moment(late.submitted),
            "due": _moment(late.due),
            "seconds": late.seconds,
            "penalty": late.penalty,
            "score_before": result.total.score,
        },
        "notebooks": [_notebook(result, name) for name in result.outcome.notebooks],
    }


def _notebook(result: Result, name: str) -> dict[str, Any]:
    outcome = result.outcome
    mistakes = outcome.mistakes.get(name, {})
    return {
        "notebook": name,
        "problem": outcome.problems.get(name, ""),
        "isolation": outcome.isolation.get(name, ""),
        "seconds": outcome.seconds.get(name),
        "repairs": outcome.repairs.get(name, []),
        "lost_kernels": outcome.lost.get(name, []),
        "questions": [
            {
                "question": row.question,
                "score": row.score,
                "max_score": row.max_score,
                "waiting_for_hand_mark": row.waiting_for_hand_mark,
                "reason": row.reason,
                "mistakes": mistakes.get(row.question, []),
            }
            for row in result.questions
            if row.notebook == name
        ],
    }


def _moment(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else f"{moment.isoformat()}Z"
