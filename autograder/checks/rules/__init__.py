"""The rules of a task, read off the learner's code: what the task rules out, in whatever disguise of names.

`sources` finds the code of an answer, `names` says what a name or an attribute stands for, `reading` walks everything
that an answer can reach, `forbidden` lists what no answer may use. Nothing is run here, and nothing is known of
problems or expected values; what code *does* is watched by `autograder.checks.drivers.rules`. The two overlap on
purpose: reading finds what watching cannot see from outside, watching what no text gives away.
"""

from autograder.checks.rules.forbidden import Rule, rules_of
from autograder.checks.rules.reading import Breach, breaches
from autograder.checks.rules.refusing import refuse_what_is_ruled_out
from autograder.checks.rules.sources import Program, program_of
from autograder.checks.rules.writing import told_in_place

__all__ = [
    "Breach",
    "Program",
    "Rule",
    "breaches",
    "program_of",
    "refuse_what_is_ruled_out",
    "rules_of",
    "told_in_place",
]
