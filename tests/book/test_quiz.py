"""Questions: as HTML, without scripts and with, in both themes, on paper, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

ROOT = Path(__file__).resolve().parents[2]

SOUND = """\
::::{quiz} quiz-net-parameters
How many *parameters* for $T = 40$?

:::{wrong} Twice $H$
It tempts, see {eq}`eq-net`.
:::
:::{right} None: `T` does not occur
The rule has no index.

Work grows.
:::
:::{wrong} $H$
The size is a choice.
:::
::::
"""
SECOND = SOUND.replace("quiz-net-parameters", "quiz-net-again").replace("How many", "Again, how many")
PAGE = """\
# A page

$$
a = b
$$ (eq-net)

## Quiz

{quizzes}

## After

See {{ref}}`quiz-net-parameters` and {{ref}}`this one <quiz-net-parameters>`.
"""


class Built(NamedTuple):
    html: BeautifulSoup
    warnings: list[str]
    folder: Path


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Built]:
    """Build one page, and perhaps a second, with MyST and the extension."""

    def run(text: str, other: str | None = None) -> Built:
        source = tmp_path / "source"
        source.mkdir()
        (source / "index.md").write_text(text)
        if other is not None:
            (source / "other.md").write_text("---\norphan: true\n---\n# Other\n\n" + other)
        warnings = io.StringIO()
        with patch_docutils(), docutils_namespace():
            app = Sphinx(
                source,
                None,
                tmp_path / "html",
                tmp_path / "doctrees",
                "html",
                confoverrides={
                    "extensions": ["myst_parser", "offline", "quiz"],
                    "source_suffix": {".md": "markdown"},  # Sphinx's default is one object for all builds of a process
                    "myst_enable_extensions": ["colon_fence", "dollarmath"],
                    "html_theme": "basic",
                    "html_static_path": [str(ROOT / "book" / "_static")],
                },
                status=None,
                warning=warnings,
            )
            app.build()
        html = (tmp_path / "html" / "index.html").read_text()
        lines = [line for line in warnings.getvalue().splitlines() if line.strip()]
        return Built(BeautifulSoup(html, "html.parser"), lines, tmp_path / "html")

    return run


@pytest.fixture
def two(build) -> Built:
    built = build(PAGE.format(quizzes=f"{SOUND}\n{SECOND}"))
    assert built.warnings == []
    return built


# --- As HTML ----------------------------------------------------------------------------


def test_a_question_is_native_elements(two):
    first, second = two.html.select(".quiz")
    assert first["id"] == "quiz-net-parameters"
    assert first["role"] == "group"
    assert two.html.find(id=first["aria-labelledby"]).get_text() == "Question 1"
    assert two.html.find(id=second["aria-labelledby"]).get_text() == "Question 2"
    assert first.select_one(".quiz-question em").get_text() == "parameters"
    assert first.select_one(".quiz-question .math").get_text() == r"\(T = 40\)"
    choices = first.find_all("details", recursive=False)
    assert [choice.summary.select_one(".quiz-letter").get_text() for choice in choices] == ["a", "b", "c"]
    assert {choice["name"] for choice in choices} == {"quiz-net-parameters"}, "one open at a time"
    assert not [choice for choice in choices if choice.has_attr("open")]
    assert choices[0].summary.select_one(".math").get_text() == r"\(H\)"
    assert choices[1].summary.code.get_text() == "T"


def test_the_verdict_is_a_word_and_a_sign(two):
    choices = two.html.select_one(".quiz").find_all("details")
    verdicts = [choice.select_one(".quiz-reply .quiz-verdict").get_text() for choice in choices]
    assert verdicts == ["✗ Wrong.", "✓ Right.", "✗ Wrong."]
    assert all(sign["aria-hidden"] == "true" for sign in two.html.select(".quiz-sign"))


def test_replies_are_read_as_text_of_the_page(two):
    reply = two.html.select_one(".quiz .quiz-reply")
    assert reply.a["href"] == "#equation-eq-net"
    assert len(two.html.select(".quiz-right")[0].select(".quiz-reply > p")) == 3, "verdict and two paragraphs"


def test_questions_can_be_referred_to(two):
    links = [a.get_text() for a in two.html.select('a.reference[href="#quiz-net-parameters"]')]
    assert links == ["Question 1", "this one"]


def test_answers_end_the_section_that_asks(two):
    (answers,) = two.html.select(".quiz-answers")
    section = answers.find_parent("section")
    assert section["id"] == "quiz"
    assert section.find_all(["div", "p"], recursive=False)[-1] is answers
    places = [letter.get_text() for letter in answers.select(".quiz-letter")]
    assert places == ["1a", "1b", "1c", "2a", "2b", "2c"]
    assert "It tempts, see (1)." in answers.get_text()
    assert answers.select(".quiz-verdict")[1].get_text() == "1b ✓ Right."


def test_no_name_occurs_twice(two):
    ids = [element["id"] for element in two.html.select("[id]")]
    assert len(ids) == len(set(ids))


def test_nothing_comes_from_another_host(two):
    script = (two.folder / "_static" / "quiz.js").read_text() + (two.folder / "_static" / "quiz.css").read_text()
    assert "://" not in script
    assert [s["src"] for s in two.html.select("script[src]") if "quiz" in s["src"]]


# --- What is refused ------------------------------------------------------------------------

WRONG = ":::{wrong} No\nBecause.\n:::\n"
RIGHT = ":::{right} Yes\nBecause.\n:::\n"


def question(*choices: str, label: str = "quiz-net-a", asked: str = "What?\n\n") -> str:
    return f"# A page\n\n::::{{quiz}} {label}\n{asked}{''.join(choices)}::::\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (question(WRONG, WRONG), "quiz quiz-net-a: exactly one choice is right, this question has none"),
        (question(RIGHT, WRONG, RIGHT), "quiz quiz-net-a: exactly one choice is right, this question has 2"),
        (question(RIGHT), "quiz quiz-net-a: a question needs two choices or more, this one has 1"),
        (question(), "quiz quiz-net-a: a question needs two choices or more, this one has 0"),
        (question(RIGHT, ":::{wrong} No\n\n:::\n"), "quiz quiz-net-a: choice b has no reply"),
        (question(RIGHT, WRONG, asked=""), "quiz quiz-net-a: there is no question before the choices"),
        (question(RIGHT, "And then?\n", WRONG), "quiz quiz-net-a: something stands between or after the choices"),
        (question(RIGHT, WRONG, label="q1"), "quiz q1: a label is quiz-<chapter>-<name>"),
        (f"# A page\n\n{WRONG}", "wrong: a choice stands directly in a quiz, not elsewhere"),
        (f"# A page\n\n{RIGHT}", "right: a choice stands directly in a quiz, not elsewhere"),
    ],
)
def test_an_unsound_question_is_one_clear_line(build, text, said):
    (line,) = build(text).warnings
    assert said in line
    assert "index.md:" in line


def test_a_choice_inside_a_box_is_refused(build):
    inner = question(RIGHT, WRONG, WRONG).replace(RIGHT, f"```{{note}}\n{RIGHT}```\n")
    assert any("exactly one choice is right" in line for line in build(inner).warnings)


@pytest.mark.parametrize("where", ["same page", "another page"])
def test_a_label_is_given_once(build, where):
    text = PAGE.format(quizzes=SOUND)
    built = build(text + SOUND) if where == "same page" else build(text, "\n$$\na\n$$ (eq-two)\n\n" + SOUND)
    (line,) = built.warnings
    assert "quiz quiz-net-parameters: the label is there already, in index" in line


def test_what_is_wrong_leaves_the_rest_of_the_page(build):
    html = build(question(WRONG, WRONG) + "\nThe rest.\n").html
    assert "The rest." in html.get_text()
    assert not html.select(".quiz")


# --- In a browser ------------------------------------------------------------------------------

OPEN = "[...document.querySelectorAll('details.quiz-choice')].map(d => d.open)"


def click(number: int) -> str:
    return f"document.querySelectorAll('details.quiz-choice > summary')[{number}].click()"


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_an_answer_opens_its_reply_and_can_be_changed(browser, two, scripts):
    with browser.page(scripts=scripts) as page:
        page.open((two.folder / "index.html").as_uri())
        assert page.evaluate(OPEN) == [False] * 6
        page.evaluate(click(0))
        assert page.evaluate(OPEN) == [True, False, False, False, False, False]
        page.evaluate(click(1))
        assert page.evaluate(OPEN) == [False, True, False, False, False, False], "the answer is changed"
        page.evaluate(click(5))
        assert page.evaluate(OPEN) == [False, True, False, False, False, True], "questions do not meet"
        page.evaluate(click(1))
        page.evaluate(click(1))
        assert page.evaluate(OPEN) == [False, True, False, False, False, True], "answered twice"
        seen = "document.querySelector('.quiz-right > .quiz-reply').innerText.includes('Work grows')"
        assert page.evaluate(seen)
        assert page.evaluate("getComputedStyle(document.querySelector('.quiz-answers')).display") == "none"


@pytest.mark.browser
def test_choices_work_with_the_keyboard(browser, two):
    with browser.page(scripts=False) as page:
        page.open((two.folder / "index.html").as_uri())
        page.evaluate("document.querySelector('details.quiz-choice > summary').focus()")
        page.press("Tab")
        page.press("Enter")
        assert page.evaluate(OPEN)[:3] == [False, True, False]
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(outline) == "solid", "the focus is seen"
        page.press("Tab")
        page.press(" ")
        assert page.evaluate(OPEN)[:3] == [False, False, True]


@pytest.mark.browser
def test_a_screen_reader_hears_the_verdict_and_the_reply(browser, two):
    with browser.page() as page:
        page.open((two.folder / "index.html").as_uri())
        page.evaluate(click(0))
        page.evaluate("new Promise(done => setTimeout(done, 50))")
        said = page.evaluate("document.querySelector('.quiz [role=status]').textContent")
        assert said == "Wrong."
        tree = page.send("Accessibility.getFullAXTree")["nodes"]
        read = [node["name"]["value"] for node in tree if node.get("name") and not node["ignored"]]
        assert any("It tempts" in text for text in read)
        assert not any("The size is a choice" in text for text in read), "the other replies wait"


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_verdicts_stand_out_from_the_ground(browser, two, dark):
    """Contrast of at least 4.5, as WCAG asks for text."""
    with browser.page(dark=dark) as page:
        page.open((two.folder / "index.html").as_uri())
        page.evaluate(f"document.documentElement.dataset.theme = '{'dark' if dark else 'light'}'")
        ground = (18, 24, 27) if dark else (255, 255, 255)  # the theme's
        for kind in ("right", "wrong"):
            colour = page.evaluate(f"getComputedStyle(document.querySelector('.quiz-{kind} .quiz-verdict')).color")
            text = tuple(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
            assert contrast(text, ground) > 4.5, (kind, colour)


def contrast(one: tuple[int, ...], two: tuple[int, ...]) -> float:
    def luminance(colour: tuple[int, ...]) -> float:
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.browser
@pytest.mark.parametrize("opened", [False, True], ids=["closed", "one open"])
def test_paper_has_questions_first_and_answers_after(browser, two, opened):
    with browser.page(paper=True) as page:
        page.open((two.folder / "index.html").as_uri())
        if opened:
            page.evaluate(click(1))
        shown = page.evaluate(
            """[...document.querySelectorAll(".quiz-reply, .quiz-answer, .quiz-title")]
                 .map(e => [e.className, e.checkVisibility() && e.offsetHeight > 0])"""
        )
        assert dict(shown) == {
            "quiz-reply": False,
            "quiz-answer": True,
            "quiz-title": True,
        }
        assert len({(kind, seen) for kind, seen in shown}) == 3, "all of a kind alike"
        text = page.evaluate("document.body.innerText")
        assert text.count("The size is a choice.") == 2, "once for each of the two questions"
        assert text.index("Again, how many") < text.index("Answers") < text.index("The size is a choice.")
        assert page.send("Page.printToPDF")["data"]
