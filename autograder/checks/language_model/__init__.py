"""The assignment `language-model`: from a text to windows, a loss, gradients, training, and text again.

`questions` says what is asked, `problems` draws and knows what is expected, `judging` scores what training reaches,
`answers` holds plain reference answers, `mistakes` their edits.
"""

from autograder.checks.language_model.questions import QUESTIONS

__all__ = ["QUESTIONS"]
