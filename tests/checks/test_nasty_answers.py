"""What is no right answer, and in no catalogue: each has a message of its own, and the next check works as before."""

from __future__ import annotations

import importlib
import time

import numpy as np
import pytest
from solved_notebooks import solved

from autograder import check
from autograder.checks import CheckFailure, checking, observing
from autograder.checks.mistakes import apply
from autograder.checks.receiving import LARGEST

wrong = importlib.import_module("wrong_answers")
NAME = "vanilla/step-backward"


def failure(name, answer, **options) -> CheckFailure:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, **options)
    return caught.value


def right(dh, x, h_prev, h, W, U):
    da = dh * (1 - h**2)
    return da @ W.T, da @ U.T, x.T @ da, h_prev.T @ da, da.sum(axis=0)


@pytest.fixture(autouse=True)
def the_next_check_works(capsys):
    yield
    check(NAME, right)


# Mistakes that nobody has foreseen


def useful(error: CheckFailure) -> None:
    """A message as a learner can use it: what and where in the first line, what next, and no expected numbers."""
    text = str(error)
    assert error.headline
    assert "Seen with" in text
    assert error.advice, text
    assert error.advice.endswith((".", "?", "`.", "o", ")")), text
    assert "array(" not in text
    assert "Traceback" not in text
    assert len(text.splitlines()[0]) < 240, text
    assert 0 <= error.credit < 1


@pytest.mark.parametrize(
    ("question", "what", "replace", "by"), wrong.EDITED, ids=[f"{q}: {what}" for q, what, *_ in wrong.EDITED]
)
def test_a_wrong_edit_loses_points_and_is_told_what_next(question, what, replace, by):
    assignment, _, grade_id = question.partition("/")
    notebook = solved(assignment, "numpy")
    error = notebook.put(grade_id, apply(notebook.solution(grade_id), (replace, by), what))
    assert isinstance(error, CheckFailure), f"{what} passed"
    useful(error)


@pytest.mark.parametrize(("key", "answer"), wrong.WRITTEN.items(), ids=[f"{q}: {what}" for q, what in wrong.WRITTEN])
def test_a_wrong_answer_loses_points_and_is_told_what_next(key, answer):
    for seed in range(3):
        useful(failure(key[0], answer, seed=seed))


def told(name: str, what: str) -> str:
    return str(failure(name, wrong.WRITTEN[name, what], seed=1))


def test_what_some_of_them_are_told():
    states = "vanilla/sequence-forward"
    assert "is this the last step alone?" in told(states, "only the last state")
    assert "is the state before the first step in it?" in told(states, "with the first state")
    assert "is the return, or a break, inside it?" in told(states, "return inside the loop")
    assert "of 2 things that cannot be read as an array" in told(states, "the states and the last one")
    assert "nothing beside it" in told(states, "the states and the last one")
    assert "differences in place of a derivative?" in told(NAME, "by finite differences")
    assert "is nearly right" in told(NAME, "by finite differences")
    assert "dx       ✗  is what dW should be" in told(NAME, "in another order")
    assert "The task's is dx, dh_prev, dW, dU, db." in told(NAME, "in another order")
    assert "an axis of length 1 too many or too few" in told(NAME, "db as a row")
    assert "has the sum or mean been left out?" in told("vanilla/softmax-loss", "one loss a place")
    wrong._GLOBAL.clear()
    assert "it ran: does it use a size, or a name of the notebook" in told(NAME, "a name of the notebook")


def test_numbers_in_other_places():
    def swapped(x, h_prev, W, U, b):
        return np.tanh(x @ W + h_prev @ U + b)[:, ::-1]

    assert "holds the right numbers in another order along its last axis" in str(
        failure("vanilla/step-forward", swapped)
    )

    def rolled(X, h_0, W, U, b, mask):
        H, h = [], h_0
        for x, m in zip(X, mask[..., None], strict=True):
            h = m * np.tanh(x @ W + h @ U + b) + (1 - m) * h
            H.append(h)
        return np.roll(H, 1, axis=0)

    assert "holds the right numbers in other places" in str(failure("vanilla/sequence-forward", rolled, seed=0))


