"""The assignment `names`, the project: letters to numbers, what a name is told by, a baseline, errors, and training.

`questions` draws problems and knows what is expected, `training` what the trained classifier has to reach, `answers`
holds plain reference answers, `mistakes` their edits.
"""

from autograder.checks.names.questions import QUESTIONS

__all__ = ["QUESTIONS"]
