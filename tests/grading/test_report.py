"""The class report: figures that add up, nobody named in the anonymous one, a page that is small and harmless."""

import datetime
import itertools
import json
import re
from dataclasses import asdict, replace

import nbformat
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from report_class import ASSIGNMENT, DUE, NOTEBOOKS, add_students, make_small_course

from autograder.checks.checking import find
from autograder.checks.places import place
from autograder.cli import main
from autograder.grading.course import open_course
from autograder.grading.grade import Outcome, graded
from autograder.grading.report import kinds
from autograder.grading.report.figures import class_figures
from autograder.grading.report.gradebook import Submission, submissions
from autograder.grading.report.naming import naming
from autograder.grading.report.pages import report_page
from autograder.grading.report.questions import Asked, asked, known_mistake, place_of, questions_of, title
from autograder.grading.report.reading import class_report
from autograder.grading.report.spread import BARS, by_points, spread
from autograder.grading.report.words import duration, percent, points, prose
from autograder.grading.table import QuestionRow, grade_ids, question_rows

TODAY = datetime.date(2026, 3, 2)
QUESTIONS = {
    "numpy": (Asked("step-forward", "1. One step", 2, False), Asked("words", "2. In words", 2, True)),
    "pytorch": (Asked("step-forward", "1. One step", 2, False), Asked("words", "2. In words", 2, True)),
}
BLANK = "vanilla/step-forward: step_forward is not written yet → Replace it."
MISTAKE = find("vanilla/step-forward").all_mistakes[0]


def row(student, question, score, *, notebook="numpy", waiting=False, reason=""):
    return QuestionRow(student, ASSIGNMENT, notebook, question, score, 2.0, waiting, reason)


def outcome(student, notebook="numpy", reason="", mistakes=(), **more):
    reasons = {notebook: {"step-forward": reason} if reason else {}}
    named = {notebook: {"step-forward": list(mistakes)} if mistakes else {}}
    return Outcome(student, ASSIGNMENT, "", (notebook,) if notebook else (), reasons, {}, {}, mistakes=named, **more)


@pytest.fixture
def few():
    """Six students, one of each kind."""
    wrong = f"vanilla/step-forward: h differs everywhere → {MISTAKE.hint}"
    problem = outcome("fay")
    problem.problems["numpy"] = "numpy.ipynb is not JSON (Expecting value at line 1, column 1)"
    outcomes = [
        outcome("ann", seconds={"numpy": 1.0}, isolation={"numpy": "strict"}),
        outcome("bob", "pytorch", wrong, [MISTAKE.name], seconds={"pytorch": 3.0}, isolation={"pytorch": "limited"}),
        outcome("cem", reason=wrong, mistakes=[MISTAKE.name], lost={"numpy": ["used more than 4 GiB of memory"]}),
        outcome("dee", reason=BLANK, repairs={"numpy": ["cells of the course had been moved; …"]}),
        Outcome("eva", ASSIGNMENT, "", (), {}, {}, {}),
        problem,
    ]
    rows = [
        *(row("ann", "step-forward", 2.0), row("ann", "words", 0.0, waiting=True)),
        row("bob", "step-forward", 1.0, notebook="pytorch", reason=wrong),
        row("bob", "words", 2.0, notebook="pytorch"),
        *(row("cem", "step-forward", 0.0, reason=wrong), row("cem", "words", 0.0)),
        *(row("dee", "step-forward", 0.0, reason=BLANK), row("dee", "words", 0.0)),
        *(row("fay", q, 0.0, reason=problem.problems["numpy"]) for q in ("step-forward", "words")),
    ]
    given_in = {
        "bob": Submission(3600.0, {"pytorch": 0.5}),
        "cem": Submission(marked={("numpy", "words"): 0.0}),
        "eva": Submission(7200.0),
    }
    return outcomes, rows, given_in


def figures_of(few, anonymous=False, **more):
    outcomes, rows, given_in = few
    names = naming([*(o.student for o in outcomes), "gus"], anonymous=anonymous)
    return class_figures(ASSIGNMENT, QUESTIONS, outcomes, rows, given_in, names, ungraded=["gus"], **more)


