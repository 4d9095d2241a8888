"""The assignment `gru`: a step with each reset form, a masked sequence, the ways back, other frameworks' weights.

`questions` draws problems and knows what is expected, `answers` holds plain reference answers, `mistakes` their edits.
"""

from autograder.checks.gru.questions import QUESTIONS

__all__ = ["QUESTIONS"]
