"""Putting an answer to work on one problem, and keeping all that can be seen of it."""

import contextlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from autograder.checks import drivers
from autograder.checks.calling import Printed, where_it_happened, who_raised
from autograder.checks.elsewhere import Elsewhere, at_work
from autograder.checks.failures import CheckFailure
from autograder.checks.mistakes import Mistake
from autograder.checks.question import Answer, Calling, Problem, Question
from autograder.checks.receiving import received
from autograder.running import TimeIsUp

SECONDS = 10.0
"""How long one call of a learner's answer may take; the problems are tiny."""

TOGETHER = 32
"""How many problems are put to an answer in another process at once."""


@dataclass(frozen=True)
class Observation:
    """What an answer did on one problem: its outputs by name, and the arguments it changed in place."""

    outputs: Mapping[str, object]
    changed: frozenset[str]


def run_dtype(how: Answer, driver: drivers.Driver, problem: Problem) -> np.dtype:
    """The type an answer runs in: the problem's, but for modules, which have one of their own."""
    return problem.dtype if how.calling is not Calling.MODULE else np.dtype(driver.MODULE_DTYPE)


def observe_each(
    question: Question,
    how: Answer,
    driver: drivers.Driver,
    answer: Callable[..., Any],
    problems: Iterable[Problem],
    printed: Printed,
    ours: str,
) -> Iterator[tuple[Problem, Observation]]:
    """Run the answer on each problem in turn. `ours` is this package's folder, whose frames are not the learner's.

    Raises CheckFailure for an answer that raises, does not return, or returns what cannot be told apart by name. An
    answer in another process is asked about TOGETHER problems at once.
    """
    before = ""
    for together in _batches(problems, TOGETHER):
        tasks = [_Task(question, how, driver, answer, problem) for problem in together]
        outcomes = _ahead(driver, tasks, printed)
        for task, outcome in zip_longest(tasks, outcomes):
            yield task.problem, _observe(task, outcome, printed, ours, before)
            before = task.problem.given


def observe(
    question: Question,
    how: Answer,
    driver: drivers.Driver,
    answer: Callable[..., Any],
    problem: Problem,
    printed: Printed,
    ours: str,
) -> Observation:
    """`observe_each` of one problem."""
    ((_, observation),) = observe_each(question, how, driver, answer, [problem], printed, ours)
    return observation


class _Task:
    """One call of the answer: a problem, and the arrays it is given for it."""

    def __init__(
        self, question: Question, how: Answer, driver: drivers.Driver, answer: Callable[..., Any], problem: Problem
    ) -> None:
        self.question, self.how, self.driver, self.answer, self.problem = question, how, driver, answer, problem
        self.dtype = run_dtype(how, driver, problem)
        self.values = {k: cast(v, self.dtype) for k, v in problem.values.items()}

    def run(self) -> dict[str, object]:
        """Every output by name."""
        axes = self.problem.expected[self.how.outputs[0]].ndim
        return _call(self.question, self.how, self.driver, self.answer, self.values, axes)


def _batches(problems: Iterable[Problem], size: int) -> Iterator[list[Problem]]:
    iterator = iter(problems)
    while batch := list(islice(iterator, size)):
        yield batch


def _ahead(driver: drivers.Driver, tasks: Sequence[_Task], printed: Printed) -> list[Any]:
    """How the calls went, where they can be made in one go; [] where they are made one by one, and say what happens."""
    if not isinstance(driver, Elsewhere) or len(tasks) == 1:
        return []
    with at_work(driver, printed, SECONDS), contextlib.suppress(Exception):
        return driver.ahead([task.run for task in tasks])[: len(tasks)]
    return []


def _observe(task: _Task, outcome: Any, printed: Printed, ours: str, before: str) -> Observation:
    """`outcome`: how the call went, where it was made ahead. `before`: the problem, in words, on which the answer ran
    without an exception just before this one."""
    question, problem, driver = task.question, task.problem, task.driver
    ready = driver.answering(outcome) if isinstance(driver, Elsewhere) else contextlib.nullcontext()
    try:
        with at_work(driver, printed, SECONDS), ready:
            outputs = task.run()
    except CheckFailure:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a learner's code may raise anything
        explain_error(
            error,
            task.answer,
            question=question.name,
            given=problem.given,
            see=question.see,
            ours=ours,
            late=_endless,
            before=before,
            known_to_drivers=[m for m in question.all_mistakes if m.sign],
        )
    changed = {a for a in task.how.arguments if not np.array_equal(task.values[a], cast(problem.values[a], task.dtype))}
    return Observation({name: received(value) for name, value in outputs.items()}, frozenset(changed))


def _call(
    question: Question,
    how: Answer,
    driver: drivers.Driver,
    answer: Callable[..., Any],
    values: dict[str, NDArray],
    axes: int,
) -> dict[str, object]:
    """Every output of the answer by name; the first should have so many axes."""
    arrays = [values[a] for a in how.arguments]
    if how.calling is Calling.FUNCTION:
        return by_name(question.name, how.outputs, driver.function(answer, arrays, how.symbols), axes)
    upstreams = [values[g] for g in how.upstream]
    if how.calling is Calling.PULL_BACK:
        tracked = [how.arguments.index(a) for a in how.tracked]
        outputs, gradients = driver.pull_back(answer, arrays, tracked, upstreams)
    else:
        sizes = [int(values[s]) for s in how.sizes]
        parameters = {p: values[p] for p in how.parameters}
        in_time = drivers.Layout(
            [a in how.time_first for a in how.arguments],
            [o in question.in_time for o in how.outputs[: len(upstreams)]],
        )
        outputs, gradients = driver.module(answer, sizes, parameters, arrays, upstreams, in_time)
    return dict(zip(how.outputs, [*outputs, *gradients], strict=True))


