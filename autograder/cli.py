"""The command `unrolled`; its subcommands are the modules of `autograder.commands`."""

import argparse
import contextlib
import errno
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from autograder.commands import INTERRUPTED, ORDER, PROBLEM
from autograder.commands.saying import Say

EPILOG = """\
examples:
  unrolled release vanilla            solutions/vanilla -> exercises/vanilla
  unrolled collect downloads.zip      what was handed in -> submitted/<student>/vanilla
  unrolled grade vanilla              grade submitted/<student>/vanilla
  unrolled report vanilla             what the class misunderstood, one page
  unrolled feedback vanilla           a page for every student
  unrolled export vanilla -o grades.csv

exit codes: 0 all well; 1 done, and something wants attention; 2 not done, and one line says why; 130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code. What the user can put right is one line, never a traceback."""
    _open_streams()
    options = _parser().parse_args(arguments)
    say = Say("json" if options.json else "quiet" if options.quiet else "text")
    try:
        with _ended_in_order():
            return _run(options, say)
    except KeyboardInterrupt:
        say.warn("interrupted; what is finished is kept, and the same command goes on from there")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, `head` for one, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PROBLEM


def _open_streams() -> None:
    """Whoever starts us may have closed them, as `>&-` does: then what is said goes nowhere, and the work goes on."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """In the body a request to end is what Ctrl-C is: processes and folders of a run do not stay behind."""
    ours = threading.current_thread() is threading.main_thread()
    # One that is ignored, as under nohup, stays so.
    known = [signal.SIGTERM, signal.SIGHUP] if ours and hasattr(signal, "SIGHUP") else []
    numbers = [number for number in known if signal.getsignal(number) == signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _run(options: argparse.Namespace, say: Say) -> int:
    command: ModuleType = options.command
    if getattr(command, "LIGHT", False):  # needs nothing of the grader's own dependencies
        return int(command.run(None, options, say))
    try:
        from autograder.grading.course import CourseError, open_course
        from autograder.grading.sources import SourceError
        from autograder.kernels import IsolationError
    except ImportError as error:
        say.warn(f"{error.name} is missing; the grader needs: pip install 'unrolled[grading]'")
        return PROBLEM
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # nbgrader starts kernels by name: the one of this environment, also when it has not been activated.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    course = None
    try:
        if getattr(command, "COURSE", True):
            course = open_course(options.course)
        return int(command.run(course, options, say))
    except (CourseError, IsolationError, SourceError) as error:
        say.warn(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        then = "; make room and run the same command again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        say.warn(f"{error.filename or getattr(options, 'course', '')}: {error.strerror or error}{then}")
    finally:
        logging.disable(before)
    return PROBLEM


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unrolled",
        description="Release, collect, grade and return the course's assignments.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in ORDER:
        module = importlib.import_module(f"autograder.commands.{name}")
        sub = commands.add_parser(
            module.NAME, help=module.ABOUT, description=module.ABOUT, epilog=f"example: {module.EXAMPLE}"
        )
        sub.set_defaults(command=module)
        if getattr(module, "COURSE", True):
            sub.add_argument("--course", type=Path, default=Path(), help="the course's folder (default: this one)")
        how = sub.add_mutually_exclusive_group()
        how.add_argument("--quiet", action="store_true", help="no output but warnings")
        how.add_argument("--json", action="store_true", help="the answer as one JSON object")
        module.arguments(sub)
    return parser


if __name__ == "__main__":
    sys.exit(main())