# Figures


def test_people(few):
    people = figures_of(few).people
    assert (people.students, people.handed_in, people.nothing_handed_in) == (7, 6, 1)
    assert (people.graded, people.not_graded_yet, people.could_not_be_graded) == (4, 1, 1)
    assert (people.waiting, people.late, people.penalised) == (1, 1, 1), "who hands in nothing is not late"
    assert people.without.first == (("eva", ""),)


def test_totals_are_after_the_penalty(few):
    totals = figures_of(few).totals
    assert (totals.count, totals.most, totals.unit) == (5, 4.0, "points")
    assert totals.counts == (3, 0, 2, 0, 0)
    assert totals.mean == pytest.approx((2 + 2.5) / 5)


def test_questions_leave_out_what_waits_and_what_could_not_be_graded(few):
    first, words = figures_of(few).questions
    assert (first.answers, first.full, first.part, first.zero, first.blank) == (4, 1, 1, 1, 1)
    assert first.mean == pytest.approx(3 / 8)
    assert first.notebooks == {"numpy": (3, pytest.approx(1 / 3)), "pytorch": (1, 0.5)}
    assert (words.answers, words.waiting, words.full, words.zero, words.blank) == (3, 1, 1, 1, 1)


def test_mistakes_are_counted_by_student_with_hint_and_place(few):
    (made,) = figures_of(few).mistakes
    assert (made.mistake, made.count, made.answers, made.students) == (MISTAKE.name, 2, 4, ("bob", "cem"))
    assert made.notebooks == {"pytorch": 1, "numpy": 1}
    assert made.hint == MISTAKE.hint
    see = MISTAKE.see or find("vanilla/step-forward").see
    assert made.address == place(see).address


def test_ways_in_which_points_were_lost(few):
    losses = {loss.kind: (loss.count, loss.questions) for loss in figures_of(few).losses}
    assert losses == {kinds.KNOWN: (2, {"step-forward": 2}), kinds.BLANK: (1, {"step-forward": 1})}


def test_how_the_grading_went(few):
    figures = figures_of(few)
    assert {t.notebook: (t.count, t.total) for t in figures.times} == {"numpy": (1, 1.0), "pytorch": (1, 3.0)}
    assert figures.slowest.first == (("bob", "pytorch, 3.0 s"), ("ann", "numpy, 1.0 s"))
    assert figures.isolation == {"strict": 1, "limited": 1}
    assert [(k.kind, k.count) for k in figures.problems] == [("not a notebook", 1)]
    assert [(k.kind, k.count) for k in figures.lost] == [("used too much memory", 1)]
    assert [(k.kind, k.count) for k in figures.repairs] == [("cells had been moved", 1)]
    marks = [(m.notebook, m.waiting, m.marked) for m in figures.to_mark]
    assert marks == [("numpy", 1, 3), ("pytorch", 0, 1)]


def test_everything_goes_through_json(few):
    figures = figures_of(few)
    assert json.loads(json.dumps(asdict(figures)))["people"]["students"] == 7


def test_nobody_has_handed_in():
    nothing = Outcome("eva", ASSIGNMENT, "", (), {}, {}, {})
    figures = class_figures(ASSIGNMENT, QUESTIONS, [nothing], [], {}, naming([], anonymous=False))
    assert "Nobody has handed in" in report_page(figures, TODAY)


@given(st.lists(st.tuples(st.floats(-1, 50), st.sampled_from([4.0, 20.0, 33.5, 100.0])), max_size=40))
def test_a_spread_counts_everybody_once(values):
    found = spread(values)
    assert sum(found.counts) == found.count == len(values)
    assert found.quartiles[0] <= found.median <= found.quartiles[1] or not values


@given(st.lists(st.floats(0, 1), max_size=40))
def test_bars_of_a_question_count_every_answer_once(values):
    counts = by_points(values)
    assert len(counts) == len(BARS)
    assert sum(counts) == len(values)
    assert counts[0] == sum(v <= 0 for v in values)
    assert counts[-1] == sum(v >= 1 for v in values)


