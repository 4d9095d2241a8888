"""Grading a class: sources to released notebooks, submissions to grades, feedback and tables.

Works through nbgrader's Python API and its gradebook, never beside them. What a question expects is the
business of `checks`; how a submitted file is read, of `boundary`.
"""

from autograder.boundary import schemas as schemas
