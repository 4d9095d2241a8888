"""Rebuild: only the text of the learner's own cells gets from a submission into the notebook that is graded."""

import copy
import json
import random

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from autograder.boundary.intake import parse_notebook
from autograder.boundary.rebuild import KEY, MOST_REPAIRS, rebuild, without_marks

STUB = "def {0}(x):\n    # your code here\n    raise NotImplementedError()"


def flags(grade_id, *, grade=False, solution=False, locked=False, points=None, cell_type="code", task=False):
    mark = {"grade_id": grade_id, "grade": grade, "solution": solution, "locked": locked, "schema_version": 3}
    mark |= {"task": task, "cell_type": cell_type, "checksum": "0"} | ({"points": points} if points else {})
    return {"nbgrader": mark, "deletable": False}


def question(name):
    return [
        new_markdown_cell(f"## Write {name}, which is as long a text as one finds in a course.", id=f"text-{name}"),
        new_code_cell(STUB.format(name), id=f"{name}-answer", metadata=flags(f"{name}-answer", solution=True)),
        new_code_cell(f"{name}(2)  # play here with {name}", id=f"play-{name}"),
        new_code_cell(f"assert {name}(3) == 9", id=name, metadata=flags(name, grade=True, locked=True, points=2)),
    ]


RELEASED = new_notebook(
    cells=[
        new_code_cell("import numpy as np\nfrom autograder import check", id="imports"),
        *question("square"),
        *question("cube"),
        new_markdown_cell(
            "*Your answer here.*",
            id="words",
            metadata=flags("words", grade=True, solution=True, points=3, cell_type="markdown"),
        ),
        new_markdown_cell(
            "Draw something.", id="task", metadata=flags("task", locked=True, points=1, cell_type="markdown", task=True)
        ),
    ],
    metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
)
ANSWERS = {"square-answer": "def square(x):\n    return x * x", "cube-answer": "def cube(x):\n    return x**3"}


def solved():
    notebook = copy.deepcopy(RELEASED)
    for cell in notebook.cells:
        cell.source = ANSWERS.get(cell.id, cell.source)
    cell_of(notebook, "words").source = "Because $x<y$ & so on."
    return notebook


def cell_of(notebook, cell_id):
    return next(cell for cell in notebook.cells if cell.id == cell_id)


def place(notebook, cell_id):
    return [cell.id for cell in notebook.cells].index(cell_id)


def handed_in(notebook):
    """As it comes out of intake."""
    text = json.dumps(notebook)  # not nbformat.writes, which would refuse or repair
    return parse_notebook(text.encode(), "numpy.ipynb").notebook


def rebuilt(notebook, **options):
    before = copy.deepcopy(RELEASED)
    result = rebuild(RELEASED, handed_in(notebook), **options)
    assert before == RELEASED
    holds_what_it_must(result.notebook)
    assert all(repair and "\n" not in repair and len(repair) < 300 for repair in result.repairs)
    return result


def holds_what_it_must(notebook):
    """Whatever was handed in: the course's cells, in order, with their own metadata; tests with their own text."""
    nbformat.validate(notebook)
    assert notebook.metadata == RELEASED.metadata
    own = {cell.id for cell in RELEASED.cells}
    kept = [cell for cell in notebook.cells if cell.id in own]
    assert [cell.id for cell in kept] == [cell.id for cell in RELEASED.cells]
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    for cell, released in zip(kept, RELEASED.cells, strict=True):
        metadata = dict(cell.metadata)
        role = metadata.pop(KEY, {}).get("role")
        assert metadata == released.metadata
        assert cell.cell_type == released.cell_type
        mark = released.metadata.get("nbgrader", {})
        if mark.get("solution"):
            assert role == ("learner" if cell.cell_type == "code" else None)
            continue
        if cell.cell_type == "markdown" or mark:
            assert cell.source == released.source
        if cell.cell_type == "code":
            assert role == ("test" if mark else "released")
        if role == "released":
            assert cell.metadata[KEY]["released"] == released.source
    for cell in notebook.cells:
        if cell.id not in own:
            assert cell.metadata == ({KEY: {"role": "learner"}} if cell.cell_type == "code" else {})
            assert cell.cell_type in ("code", "markdown")
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def answers(result):
    return {cell_id: cell_of(result.notebook, cell_id).source for cell_id in ANSWERS}