# Words


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("vanilla/a: step is not written yet → Replace", kinds.BLANK),
        ("vanilla/a: step raised NameError: is not written yet → It", "raised a NameError"),
        ("vanilla/a: step raised AdaLovelaceWasHere: x", "raised another exception"),
        ("vanilla/a: step did not return within 10 seconds → Is there", "did not end in time"),
        ("vanilla/a: your code changes its argument dh in place → The", "changes an argument in place"),
        (
            "vanilla/a: expected your own recurrence; this one uses PyTorch's RNN, which is",
            "uses what is to be written",
        ),
        ("vanilla/a: H has shape (3, 2), expected (2, 3)", "wrong shape"),
        ("vanilla/a: dU differs everywhere; largest relative error 1.3 → dU", kinds.WRONG),
        ("TypeError: 'NoneType' object is not callable", "raised a TypeError"),
        ("KernelLost: your code ended or blocked its kernel here: x", "the kernel was lost"),
    ],
)
def test_kinds_of_losses(reason, kind):
    assert kinds.lost_points(reason) == kind
    assert kinds.lost_points(reason, mistakes=True) == kinds.KNOWN


def test_hints_in_html():
    assert str(prose("dU pairs δa_t with *into* `x *= 1` <b>, h_{t−1}")) == (
        "dU pairs δa<sub>t</sub> with <em>into</em> <code>x *= 1</code> &lt;b&gt;, h<sub>t−1</sub>"
    )
    assert str(prose("dh_prev, W_input and step_forward")) == "dh_prev, W_input and step_forward"


def test_hints_are_escaped_and_have_a_place():
    for mistake in find("vanilla/sequence-backward").all_mistakes:
        assert known_mistake("vanilla/sequence-backward", mistake.name) is mistake
        assert place_of("vanilla/sequence-backward", mistake.name) is not None
        assert "<script" not in str(prose(mistake.hint + "<script>"))
    assert known_mistake("nothing/at-all", "x") is None
    assert place_of("nothing/at-all") is None


def test_numbers_as_people_write_them():
    assert [points(v) for v in (3.0, 1.75, 0.0, 0.1 + 0.2)] == ["3", "1.75", "0", "0.3"]
    assert [percent(v) for v in (0.0, 0.001, 0.5, 0.999, 1.0)] == ["0%", "< 1%", "50%", "> 99%", "100%"]
    assert [duration(v) for v in (4.21, 200, 7500, 97200)] == ["4.2 s", "3 min", "2 h 5 min", "1 day 3 h"]
    assert title("4. One step backward, $\\delta h$ (4 points)") == "4. One step backward, \\delta h"


# From a gradebook


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A made-up class of 24 in a course of its own."""
    course = make_small_course(tmp_path_factory.mktemp("made"))
    add_students(course, 24)
    return course


def one_by_one(course, outcomes):
    """The rows by nbgrader's own objects, a student at a time."""
    rows = []
    with course.gradebook() as gradebook:
        for outcome in outcomes:
            for name in outcome.notebooks:
                order = grade_ids(course.folder("source", ".", ASSIGNMENT) / f"{name}.ipynb")
                grades = gradebook.find_submission_notebook(name, ASSIGNMENT, outcome.student).grades
                rows += [
                    (outcome.student, name, g.name, g.score, g.max_score, bool(g.needs_manual_grade))
                    for g in sorted(grades, key=lambda g: order.index(g.name))
                ]
    return rows


def test_rows_are_those_of_the_gradebook(made):
    outcomes = graded(made, ASSIGNMENT)
    assert len(outcomes) == 24
    for some in (outcomes, outcomes[5:2:-1]):
        got = [
            (r.student, r.notebook, r.question, r.score, r.max_score, r.waiting_for_hand_mark)
            for r in question_rows(made, some)
        ]
        assert got == one_by_one(made, some)


