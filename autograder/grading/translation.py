"""A mistake in another framework's words: its edit of the NumPy answer, put by rule into PyTorch or TensorFlow.

The rules cover what the solutions use. They are tried in every combination that changes something, and the one whose
text stands exactly once in the solution is taken; where none does, the mistake says itself what the edit is.
"""

import re
from collections.abc import Callable, Mapping
from itertools import combinations

from autograder.checks.mistakes import Edit, Mistake, MistakeError, apply

Rule = Callable[[str], str]


def _replacing(pattern: str, by: str) -> Rule:
    return lambda text: re.sub(pattern, by, text)


def _naming(functions: Mapping[str, str]) -> Rule:
    """Functions of another name."""
    pattern = r"(?<![\w.])(" + "|".join(map(re.escape, functions)) + r")(?=\()"
    return lambda text: re.sub(pattern, lambda name: functions[name[1]], text)


_VALUE = r"(\w+(?:\[[^\[\]]*\])?|\([^()]*(?:\([^()]*\)[^()]*)*\))"
_MODULE = _replacing(r"(?<![\w.])([WUVb]|[WUb]_\w+)(?![\w(])", r"self.\1")
_DEEPER = _replacing(r"\n(?= *\S)", "\n    ")  # NumPy's answers are functions, theirs often methods
_RULES: dict[str, tuple[Rule, ...]] = {
    "numpy": (),
    "pytorch": (
        _naming({"np.split": "torch.chunk", "np.concatenate": "torch.cat", "sigmoid": "torch.sigmoid"}),
        _naming({"np.transpose": "torch.permute", "np.max": "torch.amax"}),
        _replacing(r"\bnp\.maximum\((.+?), (\d)\)", r"torch.clamp(\1, min=\2)"),
        _replacing(r"\bnp\.", "torch."),
        _replacing(r"\baxis=", "dim="),
        _replacing(r"\bdtype=(\w+)\.dtype", r"dtype=\1.dtype, device=\1.device"),
        _replacing(r"\bkeepdims=", "keepdim="),
        _replacing(r"(\w)\[t\]\[:, None\]", r"\1[t].unsqueeze(-1)"),
        _replacing(r"\[\.\.\., None\]", ".unsqueeze(-1)"),
        _MODULE,
        _DEEPER,
    ),
    "tensorflow": (
        _naming({"np.log": "tf.math.log", "np.concatenate": "tf.concat", "sigmoid": "tf.sigmoid"}),
        _naming({f"np.{of}": f"tf.reduce_{of}" for of in ("sum", "mean", "max")}),
        _naming({"np.linalg.norm": "tf.norm", "np.clip": "tf.clip_by_value", "np.diag": "tf.linalg.diag_part"}),
        _replacing(r"\bnp\.", "tf."),
        _replacing(_VALUE + r"\.T\b", r"tf.transpose(\1)"),
        _replacing(_VALUE + r"\.sum\(axis=", r"tf.reduce_sum(\1, axis="),
        _replacing(_VALUE + r"\.mean\(axis=", r"tf.reduce_mean(\1, axis="),
        _replacing(_VALUE + r"\.sum\(\)", r"tf.reduce_sum(\1)"),
        _replacing(r"\blen\((\w+)\)", r"\1.shape[0]"),
        _replacing(r"(from_input|X)\[t\]", r"\1[:, t]"),
        _replacing(r"X\.shape\[0\]", "X.shape[1]"),
        _MODULE,
        _DEEPER,
    ),
}


def translated(mistake: Mistake, solution: str, framework: str) -> Edit | None:
    """The mistake's edit of this framework's solution; None where it cannot be made there.

    Raises MistakeError when no translation of `replace` stands exactly once in the solution.
    """
    if framework in mistake.elsewhere:
        return mistake.elsewhere[framework]
    edit = mistake.replace, mistake.by
    rules = [rule for rule in _RULES[framework] if rule is not _MODULE or "self." in solution]
    for count in range(len(rules), -1, -1):
        for chosen in combinations(rules, count):
            replace, by = edit
            for rule in chosen:
                replace, by = rule(replace), rule(by)
            if solution.count(replace) == 1 and replace != by:
                return _indented(solution, replace, by)
    raise MistakeError(f"{mistake.name}: no {framework} wording of {mistake.replace!r} stands once in the solution")


def _indented(solution: str, replace: str, by: str) -> Edit:
    """Further lines of `by` stand as deep as the line that is edited, whatever its depth in the NumPy answer was."""
    first, *rest = by.split("\n")
    if not rest or "\n" in replace:
        return replace, by
    line = next(line for line in solution.split("\n") if replace.split("\n")[0] in line)
    depth = " " * (len(line) - len(line.lstrip()))
    return replace, "\n".join([first, *(depth + text.lstrip() for text in rest)])


def with_mistake(mistake: Mistake, solution: str, framework: str) -> str | None:
    """The framework's solution with the mistake in it, or None where it cannot be made there. Raises MistakeError."""
    edit = translated(mistake, solution, framework)
    return None if edit is None else apply(solution, edit, mistake.name)
