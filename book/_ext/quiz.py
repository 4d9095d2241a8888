"""Questions with answers that reply: the directives `quiz`, `wrong` and `right`.

::::{quiz} quiz-rnn-parameters
The question, Markdown and $maths$.

:::{wrong} A choice, with $maths$
Why it tempts and why it fails.
:::
:::{right} Another choice
Why it is so.
:::
::::

A choice is a native `<details>` of a group in which one is open at a time. So it is
chosen with the mouse, with the keyboard and with a screen reader, on a page without
scripts too, and an answer can be changed. The verdict is a word and a sign, and then
the author's reply; it is not left to a colour.

On paper nothing can be opened: the replies are printed together at the end of the
section that asked, by number and letter. On a screen that list is not displayed.

Questions are numbered by page. `{ref}` leads to one by its label. A question that is
not sound (no right choice or two, fewer than two choices, a choice without a reply, a
label given before, `wrong` or `right` elsewhere) is a warning of one line, and the book
is built with warnings as errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_lowercase
from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

LABEL = re.compile(r"quiz(-[a-z0-9]+)+")
SIGNS = {True: "✓", False: "✗"}
WORDS = {True: "Right.", False: "Wrong."}

logger = logging.getLogger(__name__)


class quiz(nodes.General, nodes.Element):
    """A question: a `quiz_question`, then two or more `quiz_choice`."""


class quiz_question(nodes.General, nodes.Element):
    """What is asked."""


class quiz_choice(nodes.General, nodes.Element):
    """A `quiz_title` and a `quiz_reply`; `right` says which kind it is."""


class quiz_title(nodes.General, nodes.TextElement):
    """What a choice claims."""


class quiz_reply(nodes.General, nodes.Element):
    """What is said to somebody who takes the choice."""


class quiz_answers(nodes.General, nodes.Element):
    """The replies of a section's questions, for paper: `quiz_answer` in order."""


class quiz_answer(nodes.General, nodes.Element):
    """A reply again, with the number and the letter that it belongs to."""


class Quiz(SphinxDirective):
    """A question and its choices."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        label = self.arguments[0]
        node = quiz(label=label, ids=[label])
        self.set_source_info(node)
        self.state.nested_parse(self.content, self.content_offset, node)
        if problem := self.fault(label, node):
            logger.warning("quiz %s: %s", label, problem, location=self.get_location(), type="quiz")
            return []

        number = self.env.temp_data["quiz_number"] = self.env.temp_data.get("quiz_number", 0) + 1
        choices = choices_of(node)
        question = quiz_question("", *(child for child in node.children if child not in choices))
        for letter, choice in zip(ascii_lowercase, choices, strict=False):
            choice.update_all_atts({"letter": letter, "group": label})
        node["number"] = number
        node.children = []
        node += [question, *choices]

        standard = self.env.get_domain("std")
        standard.anonlabels[label] = self.env.docname, label  # type: ignore[attr-defined]
        standard.labels[label] = self.env.docname, label, f"Question {number}"  # type: ignore[attr-defined]
        self.state.document.ids[label] = node
        return [node]

    def fault(self, label: str, node: quiz) -> str | None:
        """Say what keeps these children from being a question with choices."""
        standard = self.env.get_domain("std")
        choices = choices_of(node)
        right = sum(choice["right"] for choice in choices)
        empty = [letter for letter, choice in zip(ascii_lowercase, choices, strict=False) if choice["empty"]]
        first = node.index(choices[0]) if choices else len(node)
        if not LABEL.fullmatch(label):
            return "a label is quiz-<chapter>-<name>, in small letters, digits and hyphens"
        if label in standard.anonlabels:  # type: ignore[attr-defined]
            where = standard.anonlabels[label][0]  # type: ignore[attr-defined]
            return f"the label is there already, in {where}"
        if len(choices) < 2:
            return f"a question needs two choices or more, this one has {len(choices)}"
        if right != 1:
            return f"exactly one choice is right, this question has {right or 'none'}"
        if empty:
            return f"choice {' and '.join(empty)} has no reply"
        if first == 0:
            return "there is no question before the choices"
        if len(choices) != len(node) - first:
            return "something stands between or after the choices"
        return None


class Choice(SphinxDirective):
    """A choice of a question: its claim as argument, the reply as content."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    right: ClassVar[bool]

    def run(self) -> list[nodes.Node]:
        inline, messages = self.state.inline_text(self.arguments[0], self.lineno)
        reply = quiz_reply()
        self.state.nested_parse(self.content, self.content_offset, reply)
        title = quiz_title(self.arguments[0], "", *inline)
        node = quiz_choice("", title, reply, right=self.right, empty=not reply.children)
        self.set_source_info(node)
        return [node, *messages]


class Wrong(Choice):
    """A choice that tempts."""

    right = False


