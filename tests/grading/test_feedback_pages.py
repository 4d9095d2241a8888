"""What a student reads: the total and how it came about, what to look at, nothing hidden, as a page and as text."""

import datetime
import json
import os
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_output
from report_class import ASSIGNMENT, make_small_course, source

from autograder.checks import CheckFailure
from autograder.checks.checking import find
from autograder.checks.failures import Verdict
from autograder.checks.places import place
from autograder.cli import main
from autograder.grading.course import CourseError
from autograder.grading.feedback import write_feedback
from autograder.grading.grade import Outcome
from autograder.grading.outcomes import keep
from autograder.grading.partial import failed_outputs, with_credit
from autograder.grading.report import nbgrader_pages, writing
from autograder.grading.report.gradebook import Submission
from autograder.grading.report.messages import Diagnosis, diagnosis, messages
from autograder.grading.report.pages import student_html, student_text
from autograder.grading.report.questions import Asked
from autograder.grading.report.steps import next_steps, standing
from autograder.grading.report.student import Standing, student_page
from autograder.grading.table import QuestionRow, question_rows

MISTAKE = next(m for m in find("vanilla/step-backward").all_mistakes if m.see)
QUESTIONS = {
    "numpy": (
        Asked("step-forward", "1. One step forward", 2, False),
        Asked("step-backward", "4. One step backward", 4, False),
        Asked("words", "7. In your own words", 2, True),
    )
}


def failure(**more) -> CheckFailure:
    return CheckFailure(
        "vanilla/step-backward",
        "dU differs everywhere; largest relative error 1.3",
        verdicts=[Verdict("dU", False, "differs everywhere; largest relative error 1.3"), Verdict("db", True)],
        problem="B = 2, D = 6, H = 3",
        advice=MISTAKE.hint,
        see=MISTAKE.see,
        mistakes=[MISTAKE.name],
        credit=0.75,
        **more,
    )


def graded_notebook(folder, *, stream="", failed=None):
    """A graded notebook as the engine leaves it, with a failure in its question step-backward."""
    notebook = source("NumPy")
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.nbgrader.grade_id == "step-backward":
            outputs = [new_output("stream", name="stdout", text=stream)] if stream else []
            cell.outputs = with_credit([*outputs, *failed_outputs(failed or failure())], 4.0)
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / "numpy.ipynb")
    return folder / "numpy.ipynb"


def row(question, score, most, *, waiting=False, reason=""):
    return QuestionRow("ann", ASSIGNMENT, "numpy", question, score, most, waiting, reason)


def page_of(*rows, submission=None, facts=None, questions=QUESTIONS, pages=frozenset(), **more):
    reasons = {"numpy": {r.question: r.reason for r in rows if r.reason}}
    made = {"numpy": {r.question: [MISTAKE.name] for r in rows if MISTAKE.hint in r.reason}}
    given = {"reasons": reasons, "problems": {}, "hand_answers": {}, "mistakes": made, **more}
    outcome = Outcome("ann", ASSIGNMENT, "", ("numpy",) if rows else (), **given)
    return student_page(outcome, "The vanilla RNN", questions, rows, submission or Submission(), facts, pages)


REASON = failure().facts()["reason"]
RIGHT = row("step-forward", 2.0, 2.0)
PART = row("step-backward", 3.0, 4.0, reason=REASON)
BLANK = row("step-forward", 0.0, 2.0, reason="vanilla/step-forward: step_forward is not written yet → Replace it.")


def read(page):
    """The page's words, and its text for mail on one line."""
    html = BeautifulSoup(student_html(page), "html.parser")
    assert html.main is not None
    words = re.sub(r" ([.:;])", r"\1", " ".join(html.main.get_text(" ").split()))
    return words, " ".join(student_text(page).split())


# What a check said


