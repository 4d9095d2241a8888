"""`check`: put a question to a learner's answer, print one line when it is right, explain when it is not."""

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from autograder.checks import drivers
from autograder.checks.calling import Printed, TimeIsUp, time_limit, where_it_happened
from autograder.checks.comparing import judge
from autograder.checks.failures import CheckFailure, Verdict
from autograder.checks.question import Answer, Calling, Problem, Question, relative_error, tolerance

SECONDS = 10.0
"""How long one call of a learner's answer may take; the problems are tiny."""

_OURS = str(Path(__file__).resolve().parents[1])
_MACHINERY = {"calling", "checking", "comparing", "drivers", "failures", "question"}


def check(
    name: str,
    answer: object,
    *,
    framework: str = "numpy",
    rounds: int = 1,
    seed: int | None = None,
) -> None:
    """Check a learner's `answer` to the question `name`, such as "vanilla/step-forward".

    `answer` is a function or class, as the task says. `framework` is "numpy", "pytorch" or "tensorflow".
    The problems are drawn afresh in each call, `rounds` times over; `seed` repeats a draw.

    Prints one line when the answer is right on every problem. Raises CheckFailure, whose text says what is
    wrong and what to look at, when it is not, and also for whatever else a learner can cause: a misspelt
    name, something that is not callable, an exception, an endless loop.
    """
    question = find(name)
    if framework not in question.answers:
        raise CheckFailure(
            name,
            f"framework={framework!r} is not one of {', '.join(map(repr, question.answers))}",
            advice='Write it as in the released notebook, for example framework="pytorch".',
        )
    if not callable(answer):
        raise CheckFailure(
            name,
            f"expected the function or class itself, got {_kind(answer)}",
            advice=f'Pass its name without calling it: check("{name}", your_function).',
        )
    try:
        driver = drivers.load(framework)
    except ImportError as error:
        package = drivers.PACKAGES[framework]
        raise CheckFailure(
            name, f"{package} cannot be imported here ({error})", advice=f"Install it: pip install {package}"
        ) from None
    how = question.answers[framework]
    if how.calling is Calling.FUNCTION:
        _agree_on_arguments(name, answer, how.arguments)
    printed = Printed()
    generator = np.random.default_rng(seed)
    try:
        errors = [
            _try_problem(question, how, driver, answer, problem, printed)
            for _ in range(rounds)
            for problem in question.problems(generator)
            if how.calling is not Calling.MODULE or problem.dtype == np.float64
        ]
    finally:
        if printed.text():
            print(printed.text())
    print(f"✓ {name}: right on {len(errors)} problems; largest relative error {max(errors):.1g}")


def find(name: str) -> Question:
    """The question of that name. Raises CheckFailure with the nearest names when there is none."""
    assignment = name.split("/")[0] if isinstance(name, str) else ""
    known = _assignments()
    if assignment in known:
        questions = importlib.import_module(f"autograder.checks.{known[assignment]}").QUESTIONS
        if name in questions:
            return questions[name]
        names: Sequence[str] = list(questions)
    else:
        names = [f"{a}/…" for a in known]
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    advice = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names)}."
    raise CheckFailure(str(name), "there is no check of this name", advice=advice)


def _assignments() -> dict[str, str]:
    """Assignment names and the modules of their questions: one module an assignment, beside this one."""
    folder = [str(Path(__file__).parent)]
    modules = {m.name for m in pkgutil.iter_modules(folder)} - _MACHINERY
    return {m.replace("_", "-"): m for m in sorted(modules)}


def _agree_on_arguments(name: str, answer: Callable[..., Any], expected: Sequence[str]) -> None:
    """Refuse a function that cannot be called as the task says, before any of it runs."""
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
        ) from None
    if own != list(expected) and sorted(own) == sorted(expected):
        raise CheckFailure(
            name,
            f"the arguments stand in the order ({', '.join(own)}), the task's order is ({', '.join(expected)})",
        )


def _try_problem(
    question: Question,
    how: Answer,
    driver: drivers.Driver,
    answer: Callable[..., Any],
    problem: Problem,
    printed: Printed,
) -> float:
    """Call the answer on one problem; its largest relative error, or CheckFailure."""
    # A module has a dtype of its own, so the float32 problems are skipped above and the others cast for it.
    dtype = problem.dtype if how.calling is not Calling.MODULE else np.dtype(driver.MODULE_DTYPE)
    values = {k: _cast(v, dtype) for k, v in problem.values.items()}
    try:
        with printed.capture(), time_limit(SECONDS):
            got = _call(question, how, driver, answer, values)
    except CheckFailure:
        raise
    except (Exception, TimeIsUp, SystemExit) as error:
        _explain(question, answer, problem, error)
    _nothing_changed(question, how, problem, dtype, values)
    verdicts = []
    for output in how.outputs:
        expected = _cast(problem.expected[output], dtype)
        value = got[output]
        if isinstance(value, drivers.Missing):
            verdicts.append(Verdict(output, False, value.reason))
            continue
        verdicts.append(
            judge(
                output,
                value,
                expected,
                allowed=tolerance(dtype, problem.terms),
                scale=problem.scales.get(output, 0.0),
                in_time=output in question.in_time,
                mask=problem.values.get("mask"),
            )
        )
    wrong = [v for v in verdicts if not v.right]
    if wrong:
        names = ", ".join(v.output for v in wrong)
        headline = f"{names} {wrong[0].finding}" if len(wrong) == 1 else f"{names} are not right yet"
        raise CheckFailure(
            question.name,
            headline,
            verdicts=verdicts,
            problem=problem.given,
            advice=_advice(question, wrong),
            see=question.see,
        )
    return max(float(relative_error(got[o], problem.expected[o]).max(initial=0.0)) for o in how.outputs)


