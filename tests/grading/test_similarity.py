"""Similarity: what of a copy survives a disguise, and that honest right answers are not listed."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import time
from itertools import combinations

import nbformat
import numpy as np
import pytest
from alike import disguised, honest, styles

from autograder.cli import main
from autograder.grading.course import open_course
from autograder.grading.sample_class import make_course
from autograder.grading.similarity.comparing import SAME_SIZE, Given, compare, least_share, rarity
from autograder.grading.similarity.fingerprints import LENGTH, covered, fingerprints
from autograder.grading.similarity.reading import Cell, Submission, code_in, submission
from autograder.grading.similarity.words import words
from autograder.grading.sources import notebook_of

STEP = """
def step(dh, x, h, W):
    '''The gradients.'''
    da = dh * (1.0 - h ** 2)  # the slope
    dx = da @ W.T
    return dx, x.T @ da
"""
SAME_STEP = """
def other(upstream, inputs, state, weights):
    # mine
    delta = (upstream*(1 - state**2))

    inward = (delta @
              weights.T)
    return (inward, inputs.T @ delta,)
"""


def reference(root, assignment, framework="numpy"):
    """The code cells of a solution, and those of them that are answers."""
    cells = [c for c in notebook_of(root / "solutions" / assignment / f"{framework}.py").cells if c.cell_type == "code"]
    return [c.source for c in cells], [c.source for c in cells if c.metadata.get("nbgrader", {}).get("solution")]


def handed_in(*sources, name="student"):
    return Submission(name, "numpy", tuple(Cell(f"cell {i}", source) for i, source in enumerate(sources)))


# Words and passages


def test_a_disguise_changes_no_word():
    one, two = words(STEP), words(SAME_STEP)
    assert len(one.codes) > 30
    np.testing.assert_array_equal(one.codes, two.codes)
    np.testing.assert_array_equal(one.back, two.back)
    np.testing.assert_array_equal(fingerprints(one), fingerprints(two))


@pytest.mark.parametrize(
    ("old", "new"),
    [("W.T", "W"), ("1.0 -", "1.0 +"), ("x.T @ da", "da.T @ x"), ("** 2", "** 3"), ("da @ W", "dh @ W")],
)
def test_other_code_is_other_passages(old, new):
    assert STEP.count(old) == 1
    one, two = fingerprints(words(STEP)), fingerprints(words(STEP.replace(old, new)))
    assert not np.array_equal(one, two)


def test_words_know_where_they_stand():
    text = "x = np.tanh(a)  # done\n"
    found = words(text)
    assert [text[s:e] for s, e in zip(found.start, found.end, strict=True)] == ["x", "=", "np", ".", "tanh", "a"]


def test_which_words_lie_in_a_passage():
    starts = np.zeros(20, bool)
    starts[[0, 3]] = True
    np.testing.assert_array_equal(np.flatnonzero(covered(starts, 4)), np.arange(7))
    assert len(covered(starts, 4)) == 23


HOSTILE = {
    "nothing": "",
    "quotes": "'''" * 20_000 + "\\",
    "an open string": '"' + "a\\\n" * 50_000,
    "backslashes": "\\" * 100_000,
    "brackets": "([{" * 50_000,
    "closing brackets": ")" * 100_000,
    "prefixes": "rb" * 50_000 + "'" * 3,
    "digits": "0_1.e" * 20_000,
    "bytes of all kinds": "".join(map(chr, range(1, 0x3000))) * 8,
    "a syntax error": "def f(:\n  return return\n" * 5_000,
    "a shell": "%%bash\nrm -rf ~ 'x\n!ls \"y\n" * 3_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_nothing_stops_the_words(text):
    start = time.process_time()
    found = words(text)
    fingerprints(found)
    assert time.process_time() - start < 3
    assert np.all(found.start[1:] >= found.end[:-1])
    assert len(found.codes) == len(found.back) == len(found.end)


def test_rarity_falls_from_two_to_half_of_the_class():
    weights = rarity(np.array([1, 2, 10, 30, 50, 100]), 100)
    assert weights[0] == weights[1] == 1
    assert np.all(np.diff(weights[1:5]) < 0)
    assert weights[4] < 0.01
    assert weights[5] == 0
    assert [round(least_share(n), 2) for n in (2, 16, 100, 5000)] == [0.45, 0.57, 0.67, 0.88]


# Honest answers and copies


def test_the_reference_and_the_release_explain_themselves(root):
    everything, answers = reference(root, "vanilla")
    given = Given.of(everything)
    assert len(given.own(handed_in(*answers))) == 0
    assert len(given.own(handed_in(*(disguised(a, 1, move=0) for a in answers)))) == 0
    assert not compare([handed_in(*answers, name=n) for n in "abc"], given).pairs


def classes(framework):
    """Classes of honest people, one an assignment: each answers in styles of their own. (assignment, people).

    Answers that use the same class are the same person's.
    """
    found = {}
    for (question, _style), source in styles(framework).items():
        people = found.setdefault(question.split("/")[0], [])
        own = set(re.findall(r"^class .*", source, re.MULTILINE))
        related = [one for one in people if any(own & set(text.splitlines()) for text in one.values())]
        free = [one for one in related or people if question not in one]
        if not free:
            free = [{}]
            people += free
        free[0][question] = source
    return found.items()


@pytest.mark.parametrize("framework", ["numpy", "pytorch", "tensorflow"])
def test_right_answers_in_other_styles_are_not_listed_and_their_copies_are(root, framework):
    listed = tried = pairs = 0
    shares = []
    for assignment, people in classes(framework):
        given = Given.of(reference(root, assignment, framework)[0])
        class_ = [handed_in(*answers.values(), name=f"honest {i}") for i, answers in enumerate(people)]
        every = compare(class_, given, least=1e-9).pairs
        shares += [pair.share for pair in every]
        assert not compare(class_, given).pairs
        pairs += len(list(combinations(class_, 2)))
        for number, answers in enumerate(people):
            if len(given.own(class_[number])) < SAME_SIZE:
                continue  # some ten lines: less is no evidence
            copy = handed_in(*(disguised(a, number) for a in answers.values()), name="copy")
            found = compare([*class_, copy], given).pairs
            tried += 1
            listed += [(p.first, p.second) for p in found] == [(f"honest {number}", "copy")]
    print(f"{framework}: {pairs} honest pairs, largest share {max(shares, default=0):.2f}; copies {listed} of {tried}")
    assert max(shares, default=0) < 0.3
    assert tried >= 4
    assert listed == tried


@pytest.mark.slow
@pytest.mark.parametrize(("assignment", "size"), [("vanilla", 16), ("lstm", 16), ("vanilla", 200)])
def test_a_class_of_people_with_habits(root, assignment, size):
    """All answers are the reference's, written as each is used to: hardly a pair of thousands is listed by chance.

    So little is theirs that of copies whose statements were moved, too, only some can be told from chance.
    """
    everything, answers = reference(root, assignment)
    given = Given.of(everything)
    people = [handed_in(*honest(answers, size * 1000 + i), name=f"honest {i:03d}") for i in range(size)]
    copied = random.Random(size).sample(range(size), size // 8)
    by_chance = {(pair.first, pair.second) for pair in compare(people, given).pairs}
    assert len(by_chance) <= 1 + size // 100
    told = []
    for move in (0.0, 0.25):
        copies = [
            handed_in(*(disguised(c.source, i, move=move) for c in people[i].cells), name=f"honest {i:03d}, a copy")
            for i in copied
        ]
        found = {(pair.first, pair.second) for pair in compare([*people, *copies], given).pairs}
        told.append(len(found & {(f"honest {i:03d}", f"honest {i:03d}, a copy") for i in copied}))
    print(f"{assignment}, {size}: copies listed: renamed {told[0]}, moved too {told[1]} of {len(copied)}; {by_chance}")
    assert told[0] >= 0.7 * len(copied)
    assert told[1] >= 0.25 * len(copied)


# What is flagged


def test_same_file_same_text_and_same_wrong_results():
    people = [
        Submission("ada", "numpy", (), file="1", texts={"why": "t"}),
        Submission("bo", "numpy", (), file="1", texts={"why": "other"}),
        Submission("cy", "numpy", (), file="2", texts={"why": "t"}),
        *(Submission(f"n{i}", "numpy", (), file=f"n{i}") for i in range(9)),
    ]
    wrong = {"bo": {"p": "mixed up", "q": "E"}, "cy": {"p": "mixed up", "q": "E"}, "n1": {"q": "E"}, "n2": {"r": "F"}}
    pairs = {(p.first, p.second): p for p in compare(people, Given.of([]), wrong=wrong).pairs}
    assert pairs.keys() == {("ada", "bo"), ("ada", "cy"), ("bo", "cy")}
    assert pairs["ada", "bo"].same_file
    assert pairs["ada", "cy"].same_texts == ("why",)
    assert pairs["bo", "cy"].same_results == ("p", "q")
    assert next(iter(pairs)) == ("ada", "bo")


def test_a_text_that_the_reference_has_or_half_the_class_is_no_pair():
    people = [Submission(f"n{i}", "numpy", (), texts={"why": "t", "how": "given"}) for i in range(5)]
    found = compare(people, Given.of([]), given_texts={"given"})
    assert not found.pairs
    assert found.notes == ("5 have the same written answer to why: n0, n1, n2, n3, n4.",)


def test_a_ring_of_half_the_class_is_listed():
    source = styles("numpy")["lstm/step-forward", "a method with an argument more"]
    people = [handed_in(disguised(source, i, move=0), name=f"ring {i}") for i in range(8)]
    people += [handed_in(source.replace("peep", f"p{i}[{i}]"), name=f"other {i}") for i in range(3)]
    pairs = compare(people, Given.of([])).pairs
    assert [(p.first, p.second) for p in pairs if p.same_code] == [("ring 0", f"ring {i}") for i in range(1, 8)]


def test_padding_hides_no_copy():
    """Each side has five hundred lines more that nobody shares."""
    answers = list(dict(classes("numpy"))["lstm"][0].values())
    chance = random.Random(0)

    def padding():
        signs = ["+", "-", "*", "@", "/", "%", "<", ">", "&", "|", "^", "//"]
        body = (f"x[{chance.randrange(99)}] {chance.choice(signs)} {chance.randrange(99)}.5" for _ in range(500))
        return "\n".join(f"y = {line}" for line in body)

    people = [
        handed_in(*answers, padding(), name="one"),
        handed_in(*(disguised(a, 3) for a in answers), padding(), name="two"),
        handed_in(padding(), name="three"),
    ]
    (pair,) = compare(people, Given.of([])).pairs
    assert (pair.first, pair.second) == ("one", "two")
    assert pair.share < least_share(3)
    assert pair.size > 400


def test_only_what_is_the_learners_counts(root):
    released = nbformat.read(root / "exercises" / "vanilla" / "numpy.ipynb", as_version=4)
    blank = submission("ada", "numpy", nbformat.writes(released).encode(), released)
    assert blank == Submission("ada", "numpy", ())
    edited = nbformat.from_dict(released)
    for cell in edited.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if grade_id == "step-forward-answer":
            cell.source = cell.source.replace("raise NotImplementedError()", "return 1 + 1")
        if grade_id == "step-forward":
            cell.source = "print('in a test cell')"
    edited.cells.insert(3, nbformat.v4.new_code_cell("mine = 3"))
    found = submission("ada", "numpy", nbformat.writes(edited).encode(), released)
    assert sorted(cell.name for cell in found.cells) == ["cell 4", "step-forward-answer"]
    assert "    return 1 + 1" in found.cells[-1].source
    assert found.file


def test_code_that_anybody_may_use(tmp_path):
    (tmp_path / "page.md").write_text("# Title\n\n```python\nx = 1\n```\n\n~~~\ny = 2\n~~~\n")
    (tmp_path / "module.py").write_text("z = 3\n")
    assert code_in(tmp_path) == ["z = 3\n", "x = 1\n", "y = 2\n"]
    assert code_in(tmp_path / "nowhere") == []


# The command


@pytest.fixture(scope="module")
def cheats(course, empty_class, tmp_path_factory):
    """Four honest people, a copy, a file handed in twice, and some that are hard to read."""
    folder = tmp_path_factory.mktemp("cheats")
    make_course(folder, course)
    sample = open_course(folder)
    shutil.copytree(empty_class.folder("release"), sample.folder("release"))
    blank = (sample.folder("release", ".", "vanilla") / "numpy.ipynb").read_bytes()
    by_assignment = dict(classes("numpy"))
    people = {f"honest{i}": list(answers.values()) for i, answers in enumerate(by_assignment["vanilla"])}
    people["copycat"] = [disguised(source, 3) for source in people["honest1"]]
    people["<b>evil"] = []
    people["broken"] = ["def f(:\n" + "'''" * 999, "\x1b[31m" + "x" * 200_000, "=cmd|' /C calc'!A0"]
    for name, answers in people.items():
        notebook = nbformat.reads(blank.decode(), as_version=4)
        notebook.cells += [nbformat.v4.new_code_cell(source) for source in answers]
        path = sample.folder("submitted", name, "vanilla") / "numpy.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(nbformat.writes(notebook))
    for name, data in {"twice": None, "blank": blank, "bytes": b"\xff\xfe\x00{", "empty": b""}.items():
        path = sample.folder("submitted", name, "vanilla") / "numpy.ipynb"
        path.parent.mkdir(parents=True)
        again = sample.folder("submitted", "honest0", "vanilla") / "numpy.ipynb"
        path.write_bytes(again.read_bytes() if data is None else data)
    return sample


def test_the_command_lists_the_copy_and_the_double(cheats, tmp_path, capsys):
    page, table = tmp_path / "similar.html", tmp_path / "similar.csv"
    arguments = ["similar", "vanilla", "--course", str(cheats.root), "--framework", "numpy", "--json"]
    assert main([*arguments, "-o", str(page), "--csv", str(table)]) == 1
    out, err = capsys.readouterr()
    answer = json.loads(out)
    listed = [(pair["first"], pair["second"], pair["same_file"]) for pair in answer["pairs"]]
    assert listed == [("honest0", "twice", True), ("copycat", "honest1", False)]
    assert len(answer["unreadable"]) == 2
    assert err.count("left out") == 2
    assert answer["pairs"][1]["lines_alike_first"] > 20
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["first"], row["second"]) for row in rows] == [(a, b) for a, b, _ in listed]
    html = page.read_text(encoding="utf-8")
    assert "evidence to look at, not a verdict" in html
    assert html.count("<section") == 2
    assert html.count("<mark>") > 40
    assert "raise NotImplementedError" not in html
    assert "x: (B, D), h_prev: (B, H), W: (D, H)" not in html, "the released docstring"
    for foreign in ("<script", "src=", "http://", "https://", "<b>"):
        assert foreign not in html


def test_the_command_says_what_is_wrong(cheats, capsys):
    course = ["--course", str(cheats.root)]
    assert main(["similar", "vanila", *course]) == 2
    assert "there is no assignment 'vanila'" in capsys.readouterr().err
    assert main(["similar", "vanilla", "--framework", "jax", *course]) == 2
    assert "vanilla has no notebook 'jax'; there are: numpy, pytorch, tensorflow" in capsys.readouterr().err
    assert main(["similar", "vanilla", "--known", "nowhere.py", *course]) == 2
    assert "nowhere.py: there is no such file" in capsys.readouterr().err
    assert main(["similar", "gru", *course]) == 2
    assert "run unrolled release gru first" in capsys.readouterr().err


def test_known_code_explains_a_copy(cheats, tmp_path, capsys):
    path = tmp_path / "lecture.ipynb"
    path.write_bytes((cheats.folder("submitted", "honest1", "vanilla") / "numpy.ipynb").read_bytes())
    arguments = ["similar", "vanilla", "--course", str(cheats.root), "--framework", "numpy", "--json"]
    assert main([*arguments, "-o", str(tmp_path / "similar.html"), "--known", str(path)]) == 1
    pairs = json.loads(capsys.readouterr().out)["pairs"]
    assert [(pair["first"], pair["second"]) for pair in pairs] == [("honest0", "twice")]


def test_a_class_where_nobody_copied(empty_class, tmp_path, capsys):
    folder = empty_class.folder("submitted", "only", "vanilla")
    folder.mkdir(parents=True)
    try:
        arguments = ["similar", "vanilla", "--course", str(empty_class.root), "-o", str(tmp_path / "s.html")]
        assert main(arguments) == 0
        assert "pairs listed: 0, of 0 notebooks" in capsys.readouterr().out
        assert "No pair shares more than chance" in (tmp_path / "s.html").read_text(encoding="utf-8")
    finally:
        folder.rmdir()
        folder.parent.rmdir()


def test_the_length_of_a_passage_is_what_was_measured():
    assert LENGTH == 12
