"""Checks: one module an assignment, with its questions, and the machinery that puts them to an answer.

A check draws a fresh problem, calls the learner's answer, compares with the reference network, and says in
a learner's words what is wrong. Nothing here knows of classes, gradebooks or nbgrader, and no framework is
imported before a check asks for it.
"""

from autograder.checks.checking import check
from autograder.checks.failures import CheckFailure
from autograder.checks.lost_names import watch_for_lost_names

__all__ = ["CheckFailure", "check"]

watch_for_lost_names()
