"""Chapter 1: the page's own functions, taken from the page's source, against oracles made in another way."""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from fractions import Fraction
from math import log2
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

Array = NDArray[np.inexact]

PAGE = Path(__file__).parents[2] / "book" / "foundations" / "sequences.md"
SOURCE = PAGE.read_text(encoding="utf-8")
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_PLAIN_NUMPY = re.compile(r"\b(pytorch|tensorflow|hide-input)\b")
CONSTANTS = {"EVEN", "X_all", "n_all", "T"}  # what functions of the page use or have as defaults


def functions_of_the_page() -> SimpleNamespace:
    """Return the functions defined in the page's NumPy cells and in its cells of no framework."""
    found: dict[str, object] = {"np": np, "product": itertools.product, "Counter": Counter}
    for cell in CELL.findall(SOURCE):
        head, _, code = cell.rpartition("---\n") if cell.startswith("---") else ("", "", cell)
        options = [line for line in code.splitlines() if line.startswith(":")]
        if NOT_PLAIN_NUMPY.search(head + " ".join(options)):
            continue
        lines = [line for line in code.splitlines() if not line.startswith((":", "%"))]
        for node in ast.parse("\n".join(lines)).body:
            simple = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in CONSTANTS
            if isinstance(node, ast.FunctionDef) or (simple and not _needs_more(node)):
                exec(compile(ast.Module([node], []), str(PAGE), "exec"), found)
    return SimpleNamespace(**found)


