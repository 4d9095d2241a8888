"""`unrolled similar`."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.commands import ATTENTION, DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course

NAME = "similar"
ABOUT = "List pairs of submissions that are alike beyond what the task explains, for a person to judge."
EXAMPLE = "unrolled similar vanilla -o similar.html --csv similar.csv"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("assignment", help="the assignment's name, a folder of solutions/")
    parser.add_argument(
        "-o", "--output", type=Path, help="the page (default: similar-ASSIGNMENT.html in the course's folder)"
    )
    parser.add_argument("--csv", type=Path, help="also write the list as CSV")
    parser.add_argument("--framework", help="one notebook: numpy, pytorch or tensorflow (default: all)")
    parser.add_argument(
        "--known",
        type=Path,
        action="append",
        default=[],
        help="code that anybody may use: a file or folder; repeatable",
    )
    parser.add_argument(
        "--from",
        dest="percent",
        type=_percent,
        metavar="PERCENT",
        help="list pairs that share so much of their own code (default: 57 among 16, 67 among 100, 88 among 5,000)",
    )


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 100:
        raise ArgumentTypeError(f"{text!r} is no percentage: a number above 0, up to 100")
    return value


def run(course: "Course", options: Namespace, say: Say) -> int:
    from datetime import date

    from autograder.grading.csv_files import write_whole
    from autograder.grading.similarity.pages import COLUMNS, page, row, write_csv
    from autograder.grading.similarity.report import similar

    notebooks = 1 if options.framework else len(course.notebooks(options.assignment))
    with say.progress(notebooks * len(course.students(options.assignment)), "comparing") as advance:
        found = similar(
            course,
            options.assignment,
            notebook=options.framework,
            known=options.known,
            least=None if options.percent is None else options.percent / 100,
            on_student=advance,
        )
    path = options.output or course.root / f"similar-{options.assignment}.html"
    html = page(options.assignment, found.pairs, found.notebooks, found.notes, date.today())
    write_whole(path, html.encode("utf-8", "replace"))
    if options.csv:
        write_csv(found.pairs, options.csv)
    for item in found.pairs[:20]:
        pair = item.pair
        also = ["the same file"] * pair.same_file + ["the same code"] * (pair.same_code and not pair.same_file)
        also += [f"the same wrong result in {', '.join(pair.same_results)}"] if pair.same_results else []
        also += [f"the same text in {', '.join(pair.same_texts)}"] if pair.same_texts else []
        who = f"{pair.first} – {pair.second}"
        say.line(f"{who:<28} {pair.notebook:<11} {pair.size:5.0f} words, {pair.share:4.0%}  {'; '.join(also)}".rstrip())
    if len(found.pairs) > 20:
        say.line(f"and {len(found.pairs) - 20} more")
    compared = sum(notebook.notebooks for notebook in found.notebooks)
    say.line(f"pairs listed: {len(found.pairs)}, of {compared} notebooks; evidence to look at, not a verdict: {path}")
    for reason in found.unreadable[:20]:
        say.warn(f"left out: {reason}")
    say.result(
        {
            "assignment": options.assignment,
            "notebooks": compared,
            "page": path,
            "csv": options.csv,
            "left_out": sum(notebook.left_out for notebook in found.notebooks),
            "unreadable": found.unreadable,
            "pairs": [dict(zip(COLUMNS, row(item), strict=True)) for item in found.pairs],
        }
    )
    return ATTENTION if found.pairs else DONE
