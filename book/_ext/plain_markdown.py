"""MyST Markdown as plain Markdown, for the notebook that opens in Jupyter and in Colab.

A notebook shows neither roles nor directives: without help a reader would see
``{eq}`eq-rnn-a``` and colons where the page has (3.2) and a box. So the numbers
and names of the built book are written in, equations get their numbers as
``\\tag``, boxes and margin notes become quotations, quiz choices become
``<details>`` with their replies, interactive figures a link to the page where they
are live, and entries of the index go.

Code is not touched. What is not known here is left as its text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from string import ascii_lowercase

from docutils import nodes
from look_pictures import LOOKS
from looks import look, published
from pybtex.database import Person, parse_file
from quiz import quiz
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

DIRECTIVE = re.compile(
    r"""^(?P<fence>:{3,}|`{3,})\{(?P<name>[\w-]+)\}[ \t]*(?P<title>.*)\n
        (?P<options>(?::[\w-]+:.*\n)*)
        (?P<body>(?s:.*?))
        ^(?P=fence)[ \t]*$""",
    re.MULTILINE | re.VERBOSE,
)
EQUATION = re.compile(r"^\$\$(?P<tex>[^$]+)\$\$[ \t]*\((?P<label>[\w-]+)\)[ \t]*$", re.MULTILINE)
TARGET = re.compile(r"^\([\w-]+\)=[ \t]*\n", re.MULTILINE)
ROLE = re.compile(r"\{(?P<role>[a-z:]+)\}`(?P<text>[^`]+)`")
TITLED = re.compile(r"^(?P<title>.+?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
VERDICTS = {"right": "Right.", "wrong": "Wrong."}
BOXES = {"admonition", "attention", "caution", "hint", "important", "margin", "note", "seealso", "tip", "warning"}


@dataclass
class Names:
    """What the book's labels are called where a reader sees them."""

    equations: dict[str, str] = field(default_factory=dict)  # eq-rnn-a: 3.2
    numbers: dict[str, str] = field(default_factory=dict)  # fig-loss: 3.4
    formats: dict[str, str] = field(default_factory=dict)  # fig-loss: Figure %s
    titles: dict[str, str] = field(default_factory=dict)  # sec-rnn-step: One step, by hand
    works: dict[str, tuple[str, str]] = field(default_factory=dict)  # elman1990: (Elman, 1990)
    looks: dict[str, str] = field(default_factory=dict)  # alignment: where the published page has it


def plain(markdown: str, names: Names) -> str:
    """Return a cell's Markdown without what only MyST understands."""
    text = DIRECTIVE.sub(lambda match: _directive(match, names), markdown)
    text = EQUATION.sub(lambda match: _equation(match["tex"], match["label"], names), text)
    text = TARGET.sub("", text)
    return ROLE.sub(lambda match: _role(match["role"], match["text"], names), text)


def _directive(match: re.Match[str], names: Names) -> str:
    name, title = match["name"], match["title"].strip()
    if name == "math":
        label = re.search(r"^:label:\s*(\S+)", match["options"], re.MULTILINE)
        return _equation(f"\n{match['body']}", label[1] if label else "", names)
    body = plain(match["body"].strip(), names)
    if name == "index":
        return ""
    if name == "look" and title in LOOKS:
        return _look(title, names)
    if name == "quiz":
        return f"**Question {names.numbers.get(title, '')}".rstrip() + f".** {_with_letters(body)}"
    if name in VERDICTS:
        return _details(title, f"**{VERDICTS[name]}** {body}", names)
    if name == "dropdown":
        return _details(title, body, names)
    if name in BOXES:
        heading = plain(title, names) or ("" if name == "margin" else name.capitalize())
        lines = [f"**{heading}**", "", *body.splitlines()] if heading else body.splitlines()
        return "\n".join(f"> {line}".rstrip() for line in lines)
    return match[0]


def _look(name: str, names: Names) -> str:
    """Return where an interactive figure is to be found; a notebook cannot hold it."""
    where = f"[on the page]({names.looks[name]})" if name in names.looks else "on the page"
    return f"**{LOOKS[name].title}** is an interactive figure. It is live {where}: there you can {LOOKS[name].does}."


def _details(title: str, body: str, names: Names) -> str:
    """Return what opens with a click; its summary is one line of HTML, where Markdown does not reach."""
    summary = html.escape(plain(title, names), quote=False)
    for mark, element in (("`", "code"), ("**", "strong"), ("*", "em")):
        summary = _outside_math(summary, mark, element)
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def _outside_math(text: str, mark: str, element: str) -> str:
    """Return the text with each `marked` part as an HTML element; formulas and code stay as they are."""
    kept = re.split(r"(\$[^$]+\$|<code>.*?</code>)", text)
    span = re.compile(rf"{re.escape(mark)}(?=\S)(.+?){re.escape(mark)}")
    return "".join(part if k % 2 else span.sub(rf"<{element}>\1</{element}>", part) for k, part in enumerate(kept))


def _with_letters(choices: str) -> str:
    """Write a, b, c before the summaries of a question's choices."""
    letters = iter(ascii_lowercase)
    return re.sub(r"^<summary>", lambda match: f"<summary>{next(letters)}. ", choices, flags=re.MULTILINE)


def _equation(tex: str, label: str, names: Names) -> str:
    number = names.equations.get(label)
    tag = rf"\tag{{{number}}}" if number else ""
    return f"$$\n{tex.strip()}{' ' if tag else ''}{tag}\n$$"


def _role(role: str, text: str, names: Names) -> str:
    titled = TITLED.match(text)
    title, target = (titled["title"], titled["target"]) if titled else ("", text)
    match role:
        case "eq" if target in names.equations:
            return f"({names.equations[target]})"
        case "numref" if target in names.numbers:
            return (title or names.formats[target]).replace("%s", names.numbers[target])
        case "ref" if not title and target in names.titles:
            return names.titles[target]
        case "cite:t" | "cite:p" | "cite":
            return _citation(target, names, textual=role == "cite:t")
    return title or target


def _citation(keys: str, names: Names, textual: bool) -> str:
    works = [names.works.get(key.strip(), (key.strip(), "")) for key in keys.split(",")]
    if textual:
        return " and ".join(f"{authors} ({year})" for authors, year in works)
    return f"({'; '.join(f'{authors}, {year}' for authors, year in works)})"


def names_of_book(app: Sphinx) -> Names:
    """Collect the numbers and titles of a book whose pages have all been read."""
    env, names = app.env, Names()
    for label, (docname, _) in env.get_domain("math").equations.items():  # type: ignore[attr-defined]
        numbers = env.toc_fignumbers.get(docname, {}).get("displaymath", {})
        if number := numbers.get(f"equation-{label}"):
            names.equations[label] = _dotted(number)
    doctrees = cache(env.get_doctree)
    labels = env.get_domain("std").labels  # type: ignore[attr-defined]
    for label, (docname, anchor, title) in labels.items():
        if docname not in env.found_docs:
            continue  # the search page and the index have labels too
        names.titles[label] = title
        node = doctrees(docname).ids.get(anchor)
        for kind, number in _numbers(env, docname, node):
            names.numbers[label] = _dotted(number)
            names.formats[label] = app.config.numfig_format[kind]
        if isinstance(node, look):
            repository = app.config.html_theme_options.get("repository_url", "")
            names.looks[node["name"]] = f"{published(repository)}/{docname}.html#{anchor}"
        if isinstance(node, quiz):
            names.numbers[label], names.formats[label] = str(node["number"]), "Question %s"
    for path in app.config.bibtex_bibfiles:
        for key, work in parse_file(str(app.srcdir / path)).entries.items():
            names.works[key] = (_surnames(work.persons.get("author", [])), work.fields.get("year", ""))
    return names


def _numbers(env: BuildEnvironment, docname: str, node: nodes.Element | None) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield what kind of thing a label's node is and its number, if it has one."""
    ids = node["ids"] if node is not None else []
    for kind in ("figure", "table"):
        numbered = env.toc_fignumbers.get(docname, {}).get(kind, {})
        yield from ((kind, numbered[name]) for name in ids if name in numbered)
    if isinstance(node, nodes.section):
        sections = env.toc_secnumbers.get(docname, {})
        inside = [sections[f"#{name}"] for name in ids if f"#{name}" in sections]
        number = inside[0] if inside else sections.get("")  # "": the page's own title
        if number:
            yield "section", number


def _dotted(number: tuple[int, ...]) -> str:
    return ".".join(map(str, number))


def _surnames(people: list[Person]) -> str:
    surnames = [" ".join([*person.prelast_names, *person.last_names]).strip("{}") for person in people]
    if len(surnames) > 2:
        return f"{surnames[0]} et al."
    return " and ".join(surnames)
