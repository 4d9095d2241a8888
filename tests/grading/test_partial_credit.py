"""Part of the points: in nbgrader's terms, read by nbgrader's own code, and by what makes reasons and tables."""

import math

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.utils import determine_grade

from autograder.checks import CheckFailure
from autograder.checks.failures import Verdict
from autograder.grading.grade import Outcome
from autograder.grading.partial import failed, failed_outputs, points, with_credit
from autograder.grading.reading import reasons as _reasons
from autograder.grading.table import QuestionRow, student_row

MOST = 3.0


def failure(credit: float = 0.6, **more) -> CheckFailure:
    verdicts = [Verdict("dU", False, "differs everywhere"), Verdict("db", True)]
    return CheckFailure(
        "vanilla/step-backward",
        "dU differs everywhere",
        verdicts=verdicts,
        advice="dU pairs δa with the state that went *into* the step.",
        mistakes=["state-that-came-out"],
        credit=credit,
        **more,
    )


def failed_cell(failure, most, before=()):
    """What the examiner's side makes of a cell whose check failed."""
    return with_credit([*before, *failed_outputs(failure)], most)


def cell(outputs, grade_id: str = "step-backward"):
    settings = {"grade": True, "solution": False, "locked": True, "grade_id": grade_id, "points": MOST}
    return new_code_cell("check(…)", outputs=outputs, metadata={"nbgrader": settings})


# Points


@pytest.mark.parametrize(
    ("credit", "most", "earned"),
    [
        (0, 3, 0),
        (0.6, 3, 1.75),
        (2 / 3, 3, 2),
        (1 / 3, 3, 1),
        (5 / 6, 3, 2.5),
        (4 / 5, 5, 4),
        (1 / 6, 1, 0),
        (1 / 4, 1, 0.25),
        (0.9999, 1, 0.75),
        (1 - 1e-12, 2, 1.75),
        (0.5, 0, 0),
        (0.5, 0.25, 0),
    ],
)
def test_points_in_quarters_rounded_down(credit, most, earned):
    assert points(credit, most) == earned


def test_points_never_reach_the_maximum_and_never_exceed_the_share():
    for outputs in range(2, 12):
        for kept in range(outputs):
            for quarters in range(41):
                earned = points(kept / outputs, quarters / 4)
                assert earned * 4 == int(earned * 4)
                assert earned <= kept / outputs * quarters / 4 + 1e-9
                assert earned < quarters / 4 or quarters == 0


@pytest.mark.parametrize("credit", [-0.1, 1.0, 1.5, math.nan, math.inf])
def test_a_credit_that_is_none(credit):
    with pytest.raises(ValueError, match="expected a number from 0"):
        points(credit, 3)


# What nbgrader makes of it


def test_nbgrader_gives_these_points():
    for credit in (0.0, 0.01, 0.3, 0.6, 0.99):
        graded = cell(failed_cell(failure(credit), MOST))
        nbformat.validate(new_notebook(cells=[graded]))
        assert determine_grade(graded) == (points(credit, MOST), MOST)


def test_it_says_how_many_points_in_words():
    message, result = failed_cell(failure(0.5), MOST)
    assert (message.output_type, result.output_type) == ("display_data", "execute_result")
    assert "1.5 of 3 points." in message.data["text/plain"]
    assert "1.5 of 3 points." in message.data["text/html"]
    assert "dU  ✗  differs everywhere" in message.data["text/plain"]
    assert result.data == {"text/plain": "1.5"}
    assert message.metadata["unrolled"]["failed"]["mistakes"] == ["state-that-came-out"]


def test_no_credit_keeps_the_error():
    message, error = failed_cell(failure(0.0), MOST)
    assert "0 of 3 points." in message.data["text/plain"]
    assert (error.output_type, error.ename) == ("error", "CheckFailure")
    assert error.evalue == str(failure(0.0))


def test_what_the_cell_had_put_out_decides_nothing():
    """Standard error, a result, an earlier error or message: nbgrader would grade by each of them."""
    before = [
        new_output("stream", name="stdout", text="✓ the visible check\n"),
        new_output("stream", name="stderr", text="a warning\n"),
        new_output("execute_result", data={"text/plain": "3"}),
        *failed_outputs(failure(0.9)),
        new_output("error", ename="CheckFailure", evalue=str(failure()), traceback=[]),
    ]
    outputs = failed_cell(failure(0.6), MOST, before)
    assert [o.output_type for o in outputs] == ["stream", "stream", "display_data", "execute_result"]
    assert all(o.name == "stdout" for o in outputs[:2])
    assert determine_grade(cell(outputs)) == (1.75, MOST)


