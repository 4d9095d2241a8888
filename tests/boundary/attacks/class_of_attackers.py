"""All attackers and three honest students as one class: a course folder, everybody's submission, one grading run."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from attacks.canaries import Canaries, orphans_come_to_us
from attacks.corpus import Attack, everything_wrong, fill
from autograder.grading.course import Course, open_course
from autograder.grading.release import release
from autograder.grading.sources import write_notebooks

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
HONEST = ("aaron", "mia", "zoe")
"""Students with everything right: at the beginning, in the middle and at the end of the class."""

CONFIG = HERE / "course" / "nbgrader_config.py"
SECONDS = 2400
"""By the clock, for grading one assignment's class."""

ASSIGNMENTS = {"tricks": "numpy", "vanilla": "numpy", "lstm": "pytorch"}


def make_course(folder: Path, config: str) -> Course:
    """A course with the three assignments, released. `config` is its nbgrader_config.py, with {repository} in it."""
    shutil.copytree(HERE / "course" / "source", folder / "source")
    for assignment, notebook in ASSIGNMENTS.items():
        if assignment != "tricks":
            (folder / "source" / assignment).mkdir()
            origin = REPOSITORY / "solutions" / assignment / f"{notebook}.py"
            shutil.copy(origin, folder / "source" / assignment)
    write_notebooks(folder / "source")
    (folder / "nbgrader_config.py").write_text(config.replace("{repository}", str(REPOSITORY)), encoding="utf-8")
    course = open_course(folder)
    for assignment in ASSIGNMENTS:
        release(course, assignment)
    return course


def hand_in_honest(course: Course, assignment: str) -> None:
    """Everything right, from the honest students."""
    name = ASSIGNMENTS[assignment]
    notebook = _released(course, assignment)
    fill(notebook, solutions(course, assignment))
    for student in HONEST:
        folder = course.folder("submitted", student, assignment)
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / f"{name}.ipynb")


def hand_in(course: Course, attack: Attack, canaries: Canaries) -> None:
    """One attacker's submission."""
    folder = course.folder("submitted", attack.who, attack.assignment)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    neighbour = course.folder("submitted", HONEST[0], attack.assignment) / f"{attack.notebook}.ipynb"
    source = course.folder("source", ".", attack.assignment) / f"{attack.notebook}.ipynb"
    known = canaries.known(attack.name, neighbour, source)
    right = {q: s for q, s in solutions(course, attack.assignment).items() if q in attack.honest}
    submission = attack.build(everything_wrong(_released(course, attack.assignment), attack.assignment, right), known)
    if callable(submission):
        submission(folder)
    else:
        data = submission if isinstance(submission, bytes) else nbformat.writes(submission).encode()
        (folder / f"{attack.notebook}.ipynb").write_bytes(data)


def solutions(course: Course, assignment: str) -> Mapping[str, str]:
    """The teacher's own answer to each question, by name."""
    path = course.folder("source", ".", assignment) / f"{ASSIGNMENTS[assignment]}.ipynb"
    answers = {}
    for cell in nbformat.read(path, as_version=4).cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("solution") and cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if not line.lstrip().startswith("### ")]
            answers[settings["grade_id"].removesuffix("-answer")] = "\n".join(lines)
    return answers


def _released(course: Course, assignment: str) -> NotebookNode:
    return nbformat.read(course.folder("release", ".", assignment) / f"{ASSIGNMENTS[assignment]}.ipynb", as_version=4)


@dataclass
class Graded:
    """A class after grading: what was run and said, the processes left, what was reached, the files that are new."""

    course: Course
    canaries: Canaries
    ended: dict[str, subprocess.CompletedProcess]
    left: list[str]
    damage: list[str]
    files: list[str]


def grade(tier: str, attacks: Sequence[Attack], folder: Path) -> Graded | str:
    """The class of everybody honest and these attackers, graded in a tier; or why this machine cannot."""
    course = make_course(folder, CONFIG.read_text(encoding="utf-8"))
    canaries = Canaries(course.root, REPOSITORY)
    before = set(files_left(course))
    ended = {}
    with orphans_come_to_us() as left:
        for assignment in ASSIGNMENTS:
            mine = [a for a in attacks if a.assignment == assignment]
            if not mine:
                continue
            hand_in_honest(course, assignment)
            for attack in mine:
                hand_in(course, attack, canaries)
            command = ["autograder.cli", "grade", assignment, "--isolation", tier]
            ended[assignment] = run(course, command, canaries, SECONDS)
            if ended[assignment].returncode == 2 and "isolation" in ended[assignment].stdout:
                canaries.remove()
                return f"this machine does not give the tier {tier}: {ended[assignment].stdout.splitlines()[-1]}"
            ended[f"feedback on {assignment}"] = run(
                course, ["autograder.cli", "feedback", assignment], canaries, SECONDS
            )
    left += canaries.processes_left()
    return Graded(course, canaries, ended, left, canaries.damage(), sorted(set(files_left(course)) - before))


def files_left(course: Course) -> list[str]:
    """Files by names that attacks give, in places where files outlive a process."""
    places = [Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path("/run/lock"), Path.home(), course.root]
    names = ("unrolled-accomplice", "left-by-an-attack", "unrolled-node", "fill-atk-*", "step.py")
    return sorted(str(p) for place in places for name in names for p in place.glob(name))


def run(course: Course, command: Sequence[str], canaries: Canaries, seconds: float) -> subprocess.CompletedProcess:
    """A command in the course's folder, in a session of its own, with the canaries' environment.

    Raises subprocess.TimeoutExpired; the session is killed then.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=course.root,
        env=canaries.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return subprocess.CompletedProcess(command, process.returncode, output.decode("utf-8", "replace"))


def points(course: Course, assignment: str, student: str) -> dict[str, float]:
    """The points for each question that is marked by the machine, as the gradebook has them; {} without an entry."""
    from nbgrader.api import MissingEntry

    with course.gradebook() as gradebook:
        try:
            graded = gradebook.find_submission_notebook(ASSIGNMENTS[assignment], assignment, student)
        except MissingEntry:
            return {}
        return {g.name: g.score for g in graded.grades if g.name in _machine_marked(course, assignment)}


def _machine_marked(course: Course, assignment: str) -> set[str]:
    return {
        cell.metadata["nbgrader"]["grade_id"]
        for cell in _released(course, assignment).cells
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code"
    }
