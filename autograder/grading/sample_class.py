"""A sample class, made from the released notebooks: what `make course` grades and what the tests know by heart.

Each student is an edit of the solutions, or something that is hardly a notebook at all, with the questions
that ought to lose their points.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.grading.course import Course
from autograder.grading.marks import COLUMNS

ASSIGNMENT = "vanilla"
FRAMEWORKS = ("numpy", "pytorch", "tensorflow")


@dataclass(frozen=True)
class Edit:
    """One change of a solution: in the answer to `question`, `replace` becomes `by`, exactly once."""

    question: str
    replace: str
    by: str


@dataclass(frozen=True)
class SampleStudent:
    """A student: which notebook they hand in, how it departs from the solution, and what that costs.

    `loses` names the questions that must get no points, or what `keeps` says where a part of the outputs is right;
    every other one must get all. `raw` replaces the notebook's bytes; `blank` hands in the released notebook untouched;
    `framework` "" hands in no notebook.
    """

    name: str
    story: str
    framework: str = "numpy"
    edits: Sequence[Edit] = ()
    loses: tuple[str, ...] = ()
    keeps: Mapping[str, float] = field(default_factory=dict)
    blank: bool = False
    raw: bytes | None = None
    hand_mark: float = 2.0


STUDENTS = (
    SampleStudent("ada", "everything right, NumPy"),
    SampleStudent("boris", "everything right, PyTorch", "pytorch"),
    SampleStudent("chen", "everything right, TensorFlow", "tensorflow"),
    SampleStudent("dara", "handed in the blank notebook", blank=True),
    SampleStudent(
        "emil",
        "dU built with the state that came out of the step",
        edits=[Edit("step-backward", "dU = h_prev.T @ da", "dU = h.T @ da")],
        loses=("step-backward",),
        keeps={"step-backward": 3.0},
        hand_mark=1.0,
    ),
    SampleStudent(
        "fatima",
        "the gradient stops at masked steps",
        edits=[Edit("sequence-backward", "dh = da @ U.T + (1 - m) * dh", "dh = da @ U.T")],
        loses=("sequence-backward",),
    ),
    SampleStudent(
        "goran",
        "averages the loss over padded steps too",
        edits=[Edit("softmax-loss", "count = mask.sum()", "count = mask.size")],
        loses=("softmax-loss",),
    ),
    SampleStudent(
        "hana",
        "forgets the slope of tanh, and ignores the mask (PyTorch)",
        "pytorch",
        edits=[
            Edit("step-backward", "da = dh * (1 - h**2)", "da = dh"),
            Edit(
                "sequence-forward",
                "h = m * torch.tanh(from_input[t] + h @ self.U) + (1 - m) * h",
                "h = torch.tanh(from_input[t] + h @ self.U)",
            ),
        ],
        loses=("step-backward", "sequence-forward"),
        hand_mark=0.0,
    ),
    SampleStudent(
        "ivo",
        "sends the gradient back along U instead of its transpose (TensorFlow)",
        "tensorflow",
        edits=[Edit("sequence-backward", "da @ tf.transpose(U)", "da @ U")],
        loses=("sequence-backward",),
    ),
    SampleStudent(
        "jun",
        "an exception in the first function",
        edits=[Edit("step-forward", "np.tanh(x @ W", "np.tanh(x @ W_input")],
        loses=("step-forward",),
    ),
    SampleStudent(
        "kofi",
        "an endless loop in the backward pass",
        edits=[
            Edit(
                "sequence-backward",
                "for t in reversed(range(len(X))):",
                "t = len(X) - 1\n    while t >= 0:",
            )
        ],
        loses=("sequence-backward",),
    ),
    SampleStudent("lena", "forgot to hand in the notebook", framework=""),
    SampleStudent("mats", "handed in something that is not JSON", raw=b"# my notebook\nprint('hello')\n"),
    SampleStudent(
        "nia",
        "wraps PyTorch's own recurrent layer",
        "pytorch",
        edits=[
            Edit(
                "sequence-forward",
                "self.b = nn.Parameter(torch.zeros(H))",
                "self.b = nn.Parameter(torch.zeros(H))\n        self.layer = nn.RNN(D, H)",
            )
        ],
        loses=("sequence-forward",),
    ),
    SampleStudent(
        "omar",
        "changes an argument in place",
        edits=[Edit("step-backward", "da = dh * (1 - h**2)", "dh *= 1 - h**2\n    da = dh")],
        loses=("step-backward",),
    ),
    SampleStudent(
        "pia",
        "everything right, with prints and warnings all over",
        edits=[
            Edit(
                "step-forward",
                "return np.tanh",
                "import warnings\n\n    warnings.warn('a harmless warning')\n"
                "    print('\\n'.join(['still here'] * 1000), file=sys.stderr)\n    return np.tanh",
            )
        ],
    ),
)

HAND_QUESTION = "two-steps-derivation"
HAND_ANSWER = (
    "$h_1$ depends on $U$ and $h_2$ depends on $U$ twice: directly and through $h_1$. So\n"
    "$\\delta h_1 = G_1 + \\delta a_2 U^{\\top}$ and $\\delta U = h_0^{\\top} \\delta a_1 + h_1^{\\top} \\delta a_2$.\n"
    "With two separate networks the term from $C_2$ in $\\delta a_1$ would be missing."
)


@dataclass(frozen=True)
class _Solved:
    """A framework's released notebook and the solution of each answer cell by its grade_id."""

    released: NotebookNode
    answers: Mapping[str, str] = field(default_factory=dict)