def test_a_full_stock_autograding_keeps_the_points(course, tmp_path):
    """From a file to the gradebook: nbgrader's own preprocessor that writes scores, on both forms."""
    from nbgrader.api import Gradebook
    from nbgrader.preprocessors import SaveAutoGrades

    cells = [cell(failed_cell(failure(0.6), MOST), "in-part"), cell(failed_cell(failure(0.0), MOST), "not-at-all")]
    cells.append(cell([new_output("stream", name="stdout", text="✓\n")], "right"))
    resources = {
        "nbgrader": {"assignment": "a", "student": "s", "notebook": "n", "db_url": f"sqlite:///{tmp_path}/g.db"},
        "unique_key": "n",
    }
    with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
        gradebook.add_assignment("a")
        gradebook.add_notebook("n", "a")
        for each in cells:
            gradebook.add_grade_cell(each.metadata.nbgrader.grade_id, "n", "a", max_score=MOST, cell_type="code")
        gradebook.add_student("s")
        gradebook.add_submission("a", "s")
    SaveAutoGrades().preprocess(new_notebook(cells=cells), resources)
    with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
        scores = {g.name: g.auto_score for g in gradebook.find_submission_notebook("n", "a", "s").grades}
    assert scores == {"in-part": 1.75, "not-at-all": 0, "right": 3}


def spoilt(credit):
    outputs = failed_outputs(failure())
    outputs[0].metadata["unrolled"]["failed"]["credit"] = credit
    return outputs


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        [new_output("stream", name="stdout", text="✓\n")],
        [new_output("error", ename="ValueError", evalue="no", traceback=[])],
        [failed_outputs(failure())[0], new_output("error", ename="NameError", evalue="no", traceback=[])],
        failed_outputs(failure())[:1],
        failed_outputs(failure())[1:],
        *(spoilt(credit) for credit in (1.0, -0.5, math.nan, "all", None)),
    ],
)
def test_other_cells_stay_as_they_are(outputs):
    assert with_credit(outputs, MOST) == outputs


def test_a_kernel_leaves_what_credit_is_read_from(tmp_path):
    """The same two outputs that `failed_outputs` makes, and so the same points."""
    from nbclient import NotebookClient

    source = (
        "from autograder import check\n"
        "def step_backward(dh, x, h_prev, h, W, U):\n"
        "    da = dh * (1 - h**2)\n"
        "    return da @ W.T, da @ U.T, x.T @ da, h.T @ da, da.sum(axis=0)\n"
        'check("vanilla/step-backward", step_backward)'
    )
    notebook = new_notebook(cells=[new_code_cell(source)])
    NotebookClient(notebook, allow_errors=True, kernel_name="python3").execute(cwd=str(tmp_path))
    outputs = notebook.cells[0].outputs
    assert determine_grade(cell(outputs)) == (0, MOST), "without the examiner's side a failure costs all points"
    graded = with_credit(outputs, MOST)
    assert determine_grade(cell(graded)) == (2.25, MOST)
    assert failed(graded)["mistakes"] == ["state-that-came-out"]


# What reads it


def reasons(*outputs):
    return dict(_reasons(new_notebook(cells=[cell(list(outputs))])))


def test_both_forms_have_the_same_reason():
    expected = {
        "step-backward": "vanilla/step-backward: dU differs everywhere → dU pairs δa with the state that went *into* "
        "the step."
    }
    assert reasons(*failed_cell(failure(0.6), MOST)) == expected
    assert reasons(*failed_cell(failure(0.0), MOST)) == expected


def test_a_message_alone_is_no_failure():
    """Anything can be displayed; only beside a number does nbgrader give part of the points."""
    message, result = failed_cell(failure(0.6), MOST)
    assert reasons(message) == {}
    assert failed([message]) is None
    assert failed([result]) is None
    assert reasons(result) == {}
    error = new_output("error", ename="ValueError", evalue="no", traceback=[])
    assert reasons(message, result, error) == {"step-backward": "ValueError: no"}


@pytest.mark.parametrize("ours", [{}, {"unrolled": None}, {"unrolled": {"failed": "x"}}, {"unrolled": {"failed": {}}}])
def test_metadata_of_another_making_is_passed_over(ours):
    message = new_output("display_data", data={"text/plain": "x"}, metadata=ours)
    result = new_output("execute_result", data={"text/plain": "1"})
    assert reasons(message, result) == {}


def test_the_table_says_what_was_earned():
    outcome = Outcome("emil", "vanilla", "", ("numpy",), {}, {}, {})

    def row(question, score, reason):
        return QuestionRow("emil", "vanilla", "numpy", question, score, MOST, False, reason)

    rows = [
        row("step-forward", 3.0, ""),
        row("step-backward", 1.75, "dU differs everywhere → look"),
        row("softmax-loss", 0.0, "softmax_loss is not written yet → write"),
    ]
    summary = student_row(None, outcome, rows)  # type: ignore[arg-type]  # the course is asked for missing students only
    assert summary.score == 4.75
    assert summary.reason == "dU differs everywhere (1.75 of 3 points); softmax_loss is not written yet"


def test_the_feedback_page_shows_it(tmp_path):
    """nbgrader's own feedback exporter, made self-contained by ours: message, points, mathematics' place as a link."""
    from nbconvert.exporters import HTMLExporter

    from autograder.grading.feedback import self_contained

    notebook = new_notebook(cells=[cell(failed_cell(failure(0.6, see="eq-rnn-dU"), MOST))])
    page = self_contained(HTMLExporter(template_name="classic").from_notebook_node(notebook)[0])
    assert "1.75 of 3 points." in page
    assert "equation-eq-rnn-du" in page
    assert "✓ right" in page