def test_lateness_penalties_comments_and_marks_come_from_the_gradebook(tmp_path):
    course = make_small_course(tmp_path)
    with course.gradebook() as gradebook:
        gradebook.add_student("ann")
        late = DUE + datetime.timedelta(hours=5)
        submission = gradebook.add_submission(ASSIGNMENT, "ann", timestamp=late, extension=datetime.timedelta(hours=2))
        numpy = next(n for n in submission.notebooks if n.name == "numpy")
        numpy.late_submission_penalty = 1.5
        gradebook.db.commit()
        gradebook.find_comment("step-forward-answer", "numpy", ASSIGNMENT, "ann").manual_comment = " Look again. "
        grade = gradebook.find_grade("two-steps-derivation", "numpy", ASSIGNMENT, "ann")
        grade.manual_score, grade.extra_credit = 1.0, 0.5
        gradebook.add_student("bob")
        gradebook.add_submission(ASSIGNMENT, "bob")
        gradebook.db.commit()
    found = submissions(course, ASSIGNMENT)
    assert found["ann"] == Submission(
        3 * 3600.0,
        {"numpy": 1.5},
        {("numpy", "step-forward-answer"): "Look again."},
        {("numpy", "two-steps-derivation"): 1.0},
        {("numpy", "two-steps-derivation"): 0.5},
    )
    assert found["bob"] == Submission()


def test_a_report_of_a_whole_course(made):
    figures = class_report(made, ASSIGNMENT)
    assert figures.title == "The vanilla RNN"
    assert figures.people.students == 24
    assert figures.people.late == figures.people.penalised > 0
    assert figures.questions[0].title == "1. One step forward"
    assert figures.mistakes
    assert all(m.hint and m.address.startswith("https://") for m in figures.mistakes)
    assert figures.notebooks == NOTEBOOKS


def test_who_has_handed_in_and_is_not_graded(made):
    folder = made.folder("submitted", "zoe", ASSIGNMENT)
    folder.mkdir(parents=True)
    assert class_report(made, ASSIGNMENT).people.not_graded_yet == 0
    (folder / "numpy.ipynb").write_text("{}")
    people = class_report(made, ASSIGNMENT).people
    assert (people.not_graded_yet, people.ungraded.first) == (1, (("zoe", ""),))


# Without names


def test_nobody_is_named_in_an_anonymous_report(made):
    names = [o.student for o in graded(made, ASSIGNMENT)] + ["zoe"]
    figures = class_report(made, ASSIGNMENT, anonymous=True)
    texts = report_page(figures, TODAY) + json.dumps(asdict(figures), ensure_ascii=False)
    for name in names:
        assert name not in texts
    assert "Expecting value" not in texts, "no message is quoted"
    assert ".ipynb" not in texts
    assert str(made.root) not in texts


def test_numbers_are_keyed_by_the_courses_secret(tmp_path):
    students = [f"s{k}" for k in range(50)]
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    first, again = (naming(students, anonymous=True, secret=tmp_path / "a").numbers for _ in range(2))
    assert first == again
    assert sorted(first.values()) == list(range(1, 51))
    assert [first[s] for s in students] != list(range(1, 51)), "the order says nothing"
    assert first != naming(students, anonymous=True, secret=tmp_path / "b").numbers
    lost = naming(students, anonymous=True, secret=tmp_path / "none").numbers
    assert lost != naming(students, anonymous=True, secret=tmp_path / "none").numbers


# The page


def soup_of(figures):
    return BeautifulSoup(report_page(figures, TODAY), "html.parser")


def test_the_page_loads_and_runs_nothing(made):
    soup = soup_of(class_report(made, ASSIGNMENT))
    assert not soup.find_all(["script", "link", "img", "iframe", "object", "form"])
    assert not [a for tag in soup.find_all(True) for a in tag.attrs if a.startswith("on") or a == "src"]
    style = "".join(tag.text for tag in soup.find_all("style"))
    assert not re.search(r"url\(|@import|expression", style)
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    assert policy is not None
    assert "default-src 'none'" in str(policy["content"])
    assert all(str(a["href"]).startswith(("#", "https://")) for a in soup.find_all("a"))


