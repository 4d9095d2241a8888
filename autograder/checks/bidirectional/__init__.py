"""The assignment `bidirectional`: reversal by length, both halves and their backward, merges, the last output, a stack.

`questions` draws problems and knows what is expected, `answers` holds plain reference answers, `mistakes` their edits.
"""

from autograder.checks.bidirectional.questions import QUESTIONS

__all__ = ["QUESTIONS"]
