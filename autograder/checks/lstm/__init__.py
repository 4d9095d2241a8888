"""The assignment `lstm`: one step, a masked sequence, both backwards, the forget gate's bias, peepholes.

`questions` says what is asked, `problems` draws and knows what is expected, `answers` holds plain reference answers,
`mistakes` their edits.
"""

from autograder.checks.lstm.questions import QUESTIONS

__all__ = ["QUESTIONS"]
