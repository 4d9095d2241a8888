"""Partial credit: the share of a question's outputs that are right on every problem that was put to an answer."""

from collections.abc import Set

from autograder.checks.question import Calling, Question


def credit(question: Question, framework: str, right: Set[str]) -> float:
    """The share of the points of an answer that failed, from 0 up to, not including, 1.

    `right` are the outputs that were right on every problem. An output that only follows from a wrong one is not
    right. What comes for nothing earns nothing: outputs in `question.free`, and a forward pass that the notebook
    already has; where it was broken it counts among the outputs, as one that is wrong.

    A module's gradients come from the framework and are wrong with its outputs; so they count, as further outputs,
    once those are right. Thus the same work is worth the same in every framework.
    """
    how = question.answers[framework]
    outputs = how.outputs
    forward = outputs[: len(how.upstream)]
    if how.calling is Calling.MODULE and not right >= set(forward):
        outputs = forward
    given = set(forward) - set(question.answers["numpy"].outputs) if how.calling is Calling.PULL_BACK else set()
    worthless = given | question.free
    counted = [o for o in outputs if o not in worthless or o not in right]
    earned = [o for o in outputs if o not in worthless and o in right]
    return len(earned) / len(counted) if len(earned) < len(counted) else 0.0
