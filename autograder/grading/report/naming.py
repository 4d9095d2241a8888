"""Who is called what in a report: by their ids, or by numbers that say nothing."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Naming:
    """Names for the students of a report. Without names, their words are left out too."""

    anonymous: bool = False
    numbers: dict[str, int] = field(default_factory=dict)

    def name(self, student: str) -> str:
        """What a student is called."""
        return f"student {self.numbers[student]}" if self.anonymous else student

    def order(self, student: str) -> tuple[int, str]:
        """What a list of students is sorted by."""
        return (self.numbers[student], "") if self.anonymous else (0, student)

    def words(self, text: str) -> str:
        """A message that may quote a student; "" where nobody is to be recognised."""
        return "" if self.anonymous else text


def naming(students: Iterable[str], *, anonymous: bool, secret: Path | None = None) -> Naming:
    """Ids as they are, or numbers in the order of a hash that the course's secret keys.

    The same class gets the same numbers in each report; without the secret nobody can tell whose they are. Where there
    is no secret the order is another one each time.
    """
    if not anonymous:
        return Naming()
    try:
        key = secret.read_bytes() if secret is not None else b""
    except OSError:
        key = b""
    key = key or secrets.token_bytes(32)
    ordered = sorted(set(students), key=lambda s: hmac.digest(key, f"report/{s}".encode(), hashlib.sha256))
    return Naming(True, {student: number for number, student in enumerate(ordered, 1)})
