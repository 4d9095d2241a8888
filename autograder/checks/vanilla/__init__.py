"""The assignment `vanilla`: one step, a masked sequence, both backwards, the masked softmax loss.

`questions` draws problems and knows what is expected, `answers` holds plain reference answers, `mistakes` their edits.
"""

from autograder.checks.vanilla.questions import QUESTIONS

__all__ = ["QUESTIONS"]
