"""The kind of what went wrong, from the grader's own words about it.

Messages quote learners: names of files and cells, texts of exceptions. Kinds do not, so a page that names nobody can
show them, and thousands of messages become a few lines.
"""

import builtins
import re

BLANK = "left blank"
KNOWN = "a known mistake"
WRONG = "wrong values, no mistake that is known"
_RAISED = re.compile(r"^\S+ raised ([A-Za-z_]\w*):")
_HEADLINES = (
    (re.compile(r" is not written yet$"), BLANK),
    (re.compile(r" is not defined here: "), "a name that is not there when the test runs"),
    (
        re.compile(r"^did not finish within|did not return within|the test did not come to its end"),
        "did not end in time",
    ),
    (re.compile(r"^your code changes its argument"), "changes an argument in place"),
    (re.compile(r"^expected .*; this one (?:uses|calls)"), "uses what is to be written"),
    (
        re.compile(r"^your function (?:returned|takes)|^the arguments stand in"),
        "takes or returns another number of values",
    ),
    (re.compile(r"^training reached"), "training does not reach what is asked"),
    (re.compile(r" has shape \("), "wrong shape"),
    (re.compile(r" has dtype "), "wrong dtype"),
    (re.compile(r" contains (?:NaN|nan|inf)"), "not a number, or infinite"),
    (re.compile(r"^KernelLost: |^DeadKernelError: |^NotRun: "), "the kernel was lost"),
    (re.compile(r"^expected "), "is not what the task asks for"),
)
_ERROR = re.compile(r"^([A-Za-z_]\w*(?:Error|Exception|Interrupt|Warning)): ")
_PROBLEMS = (
    (re.compile(r"\.ipynb is empty"), "the file is empty"),
    (re.compile(r"is not UTF-8|is not JSON|is JSON but not a notebook|no cell that can be read"), "not a notebook"),
    (re.compile(r"nested too deeply|too many parts|more than \d+"), "too large for a notebook"),
    (re.compile(r"hard link|is a link or a special file|not a file inside"), "a link, not a file"),
    (re.compile(r"could not be run to its end"), "could not be run to its end"),
    (re.compile(r"was not graded, which may be no fault"), "no worker or kernel lasted: grade it again"),
)
_LOST = (
    (re.compile(r"of processor time"), "used too much processor time"),
    (re.compile(r"of memory"), "used too much memory"),
    (re.compile(r"processes"), "started too many processes"),
    (re.compile(r"did not (?:answer|return|end|come)|seconds"), "did not answer in time"),
    (re.compile(r"died|ended|exit"), "ended itself, or crashed"),
)
_REPAIRS = (
    (re.compile(r"^not part of the assignment and not used"), "files that are not part of the assignment"),
    (re.compile(r"answer cell .* was missing"), "an answer cell was missing"),
    (re.compile(r"was missing and was put back"), "a cell of the course was missing and was put back"),
    (re.compile(r"had lost its grade_id"), "an answer cell had lost its id and was recognised without it"),
    (re.compile(r"was there \d+ times"), "an answer cell was there more than once"),
    (re.compile(r"was a \w+ cell and is"), "a cell had another type"),
    (re.compile(r"^the (?:test )?cell .* had been changed"), "a test or given cell had been changed"),
    (re.compile(r"^a text of the course had been changed"), "a text of the course had been changed"),
    (re.compile(r"had been moved"), "cells had been moved"),
    (re.compile(r"^this looks like"), "looks like another notebook"),
    (re.compile(r"is damaged at|twice in one place|not UTF-8"), "the file was damaged and was read as far as it goes"),
    (re.compile(r"left out|kept as text|no known type|not a cell"), "a part that could not be read was left out"),
)


def lost_points(reason: str, mistakes: bool = False) -> str:
    """Why a question lost points: its reason as in `Outcome.reasons`, and whether a known mistake was recognised."""
    headline = headline_of(reason)
    raised = _RAISED.match(headline)
    if mistakes:
        return KNOWN
    if raised:
        return f"raised {_error(raised[1])}"
    for pattern, kind in _HEADLINES:
        if pattern.search(headline):
            return kind
    error = _ERROR.match(headline)
    return f"raised {_error(error[1])}" if error else WRONG


def problem(message: str) -> str:
    """Why a notebook could not be graded at all."""
    return _first(_PROBLEMS, message, "another reason")


def lost(message: str) -> str:
    """Why a kernel was lost."""
    return _first(_LOST, message, "another reason")


def repair(message: str) -> str:
    """What was put right before grading."""
    return _first(_REPAIRS, message, "something else")


def headline_of(reason: str) -> str:
    """A reason without the check's name before it and the advice after it."""
    return re.sub(r"^[\w-]+/[\w-]+: ", "", reason.split(" → ")[0]).strip()


def _first(kinds: tuple[tuple[re.Pattern[str], str], ...], message: str, otherwise: str) -> str:
    return next((kind for pattern, kind in kinds if pattern.search(message)), otherwise)


def _error(name: str) -> str:
    """The name of one of Python's own exceptions; others are a learner's or a library's words."""
    found = getattr(builtins, name, None)
    own = isinstance(found, type) and issubclass(found, BaseException)
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}" if own else "another exception"
