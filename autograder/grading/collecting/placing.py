"""Putting a collected submission in its place: whole or not at all, and never over a newer one.

What was there before is kept, in submitted/.earlier/<student>/<assignment>/.
"""

import datetime
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from autograder.boundary.files import Unreadable, names_in, read_file
from autograder.boundary.handed_in import MAX_STAMP, STAMP, is_time
from autograder.boundary.intake import MAX_FILE_BYTES
from autograder.grading.collecting.times import stamp, utc
from autograder.grading.course import CourseError

EARLIER = ".earlier"


def decide(
    place: Path, files: Mapping[str, bytes], when: datetime.datetime | None, *, replace: bool = False
) -> tuple[str, str]:
    """What to do with a submission whose place may be taken, and why: "new", "replaced", "same", "older" or "unclear".

    `place` is the folder for it, `when` its time (naive, UTC) if one is known.
    """
    if not names_in(place.parent, place.name):
        return "new", ""
    if not any(name.endswith(".ipynb") for name in names_in(place.parent, place.name)):
        return "replaced", "what was there had no notebook"
    before = _time_of(place)
    same = all(_read(place, name) == data for name, data in files.items())
    if same and (when is None or (before is not None and when <= before)):
        return "same", ""
    if same and before is None:
        return "replaced", "its time is recorded now"
    if replace:
        return "replaced", "as asked for"
    if when is None or before is None:
        which = "this one" if when is None else "the one that is there"
        return "unclear", f"another one is there, and the time of {which} is not known: --replace takes this one"
    if when < before:
        return "older", f"the one that is there is from {before:%Y-%m-%d %H:%M:%S} UTC"
    if when == before:
        return "unclear", "another one of the same time is there, changed by hand perhaps: --replace takes this one"
    return "replaced", f"the one of {before:%Y-%m-%d %H:%M:%S} UTC is kept in {EARLIER}"


def put(
    submitted: Path, student: str, assignment: str, files: Mapping[str, bytes], when: datetime.datetime | None
) -> None:
    """Write the files, and timestamp.txt if the time is known, to their place; what was there goes to EARLIER.

    Raises CourseError when that cannot be done; then everything is as before.
    """
    home = submitted / student
    place = home / assignment
    part: Path | None = None
    try:
        submitted.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".collecting-", dir=submitted))
        fresh = part / assignment
        fresh.mkdir()
        for name, data in files.items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_bytes(data)
        if when is not None:
            (fresh / STAMP).write_text(stamp(when), encoding="utf-8")
        if home.is_symlink() or place.is_symlink():
            raise CourseError(f"{place if place.is_symlink() else home} is a link; nothing is written through one")
        home.mkdir(exist_ok=True)
        if place.exists():
            _keep(submitted, place, student, assignment)
        fresh.rename(place)
    except OSError as error:
        why = f"{place}: cannot be written ({error.strerror or error})"
        raise CourseError(f"{why}; what was collected before stays, and the same command goes on from there") from None
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _keep(submitted: Path, place: Path, student: str, assignment: str) -> None:
    """Move what is in the place to where earlier submissions are kept, under its time and a number."""
    before = _time_of(place)
    name = f"{before:%Y-%m-%dT%H.%M.%S}" if before else "undated"
    folder = submitted / EARLIER / student / assignment
    if any(p.is_symlink() for p in (submitted / EARLIER, submitted / EARLIER / student, folder)):
        raise CourseError(f"{folder} is or has a link; nothing is written through one")
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (folder / f"{name}-{number}").exists():
        number += 1
    place.rename(folder / f"{name}-{number}")


def _time_of(place: Path) -> datetime.datetime | None:
    text = (_read(place, STAMP, MAX_STAMP) or b"").decode("utf-8", errors="replace").strip()
    return utc(text) if is_time(text) else None


def _read(place: Path, name: str, most: int = MAX_FILE_BYTES) -> bytes | None:
    try:
        return read_file(place, name, most)
    except (OSError, Unreadable):
        return None