def test_a_message_is_taken_apart_as_it_was_put_together(tmp_path):
    facts = messages(graded_notebook(tmp_path))["step-backward"]
    found = diagnosis("vanilla/step-backward", REASON, [MISTAKE.name], facts)
    assert found == Diagnosis(
        headline="dU differs everywhere; largest relative error 1.3",
        advice=MISTAKE.hint,
        verdicts=(("dU", False, "differs everywhere; largest relative error 1.3"), ("db", True, "right")),
        problem="B = 2, D = 6, H = 3",
        see=place(MISTAKE.see).text,
        address=place(MISTAKE.see).address,
        credit=0.75,
    )


def test_without_the_notebook_the_reason_is_enough():
    found = diagnosis("vanilla/step-backward", REASON, [MISTAKE.name])
    assert (found.headline, found.advice) == ("dU differs everywhere; largest relative error 1.3", MISTAKE.hint)
    assert found.address == place(MISTAKE.see).address
    assert found.verdicts == ()


def test_a_message_that_the_reason_is_not_of_is_not_believed(tmp_path):
    other = CheckFailure("vanilla/step-backward", "the secret is 42", verdicts=[Verdict("dx", False, "is 42")])
    facts = messages(graded_notebook(tmp_path, failed=other))["step-backward"]
    assert "42" in facts["text"]
    found = diagnosis("vanilla/step-backward", REASON, [MISTAKE.name], facts)
    assert found == diagnosis("vanilla/step-backward", REASON, [MISTAKE.name])


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "[" * 100_000, json.dumps({"cells": []}), '{"cells": [{}, 7]}', "7"]
)
def test_a_notebook_that_cannot_be_read_says_nothing(tmp_path, content):
    (tmp_path / "n.ipynb").write_text(content)
    assert messages(tmp_path / "n.ipynb") == {}
    assert messages(tmp_path / "none.ipynb") == {}


def test_learners_cells_are_not_asked(tmp_path):
    path = graded_notebook(tmp_path)
    notebook = nbformat.read(path, as_version=4)
    forged = new_code_cell("x", outputs=failed_outputs(failure()), metadata={"nbgrader": {"grade_id": "step-forward"}})
    notebook.cells.insert(0, forged)
    nbformat.write(notebook, path)
    assert set(messages(path)) == {"step-backward"}


# How an answer stands


@pytest.mark.parametrize(
    ("one", "submission", "expected"),
    [
        (RIGHT, Submission(), Standing.RIGHT),
        (PART, Submission(), Standing.PART),
        (BLANK, Submission(), Standing.BLANK),
        (row("step-backward", 0.0, 4.0, reason=REASON), Submission(), Standing.WRONG),
        (row("words", 0.0, 2.0, waiting=True), Submission(), Standing.WAITING),
        (row("words", 0.0, 2.0), Submission(), Standing.BLANK),
        (row("words", 0.0, 2.0), Submission(marked={("numpy", "words"): 0.0}), Standing.WRONG),
        (row("words", 2.5, 2.0), Submission(extra={("numpy", "words"): 0.5}), Standing.RIGHT),
    ],
)
def test_standings(one, submission, expected):
    (answer,) = page_of(one, submission=submission).parts[0].answers
    assert answer.standing is expected


# The page


def test_it_says_what_is_wrong_what_to_look_at_and_where_it_is_explained(tmp_path):
    facts = {"numpy": messages(graded_notebook(tmp_path))}
    page = page_of(RIGHT, PART, facts=facts)
    for words in read(page):
        assert "5 of 6 points" in words
        assert "4. One step backward" in words
        assert "dU differs everywhere; largest relative error 1.3." in words
        assert "What to look at" in words
        assert place(MISTAKE.see).text in words
        assert "earn their part of the points: here 75% of 4, in whole quarters 3." in words
        assert "Start with 4. One step backward: 1 point to gain." in words
    html = BeautifulSoup(student_html(page), "html.parser")
    assert html.find("a", href=place(MISTAKE.see).address)
    assert place(MISTAKE.see).address in student_text(page)
    assert [th.text for th in html.select("article table tbody th")] == ["dU", "db"]