def by_name(question: str, outputs: Sequence[str], returned: object, axes: int | None = None) -> dict[str, object]:
    """What a function returned, by output name: a bare value, a tuple, a list, or a dict with those names.

    `axes` tells a list with the only output in it from an output that is a list of one step's array.
    Raises CheckFailure when they are not as many as were asked for.
    """
    if isinstance(returned, dict) and set(outputs) <= set(returned):
        return {o: returned[o] for o in outputs}
    if len(outputs) == 1:
        alone = isinstance(returned, (tuple, list)) and len(returned) == 1
        if alone and axes is not None and getattr(returned[0], "ndim", axes) == axes - 1:  # type: ignore[index]
            alone = False
        return {outputs[0]: returned[0] if alone else returned}  # type: ignore[index]
    if not isinstance(returned, (tuple, list)) or len(returned) != len(outputs):
        wanted = f"{len(outputs)} values ({', '.join(outputs)})"
        advice = f"End with: return {', '.join(outputs)}"
        raise CheckFailure(question, f"your function returned {_instead(returned)}, expected {wanted}", advice=advice)
    return dict(zip(outputs, returned, strict=True))


def _instead(returned: object) -> str:
    """What came in place of several outputs."""
    if isinstance(returned, (tuple, list)):
        return f"{len(returned)} value{'s' * (len(returned) != 1)}"
    if isinstance(returned, dict):
        names = ", ".join(str(name)[:30] for name in list(returned)[:10])
        return f"a dict with the keys {names}" if names else "an empty dict"
    if returned is None:
        return "None"
    if hasattr(returned, "__next__"):
        return f"{kind(returned)}, which has not been run (is there a yield, or a map or zip without tuple?)"
    return kind(returned) + (" (is it an async def?)" if hasattr(returned, "__await__") else "")


def agree_on_arguments(name: str, answer: Callable[..., Any], expected: Sequence[str]) -> None:
    """Refuse a function that cannot be called as the task says, before any of it runs. Raises CheckFailure."""
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):
        return
    own = [p for p in signature.parameters if p != "self"]
    try:
        signature.bind(*expected)
    except TypeError:
        raise CheckFailure(
            name,
            f"your function takes {len(own)} arguments ({', '.join(own)}), "
            f"the task calls it with {len(expected)} ({', '.join(expected)})",
            advice=f"Its first line is def …({', '.join(expected)}): and nothing else is needed to call it.",
        ) from None
    if own != list(expected) and sorted(own) == sorted(expected):
        raise CheckFailure(
            name,
            f"the arguments stand in the order ({', '.join(own)}), the task's order is ({', '.join(expected)})",
            advice="They are given by place, not by name: write them in the task's order.",
        )


def explain_error(
    error: BaseException,
    answer: object,
    *,
    question: str,
    given: str,
    see: str,
    ours: str,
    late: Callable[[str], tuple[str, str]],
    before: str = "",
    known_to_drivers: Sequence[Mistake] = (),
) -> NoReturn:
    """Turn whatever the learner's code raised into a CheckFailure.

    `given`: the problem, in words; `before`: the one before, which went well. `late`: headline and advice when time
    was up, from where the code was ("": unknown). `known_to_drivers`: the mistakes that drivers find themselves.
    """
    called = getattr(answer, "__name__", "your answer")
    where = where_it_happened(error, ours)
    if isinstance(error, NotImplementedError):
        raise CheckFailure(
            question,
            f"{who_raised(error, ours, called)} is not written yet",
            advice="Replace `raise NotImplementedError()` with your code, run that cell, then run this one again.",
        ) from None
    if isinstance(error, TimeIsUp):
        headline, advice = late(where)
        headline = f"{called} {headline}"
    elif isinstance(error, drivers.Unsuitable):
        headline, advice = f"expected {error}", ""
        known = next((m for m in known_to_drivers if m.sign in str(error)), None)
        if known is not None:
            raise CheckFailure(question, headline, advice=known.hint, see=known.see, mistakes=[known.name]) from None
    elif hasattr(error, "headline"):  # from the other process there came nothing that can be judged
        headline, advice = str(error.headline), ""
    else:
        try:
            message = _UNREADABLE.sub("", " ".join(str(error).split()))
        except Exception:
            message = "(its message cannot be shown)"
        message = message if len(message) <= 200 else message[:200] + " …"
        headline = f"{called} raised {type(error).__name__}: {message}"
        advice = f"It happened at {where}." if where else ""
        if before:
            advice += f" With {before} it ran: does it use a size, or a name of the notebook, that is not an argument?"
    raise CheckFailure(question, headline, problem=given, advice=advice, see=see) from None


_UNREADABLE = re.compile(r"\x1b\[[0-9;]*m|Exception encountered when calling \S+\s| Arguments received by .*")
"""In messages of Keras: colours, and all arguments of the call."""


def _endless(where: str) -> tuple[str, str]:
    advice = f"Is there a loop that never ends? It was at {where}." if where else "Is there an endless loop?"
    return f"did not return within {SECONDS:.0f} seconds", advice


def cast(array: NDArray, dtype: np.dtype) -> NDArray:
    """A fresh copy; floating-point arrays in the type the answer is run in, others as they are."""
    return array.astype(dtype) if array.dtype.kind == "f" else array.copy()


def kind(value: object) -> str:
    """ "a list", "an int": what something is, for a sentence."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