def _needs_more(node: ast.stmt) -> bool:
    """True for a constant made from the results of other statements."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return not names <= {"np", "product", "list", "T", "X_all"}


page = functions_of_the_page()

SHAPES = [(7, 5), (4, 6), (2, 3), (1, 4), (6, 1), (1, 1)]


@pytest.fixture(params=SHAPES, ids=lambda s: f"T{s[0]}-B{s[1]}")
def problem(request: pytest.FixtureRequest) -> SimpleNamespace:
    T, B = request.param
    rng = np.random.default_rng(10 * T + B)
    X = rng.normal(size=(T, B))
    u, w = rng.uniform(-1.3, 1.3, size=2)
    return SimpleNamespace(T=T, B=B, rng=rng, X=X, n=rng.normal(size=B), u=u, w=w)


def close(found: object, expected: object, tolerance: float = 1e-12) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) <= tolerance * max(1.0, np.abs(expected).max(initial=0)))


# --- Recurrences ------------------------------------------------------------------------------------


def test_unfold_is_accumulate() -> None:
    items = ["a", "b", "c"]
    wanted = list(itertools.accumulate(items, lambda s, x: f"f({s},{x})", initial="S"))
    assert page.unfold(lambda s, x: f"f({s},{x})", "S", items) == wanted[1:]
    assert page.unfold(None, "S", []) == []


def test_shapes_of_tasks_call_rule_and_read_out_in_order() -> None:
    def f(S: str, x: str) -> str:
        return f"f({S},{x})"

    def g(S: str) -> str:
        return f"g{S[1:]}"

    assert page.many_to_one(f, g, "S", "ab") == "g(f(S,a),b)"
    assert page.many_to_many(f, g, "S", "ab") == ["g(S,a)", "g(f(S,a),b)"]
    assert page.one_to_many(f, g, "S", "a", 2) == ["g(S,a)", "g(f(S,a),g(S,a))"]
    coded = page.encoder_decoder(lambda S, x: f"e({S},{x})", f, g, "S", "ab", "<", 1)
    assert coded == ["g(e(e(S,a),b),<)"]


@pytest.mark.parametrize(("T", "D", "H"), [(1, 1, 1), (5, 3, 7)])
def test_counts(T: int, D: int, H: int) -> None:
    shared, own, flat = page.counts(T, D, H)
    cell = torch.nn.RNN(D, H)
    assert shared == sum(p.numel() for p in cell.parameters()) - H  # it has two biases
    assert own == T * shared
    assert flat == sum(p.numel() for p in torch.nn.Linear(T * D, H).parameters())


# --- Windows and states ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_best_window_against_all_functions(seed: int) -> None:
    """For k <= 2 every function of the last k bits can be tried."""
    T, rng = 4, np.random.default_rng(seed)
    strings = list(itertools.product((0, 1), repeat=T))
    table = {x: int(rng.integers(2)) for x in strings}
    for k in (0, 1, 2):
        contexts = list(itertools.product((0, 1), repeat=k))
        best = 0.0
        for values in itertools.product((0, 1), repeat=len(contexts)):
            g = dict(zip(contexts, values, strict=True))
            best = max(best, np.mean([g[x[T - k :]] == table[x] for x in strings]))
        assert page.best_window(table.__getitem__, T, k) == pytest.approx(best)
    assert page.best_window(table.__getitem__, T, T) == 1


def test_parity_is_out_of_reach_of_every_window() -> None:
    for T in (1, 2, 5):
        assert [page.best_window(lambda x: sum(x) % 2, T, k) for k in range(T)] == [0.5] * T


@pytest.mark.parametrize("k", range(7))
def test_price_of_window_is_a_difference_of_block_entropies(k: int) -> None:
    step = {0: np.array([[0.5, 0], [0, 0]]), 1: np.array([[0, 0.5], [1, 0]])}  # from A, B to A, B

    def block_entropy(length: int) -> float:
        total = 0.0
        for word in itertools.product((0, 1), repeat=length):
            q = np.array([2 / 3, 1 / 3])
            for item in word:
                q = q @ step[item]
            total -= q.sum() * log2(q.sum()) if q.sum() > 0 else 0.0
        return total

    assert page.price_of_window(k) == pytest.approx(block_entropy(k + 1) - block_entropy(k), abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_classes_of_a_random_automaton_are_its_minimal_states(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 5
    after, accept = rng.integers(size, size=(size, 2)), rng.integers(2, size=size)

    def run(x: tuple[int, ...]) -> int:
        state = 0
        for bit in x:
            state = after[state, bit]
        return state

    reached = {run(x) for x in page.bits_up_to(size)}
    block = {s: int(accept[s]) for s in reached}
    for _ in range(size):  # Moore's refinement
        key = {s: (block[s], block[after[s, 0]], block[after[s, 1]]) for s in reached}
        block = {s: sorted(set(key.values())).index(key[s]) for s in reached}
    assert page.classes(lambda x: int(accept[run(x)]), size) == len(set(block.values()))


def test_bits_up_to() -> None:
    assert page.bits_up_to(0) == [()]
    assert len(page.bits_up_to(4)) == len(set(page.bits_up_to(4))) == 2**5 - 1


# --- The network of two weights ------------------------------------------------------------------------


def test_states_are_values_of_a_polynomial(problem: SimpleNamespace) -> None:
    p = problem
    H = page.states_of(p.X, p.u, p.w)
    for t in range(1, p.T + 1):
        close(H[t - 1], [np.polyval(p.w * p.X[:t, beta], p.u) for beta in range(p.B)])
    start = p.rng.normal(size=p.B)
    close(page.states_of(p.X, p.u, p.w, start)[-1], H[-1] + start * p.u**p.T)


def test_states_in_exact_arithmetic() -> None:
    bits = [1, 0, 1, 1]
    X = np.array([[Fraction(b)] for b in bits])
    half = Fraction(1, 2)
    assert page.states_of(X, half, half, Fraction(0))[-1, 0] == Fraction(0b1101, 16)  # newest bit first


def test_read_back_and_first_loss() -> None:
    for bits in itertools.product((0, 1), repeat=6):
        h = page.states_of(np.array(bits, float)[:, None], 0.5, 0.5)[-1, 0]
        assert page.read_back(h, 6) == list(bits)
    assert page.first_loss(lambda T: T < 9) == 9
    for T in (2, 5):
        assert page.hardest(T)[:, 0].tolist() == [1, *[0] * (T - 2), 1]
    assert not page.kept(25, np.float32)
    assert page.kept(24, np.float32)


def test_loss_and_both_gradients(problem: SimpleNamespace) -> None:
    p = problem
    X, n = torch.tensor(p.X), torch.tensor(p.n)
    at = torch.tensor([p.u, p.w], requires_grad=True)
    powers = torch.stack([at[0] ** (p.T - t) for t in range(1, p.T + 1)])
    C = 0.5 * ((at[1] * powers @ X - n) ** 2).mean()
    C.backward()
    close(page.loss(p.X, p.n, p.u, p.w), C.item())
    close(page.gradient(p.X, p.n, p.u, p.w), at.grad.numpy())
    close(page.gradient_of_polynomial(p.X, p.n, p.u, p.w), at.grad.numpy())


def test_a_check_at_the_solution_would_miss_an_age_off_by_one() -> None:
    """What the trap says: a surplus u cannot be seen at u = 1."""
    X = np.array([[1.0], [0.0], [1.0]])

    def wrong(u: float, w: float) -> float:
        return sum(X[t, 0] * w * u ** (len(X) - t) for t in range(len(X)))

    right = page.states_of(X, 1.0, 1.0)[-1, 0]
    assert wrong(1.0, 1.0) == right
    assert wrong(0.5, 1.0) != page.states_of(X, 0.5, 1.0)[-1, 0]


def test_strings_of() -> None:
    assert page.strings_of("100", "011").tolist() == [[1, 0], [0, 1], [0, 1]]


@pytest.mark.parametrize("T", [1, 2, 3, 6])
def test_exact_loss_and_bowl(T: int) -> None:
    X = torch.tensor(list(itertools.product((0.0, 1.0), repeat=T)), dtype=torch.float64).T

    def mean_loss(at: torch.Tensor) -> torch.Tensor:
        h = torch.zeros(X.shape[1], dtype=torch.float64)
        for x in X:
            h = h * at[0] + x * at[1]
        return 0.5 * ((h - X.sum(0)) ** 2).mean()

    for at in ((0.7, -1.2), (-1.1, 0.4), (1.0, 1.0)):
        close(page.exact_loss(*at, T), mean_loss(torch.tensor(at, dtype=torch.float64)).item())
    solution = torch.ones(2, dtype=torch.float64)
    close(page.bowl(T), torch.autograd.functional.hessian(mean_loss, solution).numpy())


@pytest.mark.parametrize("T", [2, 4, 6])
def test_the_saddle(T: int) -> None:
    """At (-1, 0), for even T, the gradient is zero and the Hessian has both signs."""
    X = np.array(list(itertools.product((0.0, 1.0), repeat=T))).T
    n = X.sum(axis=0)
    close(page.gradient(X, n, -1.0, 0.0), np.zeros(2))
    step = 1e-4
    columns = [
        (page.gradient(X, n, -1.0 + a, b) - page.gradient(X, n, -1.0 - a, -b)) / (2 * step)
        for a, b in ((step, 0.0), (0.0, step))
    ]
    assert np.linalg.det(np.array(columns)) < -1e-3


# --- Descent --------------------------------------------------------------------------------------------


def test_descend_is_sgd(problem: SimpleNamespace) -> None:
    p = problem
    point = torch.tensor([0.3, 0.6], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([point], lr=0.01)
    path = [point.detach().numpy().copy()]
    for _ in range(20):
        optimiser.zero_grad()
        h = torch.zeros(p.B, dtype=torch.float64)
        for x in torch.tensor(p.X):
            h = h * point[0] + x * point[1]
        (0.5 * ((h - torch.tensor(p.n)) ** 2).mean()).backward()
        torch.nn.utils.clip_grad_norm_([point], 0.2)
        optimiser.step()
        path.append(point.detach().numpy().copy())
    found = page.descend((0.3, 0.6), 0.01, 20, p.X, p.n, limit=0.2)
    close(found, path, tolerance=1e-5)  # PyTorch adds 1e-6 to the norm
    lengths = np.linalg.norm(np.diff(found, axis=0), axis=1)
    assert lengths.max() <= 0.01 * 0.2 * (1 + 1e-12)


def test_descend_ends_where_numbers_do() -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        path = page.descend((1.5, 1.0), 0.003, 1000)
    assert len(path) < 10
    assert np.isfinite(path[:-1]).all()
    assert not np.isfinite(path[-1]).all()


def test_resilient_is_rprop(problem: SimpleNamespace) -> None:
    p = problem
    point = torch.tensor([0.3, 0.6], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Rprop([point], lr=0.02)
    path = [point.detach().numpy().copy()]
    for _ in range(15):
        optimiser.zero_grad()
        h = torch.zeros(p.B, dtype=torch.float64)
        for x in torch.tensor(p.X):
            h = h * point[0] + x * point[1]
        (0.5 * ((h - torch.tensor(p.n)) ** 2).mean()).backward()
        optimiser.step()
        path.append(point.detach().numpy().copy())
    close(page.resilient((0.3, 0.6), 15, p.X, p.n, first=0.02), path)


# --- The flat network ------------------------------------------------------------------------------------


def test_flat_network_and_gradients(problem: SimpleNamespace) -> None:
    p = problem
    values = [p.rng.normal(size=shape) for shape in ((p.T, 4), (4,), (4,), (1,))]
    M, b, v, c = tensors = [torch.tensor(value, requires_grad=True) for value in values]
    y = torch.relu(torch.tensor(p.X).T @ M + b) @ v + c
    (0.5 * ((y - torch.tensor(p.n)) ** 2).mean()).backward()
    close(page.flat_network(p.X, *values), y.detach().numpy())
    for mine, tensor in zip(page.flat_gradients(p.X, p.n, *values), tensors, strict=True):
        close(mine, tensor.grad.numpy())


def test_padded() -> None:
    X = page.padded(np.array([[1.0, 2.0], [3.0, 4.0]]), 1, 2)
    assert X.T.tolist() == [[0, 1, 2, 0, 0], [0, 3, 4, 0, 0]]


# --- Masks and the parity network ----------------------------------------------------------------------------


def test_masked_states(problem: SimpleNamespace) -> None:
    p = problem
    mask = (p.rng.random((p.T, p.B)) < 0.6).astype(float)  # with gaps, and empty sequences
    X = np.where(mask > 0, p.X, np.nan)
    found = page.masked_states_of(X, p.u, p.w, mask)
    assert found.shape == (p.T, p.B)
    for beta in range(p.B):
        real = p.X[mask[:, beta] > 0, beta]
        close(found[-1, beta], np.polyval(p.w * real, p.u) if len(real) else 0.0)


def test_last_state_against_a_packed_network(problem: SimpleNamespace) -> None:
    p, D, H = problem, 3, 4
    X = p.rng.normal(size=(p.T, p.B, D))
    W, U, b = p.rng.normal(size=(D, H)), p.rng.normal(size=(H, H)), p.rng.normal(size=H)
    lengths = p.rng.integers(1, p.T + 1, size=p.B)
    mask = (np.arange(p.T)[:, None] < lengths).astype(float)
    rnn = torch.nn.RNN(D, H, nonlinearity="relu", dtype=torch.float64)
    with torch.no_grad():
        for parameter, value in zip(rnn.parameters(), (W.T, U.T, b, 0 * b), strict=True):
            parameter.copy_(torch.tensor(value))
        packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(X), torch.tensor(lengths), enforce_sorted=False)
        wanted = rnn(packed)[1][0].numpy()
    close(page.last_state(X, mask, W, U, b), wanted)


# --- Generation ------------------------------------------------------------------------------------------------


def test_write_keeps_the_rule() -> None:
    for seed in range(5):
        text = "".join(map(str, page.write(500, np.random.default_rng(seed))))
        assert len(text) == 500
        first, *inner, _ = text.split("0")
        assert len(first) % 2 == 0  # it starts in A
        assert all(len(run) % 2 == 0 for run in inner)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_run_free_is_powers_of_the_shift_matrix(k: int) -> None:
    rng = np.random.default_rng(k)
    phi, first = rng.normal(size=k) / k, rng.normal(size=k)
    A = np.zeros((k, k))
    A[1:, :-1] = np.eye(k - 1)  # the window as a column, oldest first: shift up
    A = A.T
    A[-1] = phi
    wanted = [(np.linalg.matrix_power(A, t) @ first)[-1] for t in range(1, 8)]
    close(page.run_free(first, phi, 7), wanted)
    close(page.largest_eigenvalue(phi), np.abs(np.roots([1, *-phi[::-1]])).max(), tolerance=1e-9)


# --- Manners -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_unmodified_and_dtype_kept(problem: SimpleNamespace, dtype: type) -> None:
    p = problem
    X, n = p.X.astype(dtype), p.n.astype(dtype)
    mask = (X > 0).astype(dtype)
    weights = [p.rng.normal(size=shape).astype(dtype) for shape in ((2, 3), (3, 3), (3,))]
    flat = [p.rng.normal(size=shape).astype(dtype) for shape in ((p.T, 4), (4,), (4,), (1,))]
    calls = {
        "states_of": [X, 0.5, 2.0],
        "loss": [X, n, 0.5, 2.0],
        "masked_states_of": [X, 0.5, 2.0, mask],
        "last_state": [np.stack([X, X], axis=2), mask, *weights],
        "flat_network": [X, *flat],
        "flat_gradients": [X, n, *flat],
        "gradient": [X, n, 0.5, 2.0],
        "gradient_of_polynomial": [X, n, 0.5, 2.0],
    }
    for name, arguments in calls.items():
        arrays = [a for a in arguments if isinstance(a, np.ndarray)]
        before = [a.copy() for a in arrays]
        results = getattr(page, name)(*arguments)
        for result in results if isinstance(results, tuple) else (results,):
            if not name.startswith("gradient"):  # two numbers, in double precision
                assert result.dtype == dtype, name
        assert all(np.array_equal(a, old) for a, old in zip(arrays, before, strict=True)), name