def test_what_was_taken_off_and_what_may_still_come():
    waits = row("words", 0.0, 2.0, waiting=True)
    page = page_of(RIGHT, waits, submission=Submission(97200.0, {"numpy": 1.0}))
    assert (page.score, page.most, page.waiting, page.open_points) == (1.0, 4.0, 1, 2.0)
    assert standing(page) == [
        "You earned 2 points. 1 point was taken off, because you handed in 1 day 3 h after the due time.",
        "One answer waits to be marked by a person; that can bring up to 2 points more.",
    ]
    late = page_of(RIGHT, submission=Submission(600.0))
    assert standing(late) == ["You handed in 10 min after the due time. Nothing was taken off for it."]
    assert page_of(RIGHT, submission=Submission(1.0, {"numpy": 5.0})).score == 0


def test_a_person_is_heard():
    submission = Submission(
        comments={("numpy", "step-forward-answer"): "Nice.\nAnd short.", ("numpy", "words"): "Say why."},
        marked={("numpy", "words"): 1.0},
        extra={("numpy", "step-forward"): 0.5},
    )
    page = page_of(row("step-forward", 2.5, 2.0), row("words", 1.0, 2.0), submission=submission)
    for words in read(page):
        assert "Your teacher writes" in words
        assert "Nice. And short." in words
        assert "Say why." in words
        assert "0.5 of these points were given on top." in words
        assert "A person has marked this answer" in words
        assert "Read what your teacher writes on 1. One step forward; 7. In your own words." in words


def test_all_right_nothing_blank_and_nothing_at_all():
    assert [s.before for s in next_steps(page_of(RIGHT))] == ["Nothing: everything is right."]
    (step,) = next_steps(page_of(BLANK))
    assert step.before.startswith("Nothing is written yet. Begin with")
    assert [s.before for s in next_steps(page_of(BLANK, PART))] == ["Start with ", "Still to be written: "]
    nothing = page_of()
    assert (nothing.score, nothing.most) == (0, 8)
    for words in read(nothing):
        assert "No notebook was handed in" in words
        assert "numpy.ipynb" in words


def test_a_notebook_that_could_not_be_graded_says_why_once_above():
    problem = "numpy.ipynb is not JSON (Expecting value at line 1, column 1): save it again"
    page = page_of(row("step-forward", 0.0, 2.0, reason=problem), problems={"numpy": problem}, reasons={})
    for words in read(page):
        assert words.count("could not be graded") == 1
        assert problem in words
        assert "Question" not in words


def test_repairs_and_lost_kernels_are_told():
    page = page_of(RIGHT, repairs={"numpy": ["cells were moved"]}, lost={"numpy": ["used more than 4 GiB of memory"]})
    for words in read(page):
        assert "Put right before grading; it cost nothing" in words
        assert "ells were moved" in words
        assert "its kernel was lost and started again" in words
        assert "sed more than 4 GiB of memory" in words


EVIL = "<script>alert(1)</script>\x1b]0;title\x07\x1b[2J\u202etxet `<b>` *<i>* $x$ {{ 7 * 7 }} \ud800"


