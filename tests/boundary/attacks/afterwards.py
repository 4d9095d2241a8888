"""What must hold after a class with attackers in it has been graded; each function lists what does not."""

import re
from collections.abc import Iterator, Mapping, Sequence

import nbformat
from bs4 import BeautifulSoup

from attacks.canaries import Canaries
from attacks.corpus import Attack
from autograder.grading.course import Course

LEAKED = "LEAKED"
HIDDEN = re.compile(r"hidden-line-7c1f|unseen_(?:input|answer)|31416|71829|41423|3441425|94443|27488|27489")
"""The hidden test's own words, its numbers, and the numbers that it expects; spelt in any way."""

_ESCAPES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_RUNS = "unrolled_xss"
_AWAY = "unrolled-canary.example"


def admitted(course: Course, attack: Attack) -> list[str]:
    """Successes that the attack itself has told of, in what it has shown."""
    notebook = course.folder("autograded", attack.who, attack.assignment) / f"{attack.notebook}.ipynb"
    if not notebook.is_file():
        return []
    return [
        line
        for cell in nbformat.read(notebook, as_version=4).cells
        for output in cell.get("outputs", [])
        for line in _text(output).splitlines()
        if LEAKED in line
    ]


def _text(output: Mapping) -> str:
    parts = [output.get("text", ""), output.get("evalue", ""), "\n".join(output.get("traceback", []))]
    return "\n".join([*parts, str(output.get("data", {}).get("text/plain", ""))])


def told_in_feedback(course: Course, attack: Attack, canaries: Canaries) -> list[str]:
    """What an attacker's feedback must not have in it."""
    folder = course.folder("feedback", attack.who, attack.assignment)
    found = []
    for page in sorted(folder.rglob("*.html")):
        html = page.read_text(encoding="utf-8")
        found += [f"{page.name}: {what}" for what in _in_page(html, canaries)]
    return found


def _in_page(html: str, canaries: Canaries) -> Iterator[str]:
    soup = BeautifulSoup(html, "html.parser")
    shown = soup.get_text()
    # The attacker's own code, as it was handed in, may stand there: only what was shown by running it counts.
    told = "\n".join(tag.get_text() for tag in soup.select(".output_area, .jp-OutputArea, .jp-RenderedText, .output"))
    for text in {m.group() for m in HIDDEN.finditer(shown)}:
        yield f"words or numbers of a hidden test ({text})"
    for secret in (f"secret of {canaries.folders[0].parent}", f"environment {canaries.mark}"):
        if secret in told:
            yield "a canary's content"
    if escape := _ESCAPES.search(html.replace("\r\n", "\n")):
        yield f"a control character {escape.group()!r}"
    for tag in soup.find_all(True):
        if tag.name in ("iframe", "object", "embed", "base", "form", "meta") and _suspicious(str(tag)):
            yield f"<{tag.name}> of the attacker's"
        if tag.name in ("script", "style") and _suspicious(tag.get_text()):
            yield f"<{tag.name}> of the attacker's"
        for name, value in tag.attrs.items():
            text = " ".join(value) if isinstance(value, list) else str(value)
            if name.lower().startswith("on") and _suspicious(text):
                yield f"<{tag.name} {name}=…>"
            if name.lower() in (
                "href",
                "src",
                "srcset",
                "action",
                "formaction",
                "data",
                "xlink:href",
                "style",
                "srcdoc",
            ):
                plain = re.sub(r"\s", "", text).lower()
                if _AWAY in plain or (_RUNS in plain and not plain.startswith("#")) or plain.startswith("javascript:"):
                    yield f"<{tag.name} {name}={text[:40]!r}>"


def _suspicious(text: str) -> bool:
    return _RUNS in text or _AWAY in text


def gradebook_wrong(course: Course, assignment: str, students: Sequence[str], worth: Mapping[str, float]) -> list[str]:
    """What is wrong with the gradebook's shape: somebody missing, somebody new, other points than were set."""
    found = []
    with course.gradebook() as gradebook:
        known = {s.id for s in gradebook.students}
        found += [f"{s} is not in the gradebook" for s in students if s not in known]
        for submission in gradebook.assignment_submissions(assignment):
            if submission.student_id not in students:
                found.append(f"{submission.student_id!r} has a submission and handed nothing in")
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    most = worth.get(grade.name)
                    if most is not None and grade.max_score != most:
                        found.append(f"{grade.name} is worth {grade.max_score}, not {most}")
                    if grade.extra_credit or (grade.score or 0) > grade.max_score or grade.manual_score is not None:
                        found.append(f"{submission.student_id}: {grade.name} has {grade.score} points, or extra credit")
    return found