class Right(Choice):
    """The choice that is true."""

    right = True


def choices_of(node: nodes.Element) -> list[quiz_choice]:
    return [child for child in node.children if isinstance(child, quiz_choice)]


def refuse_stray_choices(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of choices that belong to no question, and leave them out."""
    for choice in list(doctree.findall(quiz_choice)):
        if not isinstance(choice.parent, quiz):
            name = "right" if choice["right"] else "wrong"
            logger.warning("%s: a choice stands directly in a quiz, not elsewhere", name, location=choice, type="quiz")
            choice.parent.remove(choice)


# --- For paper ----------------------------------------------------------------------


def add_answers(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """End each section that asks with the replies to its questions."""
    sections: dict[int, tuple[nodes.Element, list[quiz]]] = {}
    for question in doctree.findall(quiz):
        section = enclosing_section(question)
        sections.setdefault(id(section), (section, []))[1].append(question)
    for section, questions in sections.values():
        answers = quiz_answers("", *(answer for question in questions for answer in answers_to(question)))
        below = next((k for k, child in enumerate(section.children) if isinstance(child, nodes.section)), len(section))
        section.insert(below, answers)


def enclosing_section(node: nodes.Element) -> nodes.Element:
    while not isinstance(node, nodes.section | nodes.document):
        node = node.parent
    return node


def answers_to(question: quiz) -> Iterator[quiz_answer]:
    """Yield copies of a question's replies; names stay with the originals."""
    for choice in choices_of(question):
        reply = choice[1].deepcopy()
        for node in reply.findall(nodes.Element):
            node["ids"], node["names"] = [], []
        yield quiz_answer(
            "", *reply.children, number=question["number"], letter=choice["letter"], right=choice["right"]
        )


# --- HTML -----------------------------------------------------------------------------


def visit_quiz(writer: HTML5Translator, node: quiz) -> None:
    title = f"{node['label']}-title"
    writer.body.append(writer.starttag(node, "div", CLASS="quiz", role="group", **{"aria-labelledby": title}))
    writer.body.append(f'<p class="quiz-number" id="{title}">Question {node["number"]}</p>\n')


def visit_question(writer: HTML5Translator, node: quiz_question) -> None:
    writer.body.append('<div class="quiz-question">\n')


def visit_choice(writer: HTML5Translator, node: quiz_choice) -> None:
    kind = "quiz-right" if node["right"] else "quiz-wrong"
    writer.body.append(writer.starttag(node, "details", CLASS=f"quiz-choice {kind}", name=node["group"]))


def visit_title(writer: HTML5Translator, node: quiz_title) -> None:
    writer.body.append(f'<summary><span class="quiz-letter">{node.parent["letter"]}</span><span class="quiz-title">')


def depart_title(writer: HTML5Translator, node: quiz_title) -> None:
    writer.body.append("</span></summary>\n")


def verdict(right: bool) -> str:
    return f'<span class="quiz-sign" aria-hidden="true">{SIGNS[right]}</span> <strong>{WORDS[right]}</strong>'


def visit_reply(writer: HTML5Translator, node: quiz_reply) -> None:
    writer.body.append(f'<div class="quiz-reply">\n<p class="quiz-verdict">{verdict(node.parent["right"])}</p>\n')


def visit_answers(writer: HTML5Translator, node: quiz_answers) -> None:
    writer.body.append('<div class="quiz-answers">\n<p class="quiz-number">Answers</p>\n')


def visit_answer(writer: HTML5Translator, node: quiz_answer) -> None:
    place = f'<span class="quiz-letter">{node["number"]}{node["letter"]}</span>'
    writer.body.append(f'<div class="quiz-answer">\n<p class="quiz-verdict">{place} {verdict(node["right"])}</p>\n')


def close_div(writer: HTML5Translator, node: nodes.Element) -> None:
    writer.body.append("</div>\n")


def close_details(writer: HTML5Translator, node: quiz_choice) -> None:
    writer.body.append("</details>\n")


def setup(app: Sphinx) -> dict[str, object]:
    app.add_directive("quiz", Quiz)
    app.add_directive("wrong", Wrong)
    app.add_directive("right", Right)
    app.add_node(quiz, html=(visit_quiz, close_div))
    app.add_node(quiz_question, html=(visit_question, close_div))
    app.add_node(quiz_choice, html=(visit_choice, close_details))
    app.add_node(quiz_title, html=(visit_title, depart_title))
    app.add_node(quiz_reply, html=(visit_reply, close_div))
    app.add_node(quiz_answers, html=(visit_answers, close_div))
    app.add_node(quiz_answer, html=(visit_answer, close_div))
    app.add_css_file("quiz.css")
    app.add_js_file("quiz.js", loading_method="defer")
    app.connect("doctree-read", refuse_stray_choices)
    app.connect("doctree-resolved", add_answers)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