def test_one_gradient_that_is_wrong_alone():
    def answer(dh, x, h_prev, h, W, U):
        dx, *others = right(dh, x, h_prev, h, W, U)
        return 1.2 * dx + x, *others

    assert "look at dx = δa Wᵀ itself" in str(failure(NAME, answer))


# What is no array


class Unreadable:
    def __array__(self, *_arguments, **_keywords):
        raise RuntimeError("not today")


class Sparse:
    """As SciPy's: NumPy makes an object array of it."""

    def toarray(self):
        return np.zeros((2, 2))


def endless_list(g):
    inner: list = []
    inner.append(inner)
    return inner


INSTEAD = {
    "None": (lambda g: None, "dU is None: is the return statement there?"),
    "a string": (lambda g: "dU", "dU is a str, not an array"),
    "bytes": (lambda g: b"dU", "dU is a bytes, not an array"),
    "a dict": (lambda g: {"dU": g}, "dU is a dict, not an array"),
    "a set": (lambda g: {1.0}, "dU is a set, not an array"),
    "a function": (lambda g: g.sum, "dU is a function, not an array"),
    "a class": (lambda g: np.ndarray, "dU is a class, not an array"),
    "a generator": (lambda g: (row for row in g), "dU is a generator, which has not been run"),
    "an iterator": (lambda g: iter(g), "dU is an iterator, which has not been run"),
    "a map": (lambda g: map(np.copy, g), "dU is a map, which has not been run"),
    "an object array": (lambda g: g.astype(object), "dU is an array of object, not of real numbers"),
    "texts": (lambda g: g.astype(str), "not of real numbers"),
    "dates": (lambda g: np.zeros(g.shape, "datetime64[s]"), "not of real numbers"),
    "records": (lambda g: np.zeros(4, [("a", float)]), "not of real numbers"),
    "complex numbers": (lambda g: g + 1j, "dU is an array of complex128, not of real numbers"),
    "a complex type": (lambda g: g + 0j, "dU is an array of complex128, not of real numbers"),
    "a masked array": (lambda g: np.ma.masked_array(g, g > 0), "of its entries hidden"),
    "a sparse array": (lambda g: Sparse(), "dU is a Sparse, not an array"),
    "what cannot be read": (lambda g: Unreadable(), "dU is an Unreadable that cannot be read as an array"),
    "rows of unequal length": (
        lambda g: [[1.0], [1.0, 2.0]],
        "dU is a list of 2 things that cannot be read as an array",
    ),
    "a list in itself": (endless_list, "dU is a list that cannot be read as an array"),
    "a whole-number type": (lambda g: np.round(g).astype(int), "has dtype int64, expected float64 like the inputs"),
    "truth values": (lambda g: g > 0, "has dtype bool, expected float64 like the inputs"),
    "half precision": (lambda g: g.astype("float16"), "has dtype float16, expected float64 like the inputs"),
    "extended precision": (lambda g: g.astype(np.longdouble), "expected float64 like the inputs"),
    "NaN": (lambda g: g * np.nan, "contains NaN (16 of 16 entries), from 0/0"),
    "infinity": (lambda g: g / 0.0, "contains infinite values (16 of 16 entries), from a division by 0"),
    "a number": (lambda g: 1.5, "has shape (), expected (4, 4)"),
    "one axis more": (lambda g: g[None], "has shape (1, 4, 4), expected (4, 4): an axis of length 1 too many"),
    "one axis less": (lambda g: g[0], "has shape (4,), expected (4, 4)"),
    "nothing in it": (lambda g: g[:0], "has shape (0, 4), expected (4, 4)"),
    "an exception": (lambda g: ValueError("no"), "dU is a ValueError, not an array"),
    "an ellipsis": (lambda g: ..., "dU is an ellipsis, not an array"),
    "a GiB of zeros by strides": (
        lambda g: np.broadcast_to(np.zeros(1), (1 << 15, 1 << 12)),
        "far more than asked for",
    ),
    "a list of a million things": (lambda g: [0.0] * (LARGEST + 1), "far more than asked for"),
}


