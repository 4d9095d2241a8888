"""The commands that README, CONTRIBUTING and the book tell a reader to type are there."""

import contextlib
import io
import re
import shlex

import pytest

from autograder.cli import main

_LINE = re.compile(r"^\s*(?:\$ )?(?:\S*/)?((?:unrolled|nbgrader|make) .*?)(?: {2,}#.*| # .*)?$")


def told(root) -> list[tuple[str, list[str]]]:
    """(page, words) of every command in a block or span of code."""
    found = []
    for page in [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "book").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```(?:bash|console|text)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        lines = [line for block in blocks for line in block.splitlines()]
        lines += [span.replace("\n", " ") for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
        for match in filter(None, map(_LINE.match, lines)):
            with contextlib.suppress(ValueError):
                found.append((page.name, shlex.split(match[1])))
    return found


@pytest.fixture(scope="module")
def commands(root):
    found = told(root)
    assert {words[0] for _, words in found} == {"unrolled", "nbgrader", "make"}
    assert len(found) > 40
    return found


def help_of(command: str) -> str:
    """The help of a subcommand; "" where there is none of that name."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(io.StringIO()), pytest.raises(SystemExit):
        main([command, "--help"])
    return text.getvalue()


def test_those_of_unrolled(commands):
    for page, (name, *words) in commands:
        if name == "unrolled" and words and re.fullmatch(r"[a-z]+", words[0]):
            known = help_of(words[0])
            assert known, f"{page}: unrolled {words[0]}"
            for option in re.findall(r"(?<!\S)(--?[a-z-]+)", " ".join(words[1:])):
                assert re.search(rf"(?<![\w-]){option}\b", known), f"{page}: unrolled {words[0]} {option}"


def test_those_of_nbgrader(commands):
    from nbgrader.apps.nbgraderapp import NbGraderApp

    there = {name for name, (_, about) in NbGraderApp.subcommands.items() if "DEPRECATED" not in about}
    there -= {"formgrade"}  # which says that it has become a part of Jupyter
    for page, (name, *words) in commands:
        if name == "nbgrader" and words:
            assert words[0] in there, f"{page}: nbgrader {words[0]}"


def test_those_of_make(root, commands):
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page, (name, *words) in commands:
        if name == "make":
            named = [word for word in words if re.fullmatch(r"[a-z-]+", word)]
            assert named, f"{page}: make {words}"
            assert set(named) <= targets, f"{page}: make {named}"