def test_the_page_is_marked_up_for_everybody(made):
    soup = soup_of(class_report(made, ASSIGNMENT))
    assert soup.html is not None
    assert soup.html["lang"] == "en"
    assert len(soup.find_all("h1")) == 1
    levels = [int(h.name[1]) for h in soup.find_all(re.compile("^h[1-6]$"))]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels)), "no level is left out"
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert {str(a["href"])[1:] for a in soup.select("a[href^='#']")} <= set(ids)
    for table in soup.find_all("table"):
        assert table.caption is not None
        assert table.select("thead th[scope=col]")
        assert all(r.find("th", scope="row") for r in table.select("tbody tr"))
    for plot in soup.find_all("svg"):
        assert plot["role"] == "img"
        assert set(str(plot["aria-labelledby"]).split()) <= set(ids)
        section = plot.find_parent("section")
        assert section is not None
        assert section.select("details table"), "the numbers stand behind each plot"


def test_what_students_wrote_is_shown_and_not_obeyed(few):
    outcomes, rows, given_in = few
    evil = "<script>alert(1)</script>\x1b[2J\u202etxet"
    outcomes[2].lost["numpy"][:] = [f"died: {evil}"]
    outcomes[5].problems["numpy"] = evil
    outcomes[1].mistakes["pytorch"]["step-forward"].append(evil)
    outcomes[4] = replace(outcomes[4], student='o\'neil & "sons"')
    page = report_page(figures_of((outcomes, rows, given_in), title=f"A {evil}"), TODAY)
    soup = BeautifulSoup(page, "html.parser")
    assert not soup.find_all("script")
    assert not re.search("[\x1b\u202e]", page)
    assert 'o\'neil & "sons"' in soup.get_text()


def test_a_page_for_thousands_stays_small(few):
    outcomes, rows, given_in = few
    many = [replace(o, student=f"{o.student}-{k}") for k in range(900) for o in outcomes]
    their = [replace(r, student=f"{r.student}-{k}") for k in range(900) for r in rows]
    page = report_page(figures_of((many, their, given_in)), TODAY)
    assert len(page.encode()) < 100_000
    assert "and 888 more" in page


# The command


def test_the_command_writes_the_page_and_says_the_same_as_data(made, tmp_path, capsys):
    page = tmp_path / "deep" / "report.html"
    assert main(["report", ASSIGNMENT, "--course", str(made.root), "-o", str(page), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["file"] == str(page)
    expected = json.loads(json.dumps(asdict(class_report(made, ASSIGNMENT))))
    assert {name: said[name] for name in expected} == expected
    assert "<h1>The vanilla RNN</h1>" in page.read_text(encoding="utf-8")


def test_without_a_place_it_stands_in_the_courses_folder(made, capsys):
    assert main(["report", ASSIGNMENT, "--course", str(made.root), "--anonymous"]) == 0
    assert (made.root / "report-vanilla-anonymous.html").is_file()
    assert "students handed in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "lstmm"], "there is no assignment 'lstmm'"),
        (["report", ASSIGNMENT, "-o", "/proc/report.html"], "/proc"),
    ],
)
def test_what_cannot_be_done_is_one_line(made, capsys, arguments, said):
    assert main([*arguments, "--course", str(made.root)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_nothing_graded_is_one_line(tmp_path, capsys):
    course = make_small_course(tmp_path)
    (tmp_path / "submitted").mkdir()
    assert main(["report", ASSIGNMENT, "--course", str(course.root)]) == 2
    assert "run unrolled grade first" in capsys.readouterr().err


def test_questions_are_called_by_their_headings(made):
    found = asked(open_course(made.root), ASSIGNMENT)
    assert [a.title for a in found["numpy"]][:2] == ["1. One step forward", "2. A masked sequence"]
    assert [a.by_hand for a in found["numpy"]] == [False, False, False, True]


def test_questions_under_one_heading_and_without_one_can_be_told_apart():
    def cell(name):
        return new_code_cell("check", metadata={"nbgrader": {"grade": True, "grade_id": name, "points": 1}})

    heading = new_markdown_cell("# Title\n## 7. Peepholes (3 points)")
    notebook = new_notebook(cells=[cell("no-heading"), heading, cell("peephole-step"), cell("peephole-backward")])
    titles = [each.title for each in questions_of(nbformat.writes(notebook))]
    assert titles == ["no heading", "7. Peepholes (peephole step)", "7. Peepholes (peephole backward)"]
