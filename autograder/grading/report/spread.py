"""How points are spread: bars, the middle, the quarters."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.grading.table import QuestionRow

MOST_BARS = 31
"""A bar for each point as long as there are no more than this; else twenty bars of a twentieth of the points each."""


@dataclass(frozen=True)
class Spread:
    """A distribution. Bar k counts values from its `low` up to, not including, the next bar's; the last is the maximum
    alone where bars are points.

    `unit` is "points" where everybody could reach the same `most`, else "percent", with `most` 100.
    """

    count: int
    most: float
    unit: str
    lows: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    mean: float = 0.0
    median: float = 0.0
    quartiles: tuple[float, float] = (0.0, 0.0)


def spread(points_and_most: Sequence[tuple[float, float]]) -> Spread:
    """The distribution of (points, most points) pairs."""
    if not points_and_most:
        return Spread(0, 0.0, "points")
    maxima = {most for _, most in points_and_most}
    if len(maxima) == 1:
        most, unit = maxima.pop(), "points"
        values = [points for points, _ in points_and_most]
    else:
        most, unit = 100.0, "percent"
        values = [100 * points / each if each else 0.0 for points, each in points_and_most]
    whole = unit == "points" and most == int(most) and 1 <= most < MOST_BARS
    lows = [float(k) for k in range(int(most) + 1)] if whole else [most * k / 20 for k in range(20)]
    counts = [0] * len(lows)
    for value in values:
        place = int(value) if whole else int(20 * value / most) if most else 0
        counts[min(max(place, 0), len(lows) - 1)] += 1
    low, _, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return Spread(
        len(values),
        most,
        unit,
        tuple(lows),
        tuple(counts),
        statistics.fmean(values),
        statistics.median(values),
        (low, high),
    )


def shares(rows: Iterable[QuestionRow]) -> list[float]:
    """The share of its points that each answer has, from 0 to 1 (points given on top do not count)."""
    return [min(1.0, max(0.0, row.score / row.max_score)) if row.max_score else 1.0 for row in rows]


BARS = ("none", "up to ¼", "up to ½", "up to ¾", "most", "all")


def by_points(values: Iterable[float]) -> tuple[int, ...]:
    """How many shares are 0, up to a quarter, a half, three quarters, less than 1, and 1: the bars of `BARS`."""
    counts = [0] * len(BARS)
    for value in values:
        place = 0 if value <= 0 else 5 if value >= 1 else next(k for k in (1, 2, 3, 4) if value <= k / 4)
        counts[place] += 1
    return tuple(counts)
