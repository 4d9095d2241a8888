"""Trees in worlds: what operations mean, what derivatives are, and that a wrong equation is noticed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from autograder.equations.backends import NAMES
from autograder.equations.chapters import Chapter
from autograder.equations.checking import EquationError, Options, check
from autograder.equations.evaluate import Evaluator
from autograder.equations.fingerprints import fingerprint
from autograder.equations.foundations.networks import BATCHES, BEYOND, TIMES, masks, vanilla
from autograder.equations.program import Program
from autograder.equations.reading import read
from autograder.equations.values import EvaluationError
from autograder.equations.world import Computed, Expectation, Function, Indexed, Setting, World, family

RNG = np.random.default_rng(3)
A, B = RNG.normal(size=(2, 4)), RNG.normal(size=(4, 4))
ROW = RNG.normal(size=(1, 4))
VALUES: dict[str, Any] = {
    "A": A,
    "B": B,
    "r": ROW,
    "c": 2.0,
    "x": 3,
    "m": np.array([[1.0], [0.0]]),
    "b": np.arange(4.0),
    "k_1": 5,
    "f": Function(lambda a, b=0: a + 10 * b),
    "M": Indexed(lambda world, t: t * B),
    "S": Computed(lambda world: world.sizes["H"] * A),
}


def world_of(values: Mapping[str, Any] = VALUES, **more: Any) -> World:
    return World(Setting({"T": 3, "H": 4, "K": 3}, None, values, **more), "complex step")


def value(latex: str, **bound: int) -> Any:
    return Evaluator(world_of(), bound).value(read(latex).parts[0].sides[0])


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("A B", A @ B),
        (r"c A B^{\top}", 2 * A @ B.T),
        ("B^2", B @ B),
        ("B^{-1}", np.linalg.inv(B)),
        ("A^2", A**2),
        (r"r r^{\top} c", np.array([[2 * np.sum(ROW**2)]])),
        (r"r^{\top} r", ROW.T @ ROW),
        (r"m \odot A", VALUES["m"] * A),
        ("A + b", A + np.arange(4.0)),
        ("1 - A^2", 1 - A**2),
        (r"\operatorname{diag}(r)", np.diag(ROW[0])),
        (r"\operatorname{softmax}(A)", np.exp(A) / np.exp(A).sum(axis=1, keepdims=True)),
        (r"\operatorname{onehot}(2)", np.array([0.0, 1.0, 0.0])),
        (r"\langle A, A \rangle", np.sum(A**2)),
        (r"\| A \|", np.linalg.norm(A)),
        (r"\| B \|_2", np.linalg.norm(B, 2)),
        (r"\| B \|_F", np.linalg.norm(B)),
        (r"|-c|", 2.0),
        (r"\lceil x / c \rceil + \lfloor x / c \rfloor", 3.0),
        (r"\binom{k_1}{c}", 10),
        (r"\sqrt{c x - c}", 2.0),
        (r"e^{-c}", np.exp(-2.0)),
        (r"\max(c, x) \min(c, x)", 6.0),
        (r"f(c) + f(c, x)", 34.0),
        ("A_{2,3}", A[1, 2]),
        ("M_2[1, 3]", 2 * B[0, 2]),
        ("M_{2,13}", None),
        ("S", 4 * A),
        (r"\sum_{t=1}^{3} t^2", 14.0),
        (r"\sum_{t=2}^{1} A", 0.0),
        (r"\prod_{t=1}^{2} M_t", 2 * B @ B),
        (r"M_1 \cdots M_3", 6 * B @ B @ B),
        (r"M_3 M_2 \cdots M_2", 6 * B @ B),
        (r"1 + 2 + \dots + k_1", 15.0),
        (r"\begin{pmatrix} 1 & c \\ 0 & x \end{pmatrix}", np.array([[1.0, 2.0], [0.0, 3.0]])),
        (r"[c = c] + [c = x]", 1.0),
        (r"\underbrace{A}_{(2,\,H)} B", A @ B),
        (r"\underbrace{x + c}_{k_1}", 5.0),
    ],
)
def test_values(latex: str, expected: Any) -> None:
    if expected is None:
        with pytest.raises(EvaluationError):
            value(latex)
    else:
        np.testing.assert_allclose(value(latex), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("latex", "said"),
    [
        ("B A", "the product of"),
        ("A + B", "cannot be added"),
        (r"A \odot B", "do not fit entry by entry|could not be broadcast"),
        ("q", "q is not known here"),
        ("A_{3,1}", "there is no entry"),
        ("A_{0,1}", "there is no entry"),
        (r"\underbrace{A}_{(H,\,2)}", "a shape is printed as"),
        (r"\underbrace{x}_{k_1}", "not what is said below"),
        ("f", "is a function"),
        (r"\operatorname{frob}(A)", "frob is not known"),
    ],
)
def test_what_makes_no_sense_is_refused(latex: str, said: str) -> None:
    with pytest.raises((EvaluationError, ValueError), match=said):
        value(latex)


def test_expectation_is_the_mean_over_outcomes() -> None:
    values = {r"\mathbb{E}": Expectation([1.0, 2.0, 6.0]), "z": Computed(lambda world: world.outcome)}
    found = Evaluator(world_of(values)).value(read(r"\mathbb{E}\,[ z^2 ]").parts[0].sides[0])
    assert found == pytest.approx(41 / 3)


# --- relations -----------------------------------------------------------------------------------------------


def holds(latex: str, **more: Any) -> bool:
    options = Options({}, frozenset(), more.pop("equals", ()), None)
    try:
        check("eq-x", read(latex), world_of(**more), options)
    except EquationError:
        return False
    return True


@pytest.mark.parametrize(
    "latex",
    [
        "c = 2 = x - 1",
        "A B = A B",
        r"c \le x",
        r"x \ge c",
        "c < x",
        r"c \ne x",
        r"A^{\top} : (H, 2)",
        r"A = A \qquad (2, H)",
        r"\sum_{j=1}^{0} A = 0",
        "A - A = 0",
    ],
)
def test_what_holds(latex: str) -> None:
    assert holds(latex)


@pytest.mark.parametrize(
    "latex",
    [
        "c = x",
        "c = 2 = x",
        "A B = A B + 0.000001",
        r"x \le c",
        "x < c",
        r"c \ne c",
        "A : (H, 2)",
        r"A = A \qquad (H, 2)",
        r"A = A^{\top}",
        "A = c",
        "A = 1",
        "A = 0",
        "c",
        r"\frac{c}{0} = x",
    ],
)
def test_what_does_not_hold(latex: str) -> None:
    assert not holds(latex)


def test_an_expression_alone_must_equal_what_is_said() -> None:
    assert holds(r"c x \quad \text{of them}", equals=[lambda world: 6])
    assert not holds(r"c x", equals=[lambda world: 7])
    assert not holds(r"c x = 6", equals=[lambda world: 6])


def test_free_indices_run_over_their_ranges() -> None:
    assert holds("M_t = t B", over={"t": "1..T"})
    assert not holds("M_t = B", over={"t": "1..T"})
    assert holds("M_t = B", over={"t": "1..1"})
    assert holds(r"\sum_{k=1}^{t} M_k = \frac{t (t + 1)}{2} B", over={"t": "1..T"})


def test_later_ranges_may_use_earlier_indices() -> None:
    values = VALUES | {"d": Indexed(lambda world, t, k: t - k, arity=2)}
    assert holds(r"d_{t,k} \ge 0", values=values, over={"t": "1..T", "k": "1..t"})
    assert not holds(r"d_{t,k} \ge 0", values=values, over={"t": "1..T", "k": "1..T"})


# --- programs and their derivatives ---------------------------------------------------------------------------


def two_steps() -> Program:
    """h_2 = u h_1, h_1 = u h_0 + w: by hand dh_2/du = h_1 + u h_0, immediately h_1."""
    net = Program(loss=("h", 2))
    u, w, h = net.leaf("u", value=0.5), net.leaf("w", value=3.0), net.leaf("h", 0, value=2.0)
    h = net.let("h", 1, of=[u, h, w], be=lambda xp, u, h, w: u * h + w, state=True)
    net.let("h", 2, of=[u, h], be=lambda xp, u, h: u * h, state=True)
    return net


@pytest.mark.parametrize("framework", NAMES)
def test_total_and_immediate_derivatives(framework: str) -> None:
    world = World(Setting({}, two_steps()), framework)
    assert world.value("h", 1) == 4.0
    assert world.jacobian(("h", 2), ("u",)) == pytest.approx(4.0 + 0.5 * 2.0)
    assert world.jacobian(("h", 2), ("u",), immediate=True) == pytest.approx(4.0)
    assert world.jacobian(("h", 2), ("w",)) == pytest.approx(0.5)
    assert world.jacobian(("h", 2), ("w",), immediate=True) == 0.0
    assert world.jacobian(("h", 2), ("h", 1), immediate=True) == pytest.approx(0.5)
    assert world.delta("h", 0) == pytest.approx(0.25)
    assert world.jacobian(("h", 1), ("h", 2)) == 0.0


def test_a_plain_partial_derivative_is_refused_where_d_and_immediate_differ() -> None:
    tree = read(r"\frac{\partial h_2}{\partial u}").parts[0].sides[0]
    with pytest.raises(EvaluationError, match="plain ∂"):
        Evaluator(World(Setting({}, two_steps()), "complex step")).value(tree)
    total = Evaluator(World(Setting({}, two_steps(), plain_is_total=True), "complex step")).value(tree)
    assert total == pytest.approx(5.0)


@pytest.mark.parametrize("every_state", [False, True])
def test_the_frameworks_agree_on_every_derivative(every_state: bool) -> None:
    sizes = dict(BATCHES[0])
    rng = np.random.default_rng(5)
    net = vanilla(sizes, rng, mask=masks(sizes, rng), every_state=every_state)
    torch, tensorflow, numpy = (World(Setting(sizes, net), name) for name in NAMES)
    for immediate in (False, True):
        for key in net.moved():
            wanted = torch.jacobian(net.loss, key, immediate)
            assert wanted.shape == torch.value(*key).shape
            for other in (tensorflow, numpy):
                np.testing.assert_allclose(other.jacobian(net.loss, key, immediate), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("sizes", BATCHES)
def test_the_program_is_the_frameworks_own_recurrent_network(sizes: dict[str, int]) -> None:
    """States and loss against nn.RNN, SimpleRNN and cross entropy as the frameworks have them."""
    import keras
    import torch

    T, B, D, H = (sizes[n] for n in "TBDH")
    world = World(Setting(sizes, vanilla(sizes, np.random.default_rng(11))), "complex step")
    X = np.array([world.value("x", t) for t in range(1, T + 1)])
    states = np.array([world.value("h", t) for t in range(1, T + 1)])
    W, U, b = (world.value(n) for n in ("W", "U", "b"))
    cell = torch.nn.RNN(D, H, dtype=torch.float64)
    with torch.no_grad():
        for ours, theirs in ((W.T, cell.weight_ih_l0), (U.T, cell.weight_hh_l0), (b, cell.bias_ih_l0)):
            theirs[:] = torch.tensor(ours)
        cell.bias_hh_l0[:] = 0
        by_torch = cell(torch.tensor(X), torch.tensor(world.value("h", 0))[None])[0].numpy()
    np.testing.assert_allclose(states, by_torch, rtol=1e-12)
    layer = keras.layers.SimpleRNN(H, return_sequences=True, dtype="float64")
    layer.build((B, T, D))
    layer.set_weights([W, U, b])
    by_keras = layer(X.swapaxes(0, 1), initial_state=world.value("h", 0)).numpy().swapaxes(0, 1)
    np.testing.assert_allclose(states, by_keras, rtol=1e-12)
    logits = torch.tensor(states @ world.value("V") + world.value("b_y")).flatten(0, 1)
    classes = torch.tensor(np.concatenate([world.value("c", t) for t in range(1, T + 1)]) - 1)
    loss = torch.nn.functional.cross_entropy(logits, classes, reduction="sum").item()
    assert world.value("C") == pytest.approx(loss, rel=1e-12)


# --- declarations ---------------------------------------------------------------------------------------------


@family(BATCHES)
def network(sizes: dict[str, int], rng: np.random.Generator) -> Setting:
    return Setting(sizes, vanilla(sizes, rng), {}, BEYOND, TIMES)


class PageLess(Chapter):
    """A chapter whose equations are given."""

    equations: dict[str, str] = {}  # noqa: RUF012


def chapter_with(**equations: str) -> Chapter:
    chapter = PageLess("nowhere.md", network)
    chapter.equations = {label.replace("_", "-"): latex for label, latex in equations.items()}
    return chapter


RIGHT = r"\delta h_t = \delta y_t V^{\top} + \delta a_{t+1} U^{\top}"


def test_a_right_equation_has_an_error_of_rounding_in_every_framework() -> None:
    chapter = chapter_with(eq_x=RIGHT)
    chapter.read("eq-x")
    errors = chapter.errors("eq-x")
    assert list(errors) == list(NAMES)
    assert all(0 < e < 1e-14 for e in errors.values() if e is not None)


@pytest.mark.parametrize(
    "wrong",
    [
        RIGHT.replace("+ \\", "- \\"),
        RIGHT.replace("U^{\\top}", "U"),
        RIGHT.replace("t+1", "t"),
        RIGHT.replace("\\delta y_t V^{\\top} +", ""),
        RIGHT.replace("V^{\\top}", "V^{\\top} 1.0001"),
    ],
)
def test_a_wrong_equation_is_noticed(wrong: str) -> None:
    chapter = chapter_with(eq_x=wrong)
    chapter.read("eq-x")
    for framework in NAMES:
        with pytest.raises(EquationError, match="eq-x, statement 1"):
            chapter.errors("eq-x", frameworks=(framework,))


def test_an_equation_that_is_never_evaluated_does_not_pass() -> None:
    chapter = chapter_with(eq_x="h_t = 7")
    chapter.read("eq-x", over={"t": "9..8"})
    with pytest.raises(EquationError, match="no problem gives"):
        chapter.errors("eq-x")


def test_tied_functions_and_definitions_hold_to_their_text() -> None:
    chapter = chapter_with(eq_tied="a + b", eq_named="a := b", eq_new="c")
    chapter.tied("eq-tied", fingerprint("a + b"), lambda world: [(np.ones(2), np.ones(2))], "a test")
    chapter.definition("eq-named", fingerprint("a := b"), "a test")
    assert chapter.undeclared() == ["eq-new"]
    assert chapter.errors("eq-named") == {}
    assert chapter.errors("eq-tied")["complex step"] == 0.0
    for label in ("eq-tied", "eq-named"):
        with pytest.raises(EquationError, match="its fingerprint is now"):
            chapter.errors(label, latex="a - b")


def test_a_tied_function_that_differs_fails() -> None:
    chapter = chapter_with(eq_tied="a")
    chapter.tied("eq-tied", fingerprint("a"), lambda world: [(np.ones(2), 1.01 * np.ones(2))], "a test")
    with pytest.raises(EquationError, match="relative difference"):
        chapter.errors("eq-tied")


def test_a_label_is_declared_once() -> None:
    chapter = chapter_with(eq_x="a = a")
    chapter.read("eq-x")
    with pytest.raises(ValueError, match="twice"):
        chapter.read("eq-x")
    assert chapter.without_equation() == []
