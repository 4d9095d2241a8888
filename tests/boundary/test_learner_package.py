"""The thin package: what released notebooks import is there, and nothing that would answer a question."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import nbformat
import pytest

from autograder.boundary import learner_package
from autograder.checks import checking
from autograder.checks.question import Question
from autograder.datasets import names, text

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learner_package.built(tmp_path_factory.mktemp("cache"))


def python(folder: Path, script: str) -> str:
    """What a script prints in a Python that finds installed packages and the thin one, and not the course's."""
    begin = (
        "import sys\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in getattr(f, '__module__', '')]\n"
        f"sys.path[:] = [{str(folder)!r}, *(p for p in sys.path if 'site-packages' in p or 'lib' in p)]\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", begin + script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def own_imports() -> set[str]:
    """The statements by which released notebooks import from the course."""
    found = set()
    for path in sorted((ROOT / "exercises").glob("*/*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                found |= set(re.findall(r"^\s*((?:from|import) autograder[^\n]*)", cell.source, re.MULTILINE))
    return found


def test_what_released_notebooks_import_is_there(folder):
    statements = own_imports()
    assert len(statements) >= 3
    where = "import autograder; print(autograder.__file__)"
    assert python(folder, "\n".join([*sorted(statements), where])).strip() == str(folder / "autograder/__init__.py")


def test_data_sets_are_the_same(folder):
    script = (
        "from autograder.datasets import text, names\n"
        "import hashlib; print(len(text.book_text()), len(text.training_ids()), len(text.characters()))\n"
        "print(len(text.checkpoint()), hashlib.sha256(text.book_text().encode()).hexdigest())\n"
        "print(len(names.part_to_learn_from()))"
    )
    lines = python(folder, script).splitlines()
    assert lines[0] == f"{len(text.book_text())} {len(text.training_ids())} {len(text.characters())}"
    assert lines[1] == "6 " + sha256(text.book_text().encode()).hexdigest()
    assert lines[2] == str(len(names.part_to_learn_from()))


def test_a_check_there_says_that_it_is_made_elsewhere(folder):
    script = (
        "from autograder import check, CheckFailure\nimport autograder.checks\n"
        "assert autograder.checks.CheckFailure is CheckFailure\n"
        "results = [check('lstm/step', print, framework='pytorch', rounds=5, seed=3),"
        " check('no/such'), check(print, 'lstm/step'), check(3, 4, more=5)]\n"
        "assert results == [None] * 4"
    )
    assert python(folder, script).splitlines() == [
        "lstm/step: judged after handing in",
        "no/such: judged after handing in",
        "lstm/step: judged after handing in",
        "this question: judged after handing in",
    ]


@pytest.mark.parametrize("framework", ["numpy", pytest.param("pytorch", marks=pytest.mark.slow)])
def test_drivers_work_there(folder, framework):
    """Also what they import: a driver that needed a file that is not there would fail every answer."""
    script = (
        "import numpy as np\nfrom autograder.checks.drivers import across\n"
        f"print(across.function(lambda x: x + 1, {framework!r}, [np.ones(2)]))\n"
        "print(sorted(m for m in sys.modules if m.startswith('autograder.') and '.checks' not in m))"
    )
    assert python(folder, script).splitlines() == ["[2. 2.]", "[]"]


@pytest.mark.slow
def test_the_driver_of_tensorflow_works_there(folder):
    script = "from autograder.checks.drivers import across\nacross.prepare(None, 'tensorflow')\nprint('fine')"
    assert python(folder, script).splitlines()[-1] == "fine"


def distinctive(source: str) -> set[str]:
    """Lines that belong to one answer: long ones that compute something."""
    lines = {" ".join(line.split()) for line in source.splitlines()}
    return {line for line in lines if len(line) > 24 and ("=" in line or "return" in line) and "def " not in line}


def test_no_answer_and_no_hint_is_inside():
    inside = "\n".join(
        " ".join(data.decode("utf-8", "replace").split()) for data in learner_package.contents().values()
    )
    for assignment, module in checking.assignments().items():
        answers = importlib.import_module(f"autograder.checks.{module}.answers")
        lines = distinctive(Path(str(answers.__file__)).read_text(encoding="utf-8"))
        assert len(lines) > 5, assignment
        assert not [line for line in lines if line in inside]
        for question in importlib.import_module(f"autograder.checks.{module}").QUESTIONS.values():
            assert question.name not in inside
            if isinstance(question, Question):
                assert not [m.name for m in question.mistakes if m.hint in inside]
                assert not [a for a in question.advice.values() if a in inside]
    for file in (ROOT / "autograder" / "recurrent").rglob("*.py"):
        assert not [line for line in distinctive(file.read_text(encoding="utf-8")) if line in inside and len(line) > 40]


def test_the_held_out_text_is_not_inside():
    contents = learner_package.contents()
    for line in text.held_out_text().split("\n"):
        if len(line) > 60:
            assert not [path for path, data in contents.items() if line.encode() in data]


def test_it_imports_nothing_of_the_rest(folder):
    known = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in learner_package.contents()
    }
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autograder"):
                assert node.module in known, f"{path.name} imports {node.module}"


def test_it_is_made_once_for_one_content(tmp_path, monkeypatch):
    first = learner_package.built(tmp_path)
    stamp = (first / "autograder/__init__.py").stat().st_mtime_ns
    assert learner_package.built(tmp_path) == first
    assert (first / "autograder/__init__.py").stat().st_mtime_ns == stamp
    contents = learner_package.contents()
    monkeypatch.setattr(learner_package, "contents", lambda: contents | {"autograder/more.py": b"x = 1\n"})
    second = learner_package.built(tmp_path)
    assert second != first
    assert (second / "autograder/more.py").read_bytes() == b"x = 1\n"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")], "nothing half made is left"


def test_damage_is_put_right(tmp_path):
    folder = learner_package.built(tmp_path)
    file = folder / "autograder/__init__.py"
    file.chmod(0o644)
    file.write_text("print('somebody was here')")
    (folder / "autograder/numpy.py").write_text("x = 1")
    assert learner_package.built(tmp_path) == folder
    assert "somebody" not in file.read_text()
    assert not (folder / "autograder/numpy.py").exists()
