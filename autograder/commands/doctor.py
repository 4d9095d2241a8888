"""`unrolled doctor`."""

from argparse import ArgumentParser, Namespace

from autograder.commands import DONE
from autograder.commands.saying import Say

NAME = "doctor"
ABOUT = "Say how well this machine isolates submissions, why, and what to install for more."
EXAMPLE = "unrolled doctor"
COURSE = False


def arguments(parser: ArgumentParser) -> None:
    """None."""


def run(_course: None, _options: Namespace, say: Say) -> int:
    from autograder.kernels import doctor

    text = doctor.text()
    say.line(text)
    say.result({"told": text.splitlines()})
    return DONE
