"""`python -m autograder.equations`: the state of all equations, or of the labels given; `current`: is the record so?"""

from __future__ import annotations

import argparse
import sys

from autograder.equations import record
from autograder.equations.chapters import Chapter, chapters
from autograder.equations.fingerprints import fingerprint


def status(chapter: Chapter, label: str, entries: dict[str, record.Entry]) -> str:
    """One line: label, fingerprint, how it is declared, and what the record says."""
    mark = fingerprint(chapter.equations[label]) if label in chapter.equations else "not on the page"
    kind = chapter.declarations[label].kind if label in chapter.declarations else "NOT DECLARED"
    said = record.problem(label, mark, entries)
    if said is None:
        errors = entries[label].get("errors", {})
        said = ", ".join(f"{name} {error:.0e}" for name, error in errors.items() if error is not None) or "no run"
    return f"{label:32} {mark}  {kind:12} {said}"


def stale() -> list[str]:
    """What keeps the record from being that of these pages and this code."""
    entries = record.load()
    found = []
    for chapter in chapters():
        for label, latex in chapter.equations.items():
            reason = record.problem(label, fingerprint(latex), entries)
            if reason is None and entries[label].get("code") != record.code_fingerprint():
                reason = f"equation {label} was tested by other code"
            if reason is None and entries[label].get("flipped") != record.flipped(latex):
                reason = f"equation {label}: its wrong versions were not all noticed, or not tried; `make equations`"
            found += [reason] if reason else []
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m autograder.equations", description=__doc__)
    parser.add_argument("labels", nargs="*", help="labels, or the word `current`")
    labels = parser.parse_args(arguments).labels
    if labels == ["current"]:
        reasons = stale()
        if reasons:
            what = f"the first: {reasons[0]}" if record.load() else "none has been, here"
            print(f"{len(reasons)} equations are to be tested; {what}")
        return bool(reasons)
    entries = record.load()
    known = {label: chapter for chapter in chapters() for label in [*chapter.equations, *chapter.without_equation()]}
    for label in labels or known:
        if label not in known:
            print(f"{label}: no chapter has this label")
            return 1
        print(status(known[label], label, entries))
    return 0


if __name__ == "__main__":
    sys.exit(main())