def test_an_honest_notebook_is_put_in_and_nothing_is_said():
    result = rebuilt(solved())
    assert result.repairs == ()
    assert answers(result) == ANSWERS
    assert cell_of(result.notebook, "words").source == "Because $x<y$ & so on."
    assert len(result.notebook.cells) == len(RELEASED.cells)


def test_the_blank_notebook_stays_blank():
    result = rebuilt(RELEASED)
    assert result.repairs == ()
    assert [c.source for c in result.notebook.cells] == [c.source for c in RELEASED.cells]


def test_a_released_notebook_may_be_without_ids():
    old = copy.deepcopy(RELEASED)
    old.nbformat_minor = 4
    for cell in old.cells:
        del cell["id"]
    result = rebuild(old, handed_in(solved()))
    assert [c.source for c in result.notebook.cells] == [c.source for c in solved().cells]
    nbformat.validate(result.notebook)
    assert result == rebuild(old, handed_in(solved())), "the same each time, random ids would not be"


def test_own_cells_stay_where_they_were_without_their_metadata():
    notebook = solved()
    notebook.cells.insert(0, new_markdown_cell("My name is Ada.", metadata={"tags": ["remove-cell"]}))
    at = place(notebook, "square")
    notebook.cells.insert(at, new_code_cell("helper = 1", metadata={"tags": ["skip-execution"], "x": {"y": 1}}))
    notebook.cells.append(new_code_cell("last = 1"))
    notebook.cells.append(new_code_cell("   \n"))
    result = rebuilt(notebook)
    ids = [cell.id for cell in result.notebook.cells]
    assert result.notebook.cells[0].source == "My name is Ada."
    assert result.notebook.cells[ids.index("square") - 1].source == "helper = 1"
    assert result.notebook.cells[-1].source == "last = 1"
    assert result.repairs == ()


def test_tags_and_flags_of_a_learner_change_nothing():
    notebook = solved()
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception", "remove-cell", "remove-output"]
        cell.metadata["collapsed"] = True
        if "nbgrader" in cell.metadata:
            mark = cell.metadata["nbgrader"]
            mark |= {"points": 1e9, "grade": not mark["grade"], "solution": not mark["solution"], "locked": False}
            mark |= {"schema_version": 99, "task": True, "checksum": "x", "cell_type": "raw"}
    notebook.metadata = {"kernelspec": {"name": "bash"}, "language_info": {"name": "bash"}, KEY: {"role": "test"}}
    result = rebuilt(notebook)
    assert answers(result) == ANSWERS
    assert result.repairs == ()


def test_edited_and_deleted_tests_are_put_back_and_told():
    notebook = solved()
    cell_of(notebook, "square").source = "assert True"
    notebook.cells.remove(cell_of(notebook, "cube"))
    notebook.cells.remove(cell_of(notebook, "task"))
    result = rebuilt(notebook)
    assert "the test cell square had been changed: the course's own was used" in result.repairs
    assert "the test cell cube was missing and was put back" in result.repairs
    assert "the cell task was missing and was put back" in result.repairs
    assert len(result.repairs) == 3


def test_a_missing_answer_is_the_stub():
    notebook = solved()
    notebook.cells.remove(cell_of(notebook, "square-answer"))
    result = rebuilt(notebook)
    assert answers(result)["square-answer"] == STUB.format("square")
    assert result.repairs == ("the answer cell square-answer was missing: it counts as not filled in",)


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_retyped_cells_get_their_type_back(kind):
    notebook = solved()
    for name in ("square-answer", "square", "imports"):
        cell = cell_of(notebook, name)
        cell["cell_type"] = kind
        del cell["outputs"], cell["execution_count"]
    cell_of(notebook, "words")["cell_type"] = "code"
    result = rebuilt(notebook)
    assert answers(result) == ANSWERS
    assert cell_of(result.notebook, "words").source == "Because $x<y$ & so on."
    assert len(result.repairs) == 3


def test_moved_cells_are_back_in_order():
    notebook = solved()
    notebook.cells.reverse()
    result = rebuilt(notebook)
    assert answers(result) == ANSWERS
    assert result.repairs == ("cells of the course had been moved; they stand in their own order again",)


def with_copy(source, *, before=None, after=None):
    """The solved notebook with a second square-answer, as copying a cell in Jupyter makes it."""
    notebook = solved()
    fresh = new_code_cell(source, metadata=copy.deepcopy(cell_of(notebook, "square-answer").metadata))
    notebook.cells.insert(place(notebook, before) if before else place(notebook, after) + 1, fresh)
    return notebook


