"""Known mistakes: each is one small edit of a question's reference answer, and what to tell the learner.

The edited answer is compiled and can be run. That makes the catalogue three things at once: the diagnosis of a
learner's answer (what behaves as the edited one has made that mistake), the mutation test of the questions (each must
be caught, and named), and the vocabulary of the class's report.
"""

import inspect
import linecache
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Edit = tuple[str, str]
"""(replace, by)."""


HERE_ONLY: Mapping[str, Edit | None] = {"pytorch": None, "tensorflow": None}
"""For mistakes of NumPy alone: precision and memory that the other frameworks look after."""


@dataclass(frozen=True, eq=False)
class Mistake:
    """One misconception about one question.

    name: unique in its question, words with hyphens. replace, by: the edit; `replace` stands exactly once in the
    reference answer, whose text is also the NumPy solution's. hint: one or two sentences for the learner, pointing at
    the idea. see: the label of an equation or section of the book. elsewhere: the edit in another framework's
    solution where putting it into that framework's words by rule does not do, or None where it cannot be made there.
    sign: for a mistake that the drivers find before anything can be compared, words of what they say; `replace` is ""
    then.
    """

    name: str
    replace: str
    by: str
    hint: str
    see: str = ""
    elsewhere: Mapping[str, Edit | None] = field(default_factory=dict)
    sign: str = ""


@dataclass(frozen=True, eq=False)
class Variant:
    """Another right way to write an answer, which must keep its points: edits of the solution, by framework."""

    name: str
    edits: Mapping[str, tuple[Edit, ...]]


class MistakeError(ValueError):
    """A mistake whose edit does not apply exactly once; the message names it."""


def apply(source: str, edit: Edit, name: str) -> str:
    """The source with the edit made. Raises MistakeError unless `replace` stands there exactly once."""
    replace, by = edit
    found = source.count(replace)
    if found != 1:
        raise MistakeError(f"{name}: {replace!r} stands {found} times in the answer, expected once")
    return source.replace(replace, by)


@cache
def mistaken(reference: Callable[..., Any], mistake: Mistake) -> Callable[..., Any]:
    """The reference answer with the mistake in it, compiled. Raises MistakeError."""
    source = apply(_source(reference), (mistake.replace, mistake.by), mistake.name)
    file = f"<{reference.__name__}: {mistake.name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = dict(reference.__globals__)
    exec(compile(source, file, "exec"), names)
    return names[reference.__name__]


@cache
def _source(reference: Callable[..., Any]) -> str:
    """Found once for all mistakes of an answer: Python reads the file's tokens for it."""
    return textwrap.dedent(inspect.getsource(reference))