def _call(
    question: Question,
    how: Answer,
    driver: drivers.Driver,
    answer: Callable[..., Any],
    values: dict[str, NDArray],
) -> dict[str, object]:
    """Every output of the answer by name."""
    arrays = [values[a] for a in how.arguments]
    if how.calling is Calling.FUNCTION:
        return _by_name(question, how.outputs, driver.function(answer, arrays))
    if how.calling is Calling.PULL_BACK:
        tracked = [how.arguments.index(a) for a in how.tracked]
        output, gradients = driver.pull_back(answer, arrays, tracked, values[how.upstream])
    else:
        sizes = [int(values[s]) for s in how.sizes]
        parameters = {p: values[p] for p in how.parameters}
        output, gradients = driver.module(answer, sizes, parameters, arrays, values[how.upstream])
    return dict(zip(how.outputs, [output, *gradients], strict=True))


def _by_name(question: Question, outputs: Sequence[str], returned: object) -> dict[str, object]:
    """What a function returned, by output name: a bare value, a tuple, a list, or a dict with those names."""
    if isinstance(returned, dict) and set(outputs) <= set(returned):
        return {o: returned[o] for o in outputs}
    if len(outputs) == 1:
        alone = isinstance(returned, (tuple, list)) and len(returned) == 1
        return {outputs[0]: returned[0] if alone else returned}  # type: ignore[index]
    wanted = f"{len(outputs)} values ({', '.join(outputs)})"
    if returned is None:
        raise CheckFailure(question.name, f"your function returned None, expected {wanted}: is there a return?")
    if not isinstance(returned, (tuple, list)):
        raise CheckFailure(question.name, f"your function returned {_kind(returned)}, expected {wanted}")
    if len(returned) != len(outputs):
        raise CheckFailure(question.name, f"your function returned {len(returned)} values, expected {wanted}")
    return dict(zip(outputs, returned, strict=True))


def _nothing_changed(
    question: Question, how: Answer, problem: Problem, dtype: np.dtype, values: dict[str, NDArray]
) -> None:
    for name in how.arguments:
        if not np.array_equal(values[name], _cast(problem.values[name], dtype)):
            raise CheckFailure(
                question.name,
                f"your code changes its argument {name} in place",
                problem=problem.given,
                advice=f"The caller still needs {name}. Write `{name} = {name} + …` instead of `{name} += …`, "
                "or work on a copy.",
            )


def _explain(question: Question, answer: Any, problem: Problem, error: BaseException) -> NoReturn:
    """Turn whatever the learner's code raised into a CheckFailure."""
    called = getattr(answer, "__name__", "your answer")
    where = where_it_happened(error, _OURS)
    if isinstance(error, NotImplementedError):
        raise CheckFailure(
            question.name,
            f"{called} is not written yet",
            advice="Replace `raise NotImplementedError()` with your code, run that cell, then run this one again.",
        ) from None
    if isinstance(error, TimeIsUp):
        headline = f"{called} did not return within {SECONDS:.0f} seconds"
        advice = f"Is there a loop that never ends? It was at {where}." if where else "Is there an endless loop?"
    elif isinstance(error, drivers.Unsuitable):
        headline, advice = f"expected {error}", ""
    else:
        message = " ".join(str(error).split())
        message = message if len(message) <= 200 else message[:200] + " …"
        headline = f"{called} raised {type(error).__name__}: {message}"
        advice = f"It happened at {where}." if where else ""
    raise CheckFailure(question.name, headline, problem=problem.given, advice=advice, see=question.see) from None


def _advice(question: Question, wrong: Sequence[Verdict]) -> str:
    """The advice that stands first in the question and fits a wrong output: causes stand before what follows."""
    outputs = {v.output for v in wrong}
    return next((text for output, text in question.advice.items() if output in outputs or not output), "")


def _cast(array: NDArray, dtype: np.dtype) -> NDArray:
    """A fresh copy; floating-point arrays in the type the answer is run in, others as they are."""
    return array.astype(dtype) if array.dtype.kind == "f" else array.copy()


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