def make_submissions(course: Course, students: Sequence[SampleStudent] = STUDENTS) -> Path:
    """Write everybody's submission into the course's submitted/ folder, and marks.csv beside it; that folder.

    The assignment must have been released. Files that are there already with the same content are left alone.
    Raises ValueError when an edit does not apply exactly once.
    """
    solved = {f: _solved(course, f) for f in FRAMEWORKS}
    for student in students:
        folder = course.folder("submitted", student.name, ASSIGNMENT)
        folder.mkdir(parents=True, exist_ok=True)
        if not student.framework:
            _write(folder / "notes.txt", b"I will upload the notebook tomorrow.\n")
            continue
        data = student.raw if student.raw is not None else _bytes(submission(student, solved[student.framework]))
        _write(folder / f"{student.framework}.ipynb", data)
    _write_marks(course.root / "marks.csv", students)
    return course.folder("submitted")


def submission(student: SampleStudent, solved: _Solved) -> NotebookNode:
    """The notebook that one sample student hands in."""
    notebook = nbformat.from_dict(solved.released)
    if student.blank:
        return notebook
    left = {edit.question: [e for e in student.edits if e.question == edit.question] for edit in student.edits}
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if not settings.get("solution"):
            continue
        grade_id = settings["grade_id"]
        if grade_id == HAND_QUESTION:
            cell.source = HAND_ANSWER
            continue
        cell.source = solved.answers[grade_id]
        for edit in left.pop(grade_id.removesuffix("-answer"), []):
            if cell.source.count(edit.replace) != 1:
                raise ValueError(f"{student.name}: {edit.replace!r} must stand exactly once in {grade_id}")
            cell.source = cell.source.replace(edit.replace, edit.by)
    if left:
        raise ValueError(f"{student.name}: no such question: {', '.join(left)}")
    return notebook


def _solved(course: Course, framework: str) -> _Solved:
    released = course.folder("release", ".", ASSIGNMENT) / f"{framework}.ipynb"
    source = course.folder("source", ".", ASSIGNMENT) / f"{framework}.ipynb"
    answers = {
        cell.metadata["nbgrader"]["grade_id"]: _without_markers(cell.source)
        for cell in nbformat.read(source, as_version=4).cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    return _Solved(nbformat.read(released, as_version=4), answers)


def _without_markers(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if "### BEGIN" not in line and "### END" not in line)


def _bytes(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).encode()


def _write(path: Path, data: bytes) -> None:
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)


def _write_marks(path: Path, students: Sequence[SampleStudent]) -> None:
    """The marks a teacher gave for the written derivations, as a spreadsheet would hold them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for s in students:
            if s.framework and not s.blank and s.raw is None:
                comment = "" if s.hand_mark == 2 else "See the rubric: say why h_1 may not be held constant."
                writer.writerow([s.name, ASSIGNMENT, s.framework, HAND_QUESTION, f"{s.hand_mark:g}", comment])


CONFIG = """\
# The sample course: the settings of the course it belongs to, with folders and a gradebook of its own.
from pathlib import Path

load_subconfig("nbgrader_config.py", path={course!r})  # noqa: F821
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "sample"
c.CourseDirectory.release_directory = "release"
"""


def make_course(folder: Path, course: Course) -> None:
    """Make `folder` a course of its own that shares the sources of `course`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "nbgrader_config.py", CONFIG.format(course=str(course.root)).encode())
