"""The assignment `bptt`: the walk back, the Jacobians along it, cutting it short, clipping, and doing without it.

`questions` says what is asked, `problems` draws and knows what is expected, `answers` holds plain reference answers,
`mistakes` their edits.
"""

from autograder.checks.bptt.questions import QUESTIONS

__all__ = ["QUESTIONS"]
