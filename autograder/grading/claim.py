"""One run at a time: two that grade the same assignment of a course would do the work twice and enter it twice."""

import contextlib
import datetime
import errno
import fcntl
import os
import socket
from collections.abc import Iterator

from autograder.grading.course import Course, CourseError

_HELD = (errno.EWOULDBLOCK, errno.EACCES)


@contextlib.contextmanager
def claimed(course: Course, assignment: str) -> Iterator[None]:
    """In the body this run alone grades the assignment. Raises CourseError, saying who does, if another one is at it.

    The system ends a claim with its process, however that ends. On a file system without locks nothing is claimed, and
    the body is run all the same.
    """
    path = course.root / "outcomes" / f"{assignment}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD:
                raise CourseError(
                    f"another run grades {assignment} in {course.root} ({file.read(200).strip() or 'just begun'}): "
                    "wait for its end or stop it, then run this again"
                ) from None
        file.truncate()
        now = datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {now}")
        file.flush()
        yield
