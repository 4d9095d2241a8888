"""What a failed check said, taken apart again: from the words in a graded notebook, or from the reason kept of them.

The notebook's outputs are cleaned when it is graded. A message is taken only where it is the one that the reason is of,
so what stands in a notebook cannot become another diagnosis than the one that cost the points.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.grading.report.kinds import headline_of
from autograder.grading.report.questions import place_of

MAX_BYTES = 64 * 2**20
_VERDICT = re.compile(r"^ {4}(\S+) +([✓✗])  (.*)$")


@dataclass(frozen=True)
class Diagnosis:
    """A failed check. `verdicts` are (output, right, what is wrong with it); `see` and `address` where the book
    explains it; `credit` is the share of the points that the right outputs earned."""

    headline: str
    advice: str = ""
    verdicts: tuple[tuple[str, bool, str], ...] = ()
    problem: str = ""
    see: str = ""
    address: str = ""
    credit: float = 0.0


def diagnosis(
    check: str, reason: str, mistakes: Sequence[str] = (), facts: Mapping[str, Any] | None = None
) -> Diagnosis:
    """What went wrong in the check named `check`, from its reason, its known mistakes and the message, if there is one.

    `facts` are those of `messages`.
    """
    text = str(facts["text"]) if facts and facts.get("reason") == reason else ""
    advice = reason.partition(" → ")[2]
    blank = not text and " is not written yet" in reason
    place = next(filter(None, (place_of(check, name) for name in mistakes)), None) or place_of(check)
    verdicts, problem, see = _parts(text) if text else ((), "", "" if blank or place is None else place.text)
    known = place is not None and place.text == see
    return Diagnosis(
        headline=headline_of(reason),
        advice=advice,
        verdicts=verdicts,
        problem=problem,
        see=see,
        address=place.address if known and place is not None else "",
        credit=_credit(facts) if text else 0.0,
    )


def _credit(facts: Mapping[str, Any] | None) -> float:
    credit = (facts or {}).get("credit")
    return float(credit) if isinstance(credit, int | float) and 0 <= credit < 1 else 0.0


def _parts(text: str) -> tuple[tuple[tuple[str, bool, str], ...], str, str]:
    """Verdicts, the sizes of the problem, and the place in the book, from `CheckFailure.text`."""
    verdicts: list[tuple[str, bool, str]] = []
    problem = see = ""
    for line in text.splitlines()[1:]:
        if verdict := _VERDICT.match(line):
            verdicts.append((verdict[1], verdict[2] == "✓", verdict[3]))
        elif line.startswith("  Seen with "):
            problem = line.removeprefix("  Seen with ").rstrip(".")
        elif line.startswith("    See "):
            see = line.removeprefix("    See ").rstrip(".")
    return tuple(verdicts), problem, see


def messages(notebook: Path) -> dict[str, dict[str, Any]]:
    """The facts and the text of the failure in each test cell of a graded notebook; {} when it cannot be read."""
    try:
        if notebook.stat().st_size > MAX_BYTES:
            return {}
        return dict(_messages(json.loads(notebook.read_bytes())))
    except (OSError, ValueError, RecursionError, AttributeError, TypeError):
        return {}


def _messages(content: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for cell in content.get("cells", []):
        settings = cell.get("metadata", {}).get("nbgrader", {})
        if cell.get("cell_type") != "code" or not settings.get("grade") or settings.get("solution"):
            continue
        for output in cell.get("outputs", []):
            facts = output.get("metadata", {}).get("unrolled", {}).get("failed")
            text = output.get("data", {}).get("text/plain", "")
            if isinstance(facts, dict):
                yield str(settings.get("grade_id")), {**facts, "text": "".join(text)}
