"""The Unrolled course's package: reference networks, checks, and the grader.

`from autograder import check` is all that a learner's notebook needs; it imports NumPy and nothing heavier.
Everything that is not prose lives in the rooms below; imports between them run one way
(cli → grading → boundary, grading → checks → recurrent).
"""

from autograder.checks import check

__all__ = ["check"]