def test_of_an_older_attempt_above_the_last_one_counts():
    result = rebuilt(with_copy("def square(x):\n    return x + x", before="square-answer"))
    assert answers(result) == ANSWERS
    assert result.notebook.cells[place(result.notebook, "square-answer") - 1].source.endswith("x + x")
    assert "was there 2 times" in result.repairs[0]


def test_of_a_copy_to_play_with_below_the_test_the_one_above_it_counts():
    result = rebuilt(with_copy("def square(x):\n    return None", after="words"))
    assert answers(result) == ANSWERS
    assert result.notebook.cells[place(result.notebook, "words") + 1].source.endswith("return None")


def test_a_split_answer_runs_whole():
    notebook = with_copy("helper = 2", before="square-answer")
    result = rebuilt(notebook)
    at = place(result.notebook, "square-answer")
    assert [c.source for c in result.notebook.cells[at - 1 : at + 1]] == ["helper = 2", ANSWERS["square-answer"]]


@pytest.mark.parametrize("blank", ["", "  \n", STUB.format("square")])
def test_a_copy_that_nobody_filled_in_does_not_count_and_does_not_run(blank):
    result = rebuilt(with_copy(blank, before="play-square"))
    assert answers(result) == ANSWERS
    assert len(result.notebook.cells) == len(RELEASED.cells)


def test_a_copied_test_is_dropped_and_an_edited_copy_is_the_learners_own():
    notebook = solved()
    for source in (cell_of(notebook, "square").source, "print(square(4))"):
        test = new_code_cell(source, metadata=copy.deepcopy(cell_of(notebook, "square").metadata))
        notebook.cells.insert(place(notebook, "square"), test)
    result = rebuilt(notebook)
    own = [c for c in result.notebook.cells if c.id.startswith("own-")]
    assert [c.source for c in own] == ["print(square(4))"]
    assert own[0].metadata == {KEY: {"role": "learner"}}


def test_an_edited_ordinary_cell_is_the_learners_with_the_teachers_text_beside():
    notebook = solved()
    cell_of(notebook, "imports").source = "import numpy as np\nnp.allclose = lambda *a, **k: True"
    result = rebuilt(notebook)
    cell = cell_of(result.notebook, "imports")
    assert cell.source.endswith("True")
    assert cell.metadata[KEY] == {"role": "released", "released": RELEASED.cells[0].source}
    assert result.repairs == ()


def test_a_deleted_ordinary_cell_is_back():
    notebook = solved()
    notebook.cells.remove(cell_of(notebook, "imports"))
    assert cell_of(rebuilt(notebook).notebook, "imports").source == RELEASED.cells[0].source


def test_an_edited_ordinary_cell_is_known_without_its_id():
    notebook = solved()
    cell_of(notebook, "imports").source = RELEASED.cells[0].source + "\nimport math"
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"fresh-{number}"
    result = rebuilt(notebook)
    assert cell_of(result.notebook, "imports").source.endswith("import math")
    assert len(result.notebook.cells) == len(RELEASED.cells)


def test_answers_without_metadata_are_known_by_what_they_define():
    notebook = solved()
    for number, cell in enumerate(notebook.cells):
        cell["id"], cell["metadata"] = f"fresh-{number}", {}
    result = rebuilt(notebook)
    assert answers(result) == ANSWERS
    assert cell_of(result.notebook, "words").source == "Because $x<y$ & so on."
    assert any("had lost its grade_id" in repair for repair in result.repairs)


def test_an_edited_grade_id_is_known_by_the_cells_id():
    notebook = solved()
    cell_of(notebook, "cube-answer").metadata["nbgrader"]["grade_id"] = "cube"
    cell_of(notebook, "square-answer").metadata["nbgrader"]["grade_id"] = "no-such"
    result = rebuilt(notebook)
    assert answers(result) == ANSWERS


def test_answers_in_each_others_cells_stay_there():
    notebook = solved()
    first, second = cell_of(notebook, "square-answer"), cell_of(notebook, "cube-answer")
    first.source, second.source = second.source, first.source
    assert answers(rebuilt(notebook)) == {
        "square-answer": ANSWERS["cube-answer"],
        "cube-answer": ANSWERS["square-answer"],
    }