@pytest.mark.parametrize(("spoil", "said"), INSTEAD.values(), ids=INSTEAD)
def test_what_stands_in_place_of_an_array(spoil, said):
    def step_backward(*arguments):
        dx, dh_prev, dW, dU, db = right(*arguments)
        with np.errstate(all="ignore"):
            return dx, dh_prev, dW, spoil(dU), db

    began = time.perf_counter()
    error = failure(NAME, step_backward, seed=1)
    assert time.perf_counter() - began < 3
    assert said in error.headline, str(error)
    assert [v.output for v in error.verdicts if not v.right] == ["dU"], "the others are right all the same"
    assert error.advice
    assert error.credit == 4 / 5


FINE = {
    "a matrix": lambda g: np.matrix(g) if g.ndim == 2 else g,
    "a masked array with nothing masked": np.ma.masked_array,
    "a memoryview": memoryview,
    "read-only": lambda g: np.frombuffer(g.tobytes(), g.dtype).reshape(g.shape),
    "not contiguous": lambda g: np.asfortranarray(np.repeat(g, 3, axis=0))[::3],
}


@pytest.mark.parametrize("packed", FINE.values(), ids=FINE)
def test_what_is_unusual_and_right(packed):
    check(NAME, lambda *a: [packed(np.ascontiguousarray(g)) for g in right(*a)])


def later(*arguments):
    yield from right(*arguments)


async def much_later(*arguments):
    return right(*arguments)


RETURNED = {
    "None": (lambda *a: None, "returned None, expected 5 values (dx, dh_prev, dW, dU, db)"),
    "a number": (lambda *a: 3, "returned an int, expected 5 values"),
    "a text of five": (lambda *a: "abcde", "returned a str, expected 5 values"),
    "too few": (lambda *a: right(*a)[:4], "returned 4 values, expected 5"),
    "one in a tuple": (lambda *a: (right(*a),), "returned 1 value, expected 5"),
    "a million": (lambda *a: list(range(1_000_000)), "returned 1000000 values, expected 5"),
    "one array": (lambda *a: np.zeros((5, 2)), "returned a ndarray, expected 5 values"),
    "an array of objects": (lambda *a: np.array([*right(*a), None], dtype=object)[:5], "returned a ndarray, expected"),
    "other names": (lambda *a: dict(zip("abcde", right(*a), strict=True)), "a dict with the keys a, b, c, d, e"),
    "no names": (lambda *a: {}, "returned an empty dict"),
    "a yield": (later, "returned a generator, which has not been run"),
    "a zip": (lambda *a: zip("abcde", right(*a), strict=True), "returned a zip, which has not been run"),
    "a function": (lambda *a: right, "returned a function, expected 5 values"),
}


@pytest.mark.parametrize(("answer", "said"), RETURNED.values(), ids=RETURNED)
def test_what_is_returned_in_place_of_the_outputs(answer, said):
    error = failure(NAME, answer)
    assert said in error.headline
    assert error.advice == "End with: return dx, dh_prev, dW, dU, db"


@pytest.mark.filterwarnings("ignore:coroutine")
def test_an_async_function():
    assert "is it an async def?" in str(failure(NAME, much_later))


# What raises, in all ways


