"""Times of submissions, as nbgrader keeps them: naive, in UTC."""

import datetime

from nbgrader.utils import parse_utc


def utc(text: str) -> datetime.datetime:
    """The time in a text for which `submissions.is_time` holds."""
    moment = parse_utc(text)
    assert isinstance(moment, datetime.datetime)
    return moment


def stamp(moment: datetime.datetime) -> str:
    """What timestamp.txt says of a naive UTC time."""
    return f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC"
