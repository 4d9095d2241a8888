"""Content keys: what a grade depends on, as hashes. Equal keys, equal grades; so a result is kept under its key."""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import autograder
from autograder.grading.paper import Paper
from autograder.grading.work import Handed, hash_of

PACKAGES = {
    "numpy": ("numpy", "sympy", "ipykernel", "nbgrader"),
    "pytorch": ("torch",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "keras"),
}
"""What grades depend on besides this course's own code; those of "numpy" always."""

_NOT_USED = ("outputs", "execution_count", "metadata")
_ORDINARY = 4 * 2**20

PARTS = ("answers", "tests", "environment", "secret", "isolation")
_WORDS = {
    "answers": "another submission",
    "tests": "the tests changed",
    "environment": "the environment changed",
    "secret": "another course secret",
    "isolation": "another tier of isolation",
}
_ROOT = Path(autograder.__file__).parent
_SHARED = ("boundary", "kernels", "recurrent", "datasets")


def with_answers(parts: Mapping[str, str], handed: Handed) -> dict[str, str]:
    """What one notebook's grade depends on, part by part (PARTS), each a hash or a word; `parts` from `of_paper`."""
    return {**parts, "answers": _answers(handed)}


def of_paper(paper: Paper) -> dict[str, str]:
    """The parts that are the same for everybody."""
    secret = hashlib.sha256(b"version of the secret\0" + paper.secret).hexdigest()[:16] if paper.secret else "none"
    return {
        "tests": hash_of([paper.digest(), code_of_checks(paper.assignment)]),
        "environment": environment(paper.frameworks),
        "secret": secret,
        "isolation": paper.isolation,
    }


def content_key(parts: Mapping[str, str]) -> str:
    """One hash of all parts."""
    return hash_of([(name, parts[name]) for name in PARTS])


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Which parts are not what they were, in words."""
    return ", ".join(_WORDS[name] for name in PARTS if before.get(name) != now.get(name))


def _answers(handed: Handed) -> str:
    digest = hashlib.sha256(json.dumps([handed.student, handed.problem, handed.texts]).encode())
    digest.update(_cells(handed.data))
    for name, data in sorted(handed.files.items()):
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _cells(data: bytes) -> bytes:
    """What a grade can depend on in an ordinary notebook file, whatever its outputs; all of it in any other."""
    if len(data) > _ORDINARY:
        return data
    try:
        content = json.loads(data.decode())
        if content["nbformat"] != 4 or not all(isinstance(cell, dict) for cell in content["cells"]):
            return data
        kept = [{key: cell[key] for key in cell if key not in _NOT_USED} for cell in content["cells"]]
        ours = [cell.get("metadata", {}).get("nbgrader") for cell in content["cells"]]
        return json.dumps([content.get("nbformat_minor"), kept, ours]).encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return data


@cache
def environment(frameworks: tuple[str, ...]) -> str:
    """A hash of the versions, and of this course's code that every question uses."""
    names = {name for framework in ("numpy", *frameworks) for name in PACKAGES[framework]}
    versions = [(name, installed(name)) for name in sorted(names)]
    shared = [file for room in _SHARED for file in _files(_ROOT / room)]
    own = [file for file in _files(_ROOT / "checks") if not _assignment_of(file)]
    grading = [_ROOT / "grading" / name for name in ("partial.py", "reading.py", "work.py")]
    code = _hash_of_files([*shared, *own, *grading, _ROOT / "running.py"])
    return hash_of([platform.python_version(), platform.machine(), versions, code])


@cache
def code_of_checks(assignment: str) -> str:
    """A hash of the code of an assignment's questions, and of those of other assignments that it uses."""
    found: set[str] = set()
    waiting = [assignment.replace("-", "_")]
    known = {path.parent.name for path in (_ROOT / "checks").glob("*/questions.py")}
    files: list[Path] = []
    while waiting:
        name = waiting.pop()
        if name in found or name not in known:
            continue
        found.add(name)
        here = _files(_ROOT / "checks" / name)
        files += here
        text = "\n".join(file.read_text(encoding="utf-8") for file in here if file.suffix == ".py")
        waiting += [other for other in known if f"autograder.checks.{other}" in text]
    return _hash_of_files(files)


def _assignment_of(file: Path) -> bool:
    first = file.relative_to(_ROOT / "checks").parts[0]
    return (_ROOT / "checks" / first / "questions.py").is_file()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".pyc", ""))


def _hash_of_files(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(set(files)):
        digest.update(f"{file.relative_to(_ROOT)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@cache
def installed(name: str) -> str:
    """The version of a package; "" if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