def test_whatever_is_written_is_shown_and_not_obeyed():
    reason = f"vanilla/step-forward: step raised Evil: {EVIL} → {EVIL}"
    page = page_of(
        row("step-forward", 0.0, 2.0, reason=reason),
        submission=Submission(comments={("numpy", "step-forward"): EVIL}),
        repairs={"numpy": [EVIL]},
        lost={"numpy": [EVIL]},
    )
    page = page.__class__(**{**page.__dict__, "student": f"o'neil {EVIL}"})
    html = student_html(page)
    soup = BeautifulSoup(html, "html.parser")
    assert [tag.parent["class"] for tag in soup.find_all("i")] == [["meter"]]
    assert not soup.find_all(["script", "b", "img", "link", "iframe"])
    assert "{{ 7 * 7 }}" in soup.get_text()
    for text in (html, student_text(page)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
        assert text.encode("utf-8", "strict")


def test_text_for_mail_has_short_lines(tmp_path):
    text = student_text(page_of(RIGHT, PART, facts={"numpy": messages(graded_notebook(tmp_path))}))
    assert all(len(line) <= 78 for line in text.splitlines() if "https://" not in line)
    assert text.endswith("\n")
    assert "\n\n\n" not in text


def test_the_page_is_marked_up_for_everybody(tmp_path):
    submission = Submission(3600.0, {"numpy": 1.0}, {("numpy", "words"): "Say why."})
    facts = {"numpy": messages(graded_notebook(tmp_path))}
    page = page_of(RIGHT, PART, row("words", 0, 2), facts=facts, submission=submission)
    soup = BeautifulSoup(student_html(page), "html.parser")
    assert soup.html is not None
    assert soup.html["lang"] == "en"
    assert [h.name for h in soup.find_all(re.compile("^h[1-3]$"))] == ["h1", "h2", "h2", "h3", "h3"]
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert {str(a["href"])[1:] for a in soup.select("a[href^='#']")} <= set(ids)
    assert {tag["aria-labelledby"] for tag in soup.find_all(attrs={"aria-labelledby": True})} <= set(ids)
    assert all(table.caption is not None for table in soup.find_all("table"))
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    assert policy is not None
    assert "default-src 'none'" in str(policy["content"])


# On disk


@pytest.fixture
def one(tmp_path):
    """A course with one student whose notebook is graded. (course, outcome)."""
    course = make_small_course(tmp_path)
    graded_notebook(course.folder("autograded", "ann", ASSIGNMENT), stream="expected 3.14159, got 2.71828\n")
    with course.gradebook() as gradebook:
        gradebook.add_student("ann")
        submission = gradebook.add_submission(ASSIGNMENT, "ann", timestamp=datetime.datetime(2026, 3, 1))
        for part in submission.notebooks:
            for grade in part.grades:
                grade.auto_score, grade.needs_manual_grade = grade.max_score, False
        gradebook.find_grade("step-backward", "numpy", ASSIGNMENT, "ann").auto_score = 3.0
        gradebook.db.commit()
    mistakes = {"numpy": {"step-backward": [MISTAKE.name]}}
    outcome = Outcome(
        "ann", ASSIGNMENT, "", ("numpy",), {"numpy": {"step-backward": REASON}}, {}, {}, mistakes=mistakes
    )
    keep(course, outcome)
    course.folder("submitted", "ann", ASSIGNMENT).mkdir(parents=True)
    return course, outcome


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_overviews_need_no_page_of_nbgraders_and_tell_no_hidden_value(one):
    course, outcome = one
    (page,) = write_feedback(course, [outcome], question_rows(course, [outcome]), pages="none")
    folder = page.parent
    assert set(times(folder)) == {"index.html", "feedback.txt"}
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert MISTAKE.hint.split(" ")[0] in text
        assert "3.14159" not in text
        assert "numpy.html" not in text, "no link to what is not there"


def test_what_has_not_changed_is_not_written_again(one):
    course, outcome = one
    rows = question_rows(course, [outcome])
    (page,) = write_feedback(course, [outcome], rows, pages="none")
    before = times(page.parent)
    write_feedback(course, [outcome], rows, pages="none")
    assert times(page.parent) == before
    with course.gradebook() as gradebook:
        gradebook.find_comment("step-forward-answer", "numpy", ASSIGNMENT, "ann").manual_comment = "Short and right."
        gradebook.db.commit()
    write_feedback(course, [outcome], rows, pages="none")
    assert all(after != before[name] for name, after in times(page.parent).items())
    assert "Short and right." in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_nbgraders_page_is_made_again_only_when_something_in_it_has_changed(one):
    course, outcome = one
    rows = question_rows(course, [outcome])
    (index,) = write_feedback(course, [outcome], rows)
    page = index.parent / "numpy.html"
    html = page.read_text(encoding="utf-8")
    assert "Content-Security-Policy" in html
    assert 'href="numpy.html"' in index.read_text(encoding="utf-8")
    before = times(index.parent)
    write_feedback(course, [outcome], rows)
    assert times(index.parent) == before
    with course.gradebook() as gradebook:
        gradebook.find_comment("step-forward-answer", "numpy", ASSIGNMENT, "ann").manual_comment = "Short and right."
        gradebook.db.commit()
    write_feedback(course, [outcome], rows)
    assert "Short and right." in page.read_text(encoding="utf-8")
    assert not [p for p in course.root.iterdir() if p.name.startswith(".feedback-")], "nothing is left lying about"


@pytest.mark.slow
def test_one_notebook_that_nbgrader_cannot_show_stops_nobody_else(one):
    course, outcome = one
    other = Outcome("bob", ASSIGNMENT, "", ("numpy",), {}, {}, {})
    folder = course.folder("autograded", "bob", ASSIGNMENT)
    graded_notebook(folder)
    with pytest.raises(CourseError, match=r"could not make a page of a notebook of bob/vanilla; all else is there"):
        write_feedback(course, [other, outcome], question_rows(course, [outcome]))
    assert (course.folder("feedback", "ann", ASSIGNMENT) / "numpy.html").is_file()
    assert (course.folder("feedback", "bob", ASSIGNMENT) / "index.html").is_file()


def test_what_a_killed_run_has_left_is_cleared_away(one):
    course, _ = one
    old, new = course.root / ".feedback-old", course.root / ".feedback-new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    assert list(nbgrader_pages.make_all(course, ASSIGNMENT, {})) == []
    assert (old.exists(), new.exists()) == (False, True)


def killed(*_arguments):
    """A worker that the machine's memory did not suffice for."""
    os._exit(9)


@pytest.mark.slow
@pytest.mark.parametrize("dies", [False, True], ids=["two workers", "two workers that are killed"])
def test_pages_are_the_same_whoever_makes_them(one, monkeypatch, dies):
    course, outcome = one
    outcomes = [outcome]
    for student in ("bob", "cem"):
        graded_notebook(course.folder("autograded", student, ASSIGNMENT))
        outcomes.append(outcome.__class__(**{**outcome.__dict__, "student": student}))
        with course.gradebook() as gradebook:
            gradebook.add_student(student)
            gradebook.add_submission(ASSIGNMENT, student)
    rows = question_rows(course, outcomes)
    monkeypatch.setattr(nbgrader_pages, "AT_ONCE", 1)
    if dies:
        monkeypatch.setattr(nbgrader_pages, "_make_there", killed)
    told = []
    write_feedback(course, outcomes, rows, workers=2, done=told.append)
    assert sorted(told) == ["ann", "bob", "cem"]
    pages = [course.folder("feedback", student, ASSIGNMENT) / "numpy.html" for student in told]
    texts = [page.read_text(encoding="utf-8") for page in pages]
    for page in pages:
        page.unlink()
    write_feedback(course, outcomes, rows)
    assert [page.read_text(encoding="utf-8") for page in pages] == texts


def test_a_notebook_that_was_taken_back_has_no_page_any_more(one):
    course, outcome = one
    folder = course.folder("feedback", "ann", ASSIGNMENT)
    folder.mkdir(parents=True)
    (folder / "pytorch.html").write_text("of yesterday")
    write_feedback(course, [outcome], question_rows(course, [outcome]), pages="none")
    assert not (folder / "pytorch.html").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_interrupted_it_leaves_whole_files(tmp_path, monkeypatch, error):
    path = tmp_path / "index.html"
    assert writing.write_whole(path, "the old page")
    assert not writing.write_whole(path, "the old page")

    def stop(*_arguments):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.replace", stop)
        with pytest.raises((KeyboardInterrupt, OSError)):
            writing.write_whole(path, "the new page")
    assert path.read_text() == "the old page"
    assert [each.name for each in tmp_path.iterdir()] == ["index.html"]


# The command


def test_the_command_for_everybody_and_for_one(one, capsys):
    course, _ = one
    arguments = ["feedback", ASSIGNMENT, "--course", str(course.root), "--pages", "none"]
    assert main([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["pages"] == [str(course.folder("feedback", "ann", ASSIGNMENT) / "index.html")]
    assert main([*arguments, "--student", "ann"]) == 0
    assert "1 feedback page in" in capsys.readouterr().out
    assert main([*arguments, "--student", "zoe"]) == 2
    assert "zoe: nothing of vanilla has been graded" in capsys.readouterr().err