class Wordless(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def stop(*arguments):
    raise StopIteration


def raising(error):
    def step_backward(dh, x, h_prev, h, W, U):
        raise error

    return step_backward


RAISED = {
    "SystemExit": raising(SystemExit(0)),
    "GeneratorExit": raising(GeneratorExit()),
    "BaseException": raising(BaseException("of its own kind")),
    "Wordless": raising(Wordless()),
    "MemoryError": raising(MemoryError()),
    "StopIteration": stop,
    "RecursionError": lambda *a: RAISED["RecursionError"](*a),
    "AssertionError": raising(AssertionError("x" * 10_000)),
    "UnicodeDecodeError": raising(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no")),
}


@pytest.mark.parametrize(("kind", "answer"), RAISED.items(), ids=RAISED)
def test_whatever_is_raised_is_told(kind, answer):
    error = failure(NAME, answer)
    assert f"raised {kind}" in error.headline
    assert len(str(error)) < 1000


def test_a_keyboard_interrupt_is_the_learners_own():
    with pytest.raises(KeyboardInterrupt):
        check(NAME, raising(KeyboardInterrupt()))


def test_a_check_failure_of_the_learners_own_does_not_pass():
    failure(NAME, raising(CheckFailure(NAME, "made up", credit=0.99)))


# What does not come to an end


def for_ever(*arguments):
    while True:
        pass


def behind_a_bare_except(*arguments):
    while True:
        try:
            while True:
                pass
        except:  # noqa: E722  # what many people write
            pass


def behind_two(*arguments):
    while True:
        try:
            try:
                time.sleep(60)
            except BaseException:
                time.sleep(0.01)
        except BaseException:
            continue


def behind_a_finally(*arguments):
    while True:
        try:
            time.sleep(60)
        finally:
            continue  # noqa: B012  # what is to be stopped


def asleep(*arguments):
    time.sleep(60)


def generator_without_end(*arguments):
    return sum(1 for _ in iter(int, 1))


def printing(*arguments):
    while True:
        print("still here")


@pytest.mark.parametrize(
    "answer",
    [
        for_ever,
        behind_a_bare_except,
        behind_two,
        behind_a_finally,
        asleep,
        generator_without_end,
        printing,
    ],
)
def test_what_never_returns_is_stopped(answer, monkeypatch):
    monkeypatch.setattr(observing, "SECONDS", 0.3)
    began = time.perf_counter()
    error = failure(NAME, answer)
    assert time.perf_counter() - began < 5
    assert "did not return within" in error.headline
    assert "loop" in error.advice


@pytest.mark.slow
def test_a_product_of_huge_matrices_is_told_when_it_is_through(monkeypatch):
    """Python cannot stop what runs in C: the check says so afterwards. While grading, the kernel is stopped."""
    monkeypatch.setattr(observing, "SECONDS", 0.3)

    def step_backward(*arguments):
        a = np.ones((3000, 3000))
        for _ in range(3):
            a = a @ a
        return right(*arguments)

    assert "did not return within" in failure(NAME, step_backward).headline


def test_tracing_is_put_back(monkeypatch):
    import sys

    monkeypatch.setattr(observing, "SECONDS", 0.2)
    before = sys.gettrace()
    failure(NAME, behind_a_bare_except)
    assert sys.gettrace() is before


def test_a_thousand_lines_and_a_log(capsys):
    import logging
    import sys

    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger("of the learner").addHandler(handler)

    def step_backward(*arguments):
        print("\n".join(["line"] * 1000))
        logging.getLogger("of the learner").warning("logged")
        return right(*arguments)

    try:
        check(NAME, step_backward)
    finally:
        logging.getLogger("of the learner").removeHandler(handler)
    printed = capsys.readouterr()
    assert printed.err == "", "on standard error a right answer would lose its points"
    assert printed.out.count("line") < 20
    assert "more lines" in printed.out
    assert handler.stream is not None


# What is checked is something else


class WithMethods:
    def answer(self, *arguments):
        return right(*arguments)


def test_something_else_is_checked():
    assert "got an int" in str(failure(NAME, 3))
    assert "got a WithMethods" in str(failure(NAME, WithMethods()))
    assert "got a tuple" in str(failure(NAME, (right,)))
    assert "takes 0 arguments" in str(failure(NAME, WithMethods))
    assert "Its first line is def …(dh, x, h_prev, h, W, U):" in str(failure(NAME, lambda x: x))


def test_an_argument_that_is_missing_from_the_middle():
    error = failure(NAME, lambda dh, x, h, W, U: 0)
    assert "takes 5 arguments (dh, x, h, W, U), the task calls it with 6" in error.headline


@pytest.mark.slow
def test_every_question_survives_nonsense():
    """Every question, NumPy: None, a number, a text, an exception; each is a CheckFailure without credit."""
    for module in checking.assignments().values():
        for name, question in importlib.import_module(f"autograder.checks.{module}").QUESTIONS.items():
            if not hasattr(question, "problems"):
                continue
            for returned in (None, 3, "text", [], {}, np.zeros(0), object()):

                def answer(*_arguments, returned=returned):
                    return returned

                error = failure(name, answer)
                assert error.credit == 0, (name, returned)
