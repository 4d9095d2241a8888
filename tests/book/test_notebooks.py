"""The notebook for download: plain Markdown, the package in front, no chatter."""

from __future__ import annotations

import nbformat
import pytest
from notebooks import colab_address, with_plain_markdown, with_setup_cell, without_stderr_chatter
from plain_markdown import Names, plain

NAMES = Names(
    equations={"eq-rnn-a": "3.2"},
    numbers={"fig-loss": "3.4", "sec-step": "3.1", "quiz-a-b": "2"},
    formats={"fig-loss": "Figure %s", "sec-step": "Section %s", "quiz-a-b": "Question %s"},
    titles={"sec-step": "One step, by hand"},
    works={"elman1990": ("Elman", "1990"), "pascanu2013": ("Pascanu et al.", "2013")},
)


@pytest.mark.parametrize(
    ("myst", "expected"),
    [
        ("By {eq}`eq-rnn-a`, so.", "By (3.2), so."),
        ("See {numref}`fig-loss`.", "See Figure 3.4."),
        ("See {numref}`Chapter %s <sec-step>`.", "See Chapter 3.1."),
        ("In {ref}`sec-step`.", "In One step, by hand."),
        ("In {ref}`the step <sec-step>`.", "In the step."),
        ("{doc}`Notation <../notation>` says", "Notation says"),
        ("{cite:t}`elman1990` did", "Elman (1990) did"),
        ("as known {cite:p}`elman1990,pascanu2013`", "as known (Elman, 1990; Pascanu et al., 2013)"),
        ("unknown {eq}`eq-nowhere`", "unknown eq-nowhere"),
        ("a {term}`state`, its {term}`states <state>`", "a state, its states"),
        ("the {index}`slope` of {index}`tanh <pair: tanh; slope>`", "the slope of tanh"),
        ("```{index} pair: tanh; slope\n```\nText.", "\nText."),
        ("see {numref}`quiz-a-b`", "see Question 2"),
        ("(sec-step)=\n## One step", "## One step"),
        ("`{eq}` in code and $\\{a\\}$ in math", "`{eq}` in code and $\\{a\\}$ in math"),
    ],
)
def test_roles_and_targets(myst, expected):
    assert plain(myst, NAMES) == expected


def test_an_equation_carries_its_number():
    myst = "Then\n\n$$\na = b\n  + c\n$$ (eq-rnn-a)\n\nand $$ x $$ stays.\n"
    assert plain(myst, NAMES) == "Then\n\n$$\na = b\n  + c \\tag{3.2}\n$$\n\nand $$ x $$ stays.\n"


def test_a_math_directive_is_an_equation():
    myst = "```{math}\n:label: eq-rnn-a\n\na = b\n```"
    assert plain(myst, NAMES) == "$$\na = b \\tag{3.2}\n$$"


def test_a_box_is_a_quotation():
    myst = ":::{admonition} Trap: by {eq}`eq-rnn-a`\n:class: trap\nFirst.\n\nSecond.\n:::\nAfter."
    assert plain(myst, NAMES) == "> **Trap: by (3.2)**\n>\n> First.\n>\n> Second.\nAfter."


def test_boxes_nest():
    myst = "::::{note}\nOuter.\n\n:::{dropdown} Inner `x < 1`\nDeep {eq}`eq-rnn-a`.\n:::\n::::"
    assert plain(myst, NAMES) == (
        "> **Note**\n>\n> Outer.\n>\n> <details>\n> <summary>Inner <code>x &lt; 1</code></summary>\n"
        ">\n> Deep (3.2).\n>\n> </details>"
    )


def test_a_question_opens_its_replies():
    myst = (
        "::::{quiz} quiz-a-b\nWhat is $h_t$?\n\n"
        ":::{wrong} *Half* of `U`, $a*b*c < 1$\nNo: {eq}`eq-rnn-a`.\n:::\n"
        ":::{right} The state\nYes.\n\nIndeed.\n:::\n::::\nAfter."
    )
    assert plain(myst, NAMES) == (
        "**Question 2.** What is $h_t$?\n\n"
        "<details>\n<summary>a. <em>Half</em> of <code>U</code>, $a*b*c &lt; 1$</summary>\n\n"
        "**Wrong.** No: (3.2).\n\n</details>\n"
        "<details>\n<summary>b. The state</summary>\n\n**Right.** Yes.\n\nIndeed.\n\n</details>\nAfter."
    )


def test_a_margin_note_is_a_quotation():
    assert plain("```{margin}\nBy {eq}`eq-rnn-a`.\n```", NAMES) == "> By (3.2)."
    assert plain(":::{margin} A title\nText.\n:::", NAMES) == "> **A title**\n>\n> Text."


def test_code_is_not_a_directive():
    myst = "```text\nmake course\n```\n"
    assert plain(myst, NAMES) == myst


def notebook(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=list(cells))


def test_a_figure_gets_its_caption_as_text():
    cell = nbformat.v4.new_code_cell(
        "plot()", metadata={"mystnb": {"figure": {"name": "fig-loss", "caption": "Look at {eq}`eq-rnn-a`."}}}
    )
    _, caption = with_plain_markdown(notebook(cell), NAMES).cells
    assert caption.source == "**Figure 3.4.** Look at (3.2)."


def test_the_package_comes_first_and_once():
    before = notebook(nbformat.v4.new_markdown_cell("# A chapter"))
    once = with_setup_cell(before, "https://github.com/o/r")
    twice = with_setup_cell(once, "https://github.com/o/r")
    assert [cell.cell_type for cell in twice.cells] == ["code", "markdown"]
    assert "git+https://github.com/o/r" in twice.cells[0].source
    assert len(before.cells) == 1, "the argument is left as it was"
    nbformat.validate(twice)


def test_the_first_cell_does_nothing_where_the_package_is():
    """It is IPython; without the line that installs, it must be Python that runs."""
    (cell,) = with_setup_cell(notebook(), "https://github.com/o/r").cells
    lines = [line.replace("%pip", "raise SystemExit #") for line in cell.source.splitlines()]
    exec(compile("\n".join(lines), "<first cell>", "exec"), {})


def test_chatter_is_left_out_and_warnings_are_kept():
    chatter = "WARNING: All log messages before absl::InitializeLog() is called\n"
    outputs = [
        nbformat.v4.new_output("stream", name="stderr", text=chatter),
        nbformat.v4.new_output("stream", name="stderr", text="UserWarning: look"),
        nbformat.v4.new_output("stream", name="stdout", text="7"),
    ]
    (cell,) = without_stderr_chatter(notebook(nbformat.v4.new_code_cell("x", outputs=outputs))).cells
    assert [output.text for output in cell.outputs] == ["UserWarning: look", "7"]


def test_colab_opens_the_published_notebook():
    assert colab_address("https://github.com/o/r", "book/a") == (
        "https://colab.research.google.com/github/o/r/blob/gh-pages/_sources/book/a.ipynb"
    )
