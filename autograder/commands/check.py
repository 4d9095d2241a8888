"""`unrolled check`."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import ExitStack
from pathlib import Path

from autograder.commands import ATTENTION, DONE, PROBLEM
from autograder.commands.saying import Advance, Say

NAME = "check"
ABOUT = "Run your own notebook from top to bottom, as you, and say which answers are right."
EXAMPLE = "unrolled check exercises/vanilla/numpy.ipynb"
COURSE = False
LIGHT = True
"""Needs none of the grader's own dependencies: learners run it where only notebooks run."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("notebook", type=Path, help="the notebook; the file is not changed")
    parser.add_argument(
        "--timeout", type=_seconds, default=600.0, metavar="SECONDS", help="at most, for each cell (default: 600)"
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 1e6:
        raise ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return seconds


def run(course: None, options: Namespace, say: Say) -> int:
    from autograder.grading.own_check import NotRunnable, check_notebook

    advance: list[Advance] = []

    def step() -> None:
        for bar in advance:
            bar()

    try:
        with ExitStack() as stack:
            found = check_notebook(
                options.notebook,
                options.timeout,
                on_number=lambda number: advance.append(stack.enter_context(say.progress(number, "running"))),
                on_cell=step,
            )
    except NotRunnable as error:
        say.warn(str(error))
        return PROBLEM
    for line in found.lines():
        say.line(line)
    say.result(found.data())
    return DONE if found.all_right() else ATTENTION