def test_what_was_written_into_the_courses_text_is_kept_below_it():
    notebook = solved()
    cell_of(notebook, "text-square").source += "\n\nMy answer: nine."
    result = rebuilt(notebook)
    at = place(result.notebook, "text-square")
    assert result.notebook.cells[at + 1].source.endswith("My answer: nine.")
    assert len(result.repairs) == 1


def test_attached_images_of_an_answer_are_kept():
    notebook = solved()
    image = {"drawing.png": {"image/png": "aGVsbG8="}}
    cell_of(notebook, "words")["attachments"] = image
    notebook.cells.append(new_markdown_cell("![](attachment:drawing.png)", attachments=image))
    result = rebuilt(notebook)
    assert cell_of(result.notebook, "words").attachments == image
    assert result.notebook.cells[-1].attachments == image


def test_raw_cells_become_text():
    notebook = solved()
    notebook.cells.append(new_raw_cell("<script>alert(1)</script>\n```\n", metadata={"raw_mimetype": "text/html"}))
    cell = rebuilt(notebook).notebook.cells[-1]
    assert cell.cell_type == "markdown"
    assert cell.source.startswith("````\n<script>")
    assert cell.source.endswith("\n````")


def test_another_assignments_notebook_is_told():
    other = new_notebook(cells=[new_code_cell("x", metadata=flags("other", grade=True, locked=True, points=1))])
    assert (
        rebuilt(other).repairs[0].startswith("this looks like the notebook of another assignment: of 6 marked cells 0")
    )
    assert rebuilt(new_notebook()).repairs[0].startswith("this looks like the notebook of another assignment")


def test_another_frameworks_notebook_under_this_name_is_told():
    other = copy.deepcopy(RELEASED)
    for cell in other.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("Write", "Write, with torch,")
    cell_of(other, "imports").source = "import torch"
    handed = copy.deepcopy(other)
    cell_of(handed, "square-answer").source = "def square(x):\n    return torch.square(x)"
    result = rebuilt(handed, others={"pytorch": other})
    assert result.repairs[0].startswith("this looks like pytorch.ipynb")
    assert not any("looks like" in repair for repair in rebuilt(solved(), others={"pytorch": other}).repairs)


def test_the_list_of_repairs_is_bounded():
    cells = [c for n in range(60) for c in question(f"f{n}")]
    result = rebuild(new_notebook(cells=cells), new_notebook())
    assert len(result.repairs) == MOST_REPAIRS + 1
    assert result.repairs[-1].startswith("and ")


def test_marks_are_removed_before_writing():
    notebook = without_marks(rebuilt(solved()).notebook)
    assert KEY not in json.dumps(notebook)
    assert [dict(c.metadata) for c in notebook.cells] == [dict(c.metadata) for c in RELEASED.cells]


GRADE_IDS = [c.metadata.get("nbgrader", {}).get("grade_id", "") for c in RELEASED.cells] + ["unknown"]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 12))
def test_whatever_is_done_to_a_notebook_the_course_s_cells_stand(seed, steps):
    chance = random.Random(seed)
    notebook = solved()
    for _ in range(steps):
        cells = notebook.cells
        cell = chance.choice(cells) if cells else new_code_cell("x")
        step = chance.choice(["drop", "copy", "move", "type", "mark", "id", "text", "unmark", "own"])
        if step == "drop" and cell in cells:
            cells.remove(cell)
        elif step == "copy":
            cells.insert(chance.randrange(len(cells) + 1), copy.deepcopy(cell))
        elif step == "move":
            chance.shuffle(cells)
        elif step == "type":
            cell["cell_type"] = chance.choice(["code", "markdown", "raw", "heading", "nonsense"])
        elif step == "mark":
            cell["metadata"] = flags(chance.choice(GRADE_IDS), grade=chance.random() < 0.5, solution=True, points=99)
        elif step == "id":
            cell["id"] = chance.choice([*[c.id for c in RELEASED.cells], "", "no good!", "own-1"])
        elif step == "text":
            cell["source"] = chance.choice(["", "x", STUB.format("cube"), *[c.source for c in RELEASED.cells]])
        elif step == "unmark":
            cell["metadata"] = {KEY: {"role": "test", "released": "evil"}}
        elif step == "own":
            cells.insert(chance.randrange(len(cells) + 1), new_code_cell("own = 1"))
    rebuilt(notebook)
