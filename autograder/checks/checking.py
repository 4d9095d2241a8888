"""`check`: put a question to a learner's answer, print one line when it is right, explain when it is not."""

import difflib
import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from autograder.checks import drivers
from autograder.checks.calling import Printed
from autograder.checks.comparing import About, exchanged, judge
from autograder.checks.credit import credit
from autograder.checks.diagnosis import explain
from autograder.checks.drawing import generator
from autograder.checks.drivers.symbolic import is_formula
from autograder.checks.elsewhere import driver_for
from autograder.checks.failures import CheckFailure, Verdict
from autograder.checks.given_values import independent, told
from autograder.checks.mistakes import Mistake
from autograder.checks.observing import Observation, agree_on_arguments, cast, kind, observe_each, run_dtype
from autograder.checks.question import Answer, Calling, Problem, Question, relative_error, tolerance
from autograder.checks.rules import program_of, refuse_what_is_ruled_out, told_in_place
from autograder.checks.training import Training, judge_training

SEEN_FOR_A_DIAGNOSIS = 4
"""How many problems, from the first that went wrong, are looked at to tell mistakes apart."""

_OURS = str(Path(__file__).resolve().parents[1])


def check(
    name: str,
    answer: Any,
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
    if callable(name) and isinstance(answer, str):
        raise CheckFailure(
            answer,
            "the arguments stand in the other order",
            advice=f'Write the name first: check("{answer}", {getattr(name, "__name__", "your_function")}).',
        )
    question = find(name)
    if framework not in question.answers:
        raise CheckFailure(
            name,
            f"framework={framework!r} is not one of {', '.join(map(repr, question.answers))}",
            advice='Write it as in the released notebook, for example framework="pytorch".',
        )
    symbols = () if isinstance(question, Training) else question.answers[framework].symbols
    formula = bool(symbols) and (is_formula(answer) or (hasattr(answer, "run_there") and not callable(answer)))
    if not callable(answer) and not formula:
        raise CheckFailure(
            name,
            f"expected the function or class itself, got {kind(answer)}",
            advice=f'Pass its name without calling it: check("{name}", your_function).'
            + (" A formula is written with SymPy's symbols; a text in quotes is not read." if symbols else ""),
        )
    try:
        driver = driver_for(answer, framework)
    except ImportError as error:
        package = drivers.PACKAGES[framework]
        raise CheckFailure(
            name, f"{package} cannot be imported here ({error})", advice=f"Install it: pip install {package}"
        ) from None
    refuse_what_is_ruled_out(question, framework, answer)
    if isinstance(question, Training):
        print(judge_training(question, answer, driver, seed, _OURS))
        return
    how = question.answers[framework]
    if how.calling is Calling.FUNCTION and not formula:
        agree_on_arguments(name, answer, how.arguments)
    printed = Printed()
    errors: list[float] = []
    failed: tuple[Problem, list[Verdict]] | None = None
    seen: list[tuple[Problem, np.dtype, Observation]] = []
    right = set(how.outputs)
    """Outputs that were right on every problem so far."""
    try:
        problems = _problems(question, how, rounds, seed)
        for problem, observation in observe_each(question, how, driver, answer, problems, printed, _OURS):
            verdicts, largest = _judge(question, how, driver, problem, observation)
            errors.append(largest)
            right -= set(how.outputs) if observation.changed else {v.output for v in verdicts if not v.right}
            if failed is None and (observation.changed or not all(v.right for v in verdicts)):
                failed = problem, verdicts
            if failed is not None and len(seen) < SEEN_FOR_A_DIAGNOSIS:
                seen.append((problem, run_dtype(how, driver, problem), observation))
            if len(seen) == SEEN_FOR_A_DIAGNOSIS and not right:
                break
    except CheckFailure:
        if failed is None:
            raise  # otherwise what was seen first is told
        right.clear()
    finally:
        if printed.text():
            print(printed.text())
    if failed is not None:
        known = explain(question, seen) if question.all_mistakes else []
        changed = seen[0][2].changed
        in_place = told_in_place(program_of(answer), how.arguments, changed) if changed else ""
        wrong = [v.output for v in failed[1] if not v.right]
        constant = independent(question, how, driver, answer, failed[0], seen[0][2], wrong, _OURS) if not known else []
        _fail(question, *failed, changed, in_place, known, told(constant), credit(question, framework, right))
    print(f"✓ {name}: right on {len(errors)} problems; largest relative error {max(errors):.1g}")


def _problems(question: Question, how: Answer, rounds: int, seed: int | None) -> Iterator[Problem]:
    """What an answer is tried on. Modules have a type of their own, so they get no float32 problems."""
    drawn = generator(question.name, seed)
    for _ in range(rounds):
        for problem in question.problems(drawn):
            if how.calling is not Calling.MODULE or problem.dtype == np.float64:
                yield problem


def find(name: str) -> Question | Training:
    """The question of that name. Raises CheckFailure with the nearest names when there is none."""
    assignment = name.split("/")[0] if isinstance(name, str) else ""
    known = assignments()
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


def assignments() -> dict[str, str]:
    """Assignment names and the modules of their questions: one package an assignment, beside this module."""
    modules = {path.parent.name for path in Path(__file__).parent.glob("*/questions.py")}
    return {m.replace("_", "-"): m for m in sorted(modules)}


_WAITING = ("cannot be asked for", "not judged until")
"""How drivers begin to say that a gradient could not be found because something else is wrong."""


def _judge(
    question: Question, how: Answer, driver: drivers.Driver, problem: Problem, seen: Observation
) -> tuple[list[Verdict], float]:
    """A verdict on each output, and the largest relative error of those that could be compared."""
    dtype = run_dtype(how, driver, problem)
    verdicts, largest = [], 0.0
    for output in how.outputs:
        value = seen.outputs[output]
        if isinstance(value, drivers.Missing):
            verdicts.append(Verdict(output, False, value.reason, follows=value.reason.startswith(_WAITING)))
            continue
        expected = cast(problem.expected[output], dtype)
        verdict = judge(
            output,
            value,
            expected,
            allowed=tolerance(dtype, problem.terms),
            scale=problem.scales.get(output, 0.0),
            about=About(
                in_time=output in question.in_time,
                mask=problem.values.get("mask"),
                blocks=question.blocks.get(output, ()),
                sizes=problem.sizes,
            ),
        )
        verdicts.append(verdict)
        if verdict.right:
            largest = max(largest, float(relative_error(value, problem.expected[output]).max(initial=0.0)))
    verdicts = _consequences(question, problem, dtype, seen, verdicts)
    expected_of = {output: cast(problem.expected[output], dtype) for output in how.outputs}
    return exchanged(verdicts, seen.outputs, expected_of, tolerance(dtype, problem.terms)), largest


def _consequences(
    question: Question, problem: Problem, dtype: np.dtype, seen: Observation, verdicts: list[Verdict]
) -> list[Verdict]:
    """The verdicts, those on outputs that merely follow from something wrong marked as such."""
    if question.follows is None or all(v.right for v in verdicts):
        return verdicts

    def same(got: object, expected: NDArray) -> bool:
        return float(relative_error(got, expected).max(initial=0.0)) <= tolerance(dtype, problem.terms)

    outputs = {
        name: value.astype("float64")
        for name, value in seen.outputs.items()
        if isinstance(value, np.ndarray)
        and (value.shape, value.dtype) == (problem.expected[name].shape, dtype)
        and np.isfinite(value).all()
    }
    with np.errstate(all="ignore"):
        causes = question.follows(problem.values, outputs, same)
    return [
        v if v.right or v.output not in causes else Verdict(v.output, False, f"follows from {causes[v.output]}", True)
        for v in verdicts
    ]


def _fail(
    question: Question,
    problem: Problem,
    verdicts: Sequence[Verdict],
    changed: frozenset[str],
    told_of_changes: str,
    known: Sequence[Mistake],
    told_of_constants: str,
    earned: float,
) -> NoReturn:
    """Say what is wrong: the mistake where it is known, what can be seen of it where it is not."""
    wrong = [v for v in verdicts if not v.right]
    in_place = ", ".join(sorted(changed))
    if wrong:
        causes = [v for v in wrong if not v.follows] or wrong
        names = ", ".join(v.output for v in causes)
        headline = f"{names} {causes[0].finding}" if len(causes) == 1 else f"{names} are not right yet"
        following = [v.output for v in wrong if v not in causes]
        if following:
            headline += f"; {', '.join(following)} {'follow' if len(following) > 1 else 'follows'}"
        advice, see = f"{told_of_constants} {_advice(question, causes, len(wrong))}".strip(), question.see
    else:
        headline = f"your code changes its argument {in_place} in place"
        advice, see = "", ""
    if known:
        advice = " ".join(m.hint for m in known)
        see = next((m.see for m in known if m.see), see)
    if in_place:
        advice = f"{advice} The caller still needs {in_place}. {told_of_changes}".lstrip()
    raise CheckFailure(
        question.name,
        headline,
        verdicts=verdicts if wrong else (),
        problem=problem.given,
        advice=advice,
        see=see,
        mistakes=[m.name for m in known],
        credit=earned,
    )


def _advice(question: Question, wrong: Sequence[Verdict], wrong_in_all: int) -> str:
    """What the findings themselves advise, else the first advice of the question that fits a wrong output: causes
    stand before what follows."""
    outputs = {v.output for v in wrong}
    if all(v.advice for v in wrong) and not any(v.finding.startswith("contains") for v in wrong):
        return " ".join(dict.fromkeys(v.advice for v in wrong))
    if wrong_in_all == 1 and wrong[0].output in question.alone:
        return question.alone[wrong[0].output]
    return next((text for output, text in question.advice.items() if output in outputs or not output), "")
