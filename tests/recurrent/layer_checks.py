"""What every recurrent layer must pass, written once against the protocol in `autograder.recurrent.layer`.

A `Problem` is a layer with all of its arguments: random, of unequal sizes, with non-zero states and biases, gradients
that reach every step *and* the last state, and a mask with gaps and one empty sequence.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import pytest

from autograder.recurrent import Run

CLOSE = {"rtol": 1e-11, "atol": 1e-12}  # float64; sums of tens of terms in two orders differ by some 1e-15
SINGLE = {"rtol": 2e-4, "atol": 2e-5}  # float32: eps is 1e-7, and errors grow over the steps


@dataclass(frozen=True)
class Problem:
    """A layer and everything one forward and backward pass needs; `more` is a stack's dropout."""

    layer: Any
    X: np.ndarray
    state_0: tuple
    G: np.ndarray
    dstate: tuple
    mask: np.ndarray | None
    more: dict = field(default_factory=dict)

    @property
    def parameters(self):
        return self.layer.parameters

    def forward(self):
        return self.layer.forward(self.X, self.state_0, self.mask, **self.more)

    def gradients(self):
        """Every gradient by the name of what it belongs to: X, state 0, state 1 …, and the parameters."""
        found = self.layer.backward(self.forward(), self.G, self.dstate)
        return {"X": found.dX, **{f"state {k}": d for k, d in enumerate(found.dstate_0)}, **found.parameters}

    def loss(self):
        run = self.forward()
        return (self.G * run.H).sum() + sum((d * s).sum() for d, s in zip(self.dstate, run.state, strict=True))

    def arguments(self):
        return {"X": self.X, **{f"state {k}": s for k, s in enumerate(self.state_0)}, **self.parameters}

    def with_argument(self, name, value):
        if name == "X":
            return replace(self, X=value)
        if name.startswith("state "):
            k = int(name.removeprefix("state "))
            return replace(self, state_0=(*self.state_0[:k], value, *self.state_0[k + 1 :]))
        return replace(self, layer=with_parameters(self.layer, self.parameters | {name: value}))

    def map(self, change):
        """The same problem with `change` applied to every floating-point array."""
        return Problem(
            with_parameters(self.layer, {k: change(v) for k, v in self.parameters.items()}),
            change(self.X),
            tuple(map(change, self.state_0)),
            change(self.G),
            tuple(map(change, self.dstate)),
            self.mask,
            {name: [d if d is None else change(d) for d in value] for name, value in self.more.items()},
        )


def with_parameters(layer, parameters):
    """The layer with these parameters, whatever it is wrapped in."""
    if hasattr(layer, "layer"):
        return replace(layer, layer=with_parameters(layer.layer, parameters))
    if hasattr(layer, "layers"):
        parts = [with_parameters(part, _of(f"{l}.", parameters)) for l, part in enumerate(layer.layers)]
        return replace(layer, layers=tuple(parts))
    if hasattr(layer, "merge"):
        sides = {f"{s}_layer": with_parameters(getattr(layer, f"{s}_layer"), _of(f"{s}.", parameters)) for s in SIDES}
        return replace(layer, **sides)
    assert parameters.keys() <= {f.name for f in fields(layer)}
    return replace(layer, **parameters)


SIDES = ("forward", "backward")


def _of(prefix, parameters):
    return {name.removeprefix(prefix): value for name, value in parameters.items() if name.startswith(prefix)}


def random_mask(rng, T, B):
    """Gaps everywhere, and the last sequence empty if there is another."""
    mask = rng.random((T, B)) < 0.7
    if B > 1:
        mask[:, -1] = False
    return mask


def problem(make, shapes, states, seed=0, T=5, B=4, D=3, gaps=True, dtype="float64"):
    """A problem for a cell; `shapes` are the parameters', `states` the widths of the state's parts."""
    rng = np.random.default_rng(seed)
    drawn = {name: (0.7 * rng.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}
    layer = make(**drawn)
    assert layer.sizes == (D, states[0])
    assert tuple(part.shape for part in layer.zero_state(B)) == tuple((B, width) for width in states)
    return problem_of(layer, seed + 1, T, B, gaps)


def problem_of(layer, seed=0, T=5, B=4, gaps=True, **more):
    """A problem for a layer that is there, of its dtype."""
    rng = np.random.default_rng(seed)
    D, width = layer.sizes
    zeros = layer.zero_state(B)
    dtype = zeros[0].dtype

    def normal(*shape):
        return rng.normal(size=shape).astype(dtype)

    state_0, dstate = (tuple(normal(*part.shape) for part in zeros) for _ in range(2))
    mask = random_mask(rng, T, B) if gaps else None
    return Problem(layer, normal(T, B, D), state_0, normal(T, B, width), dstate, mask, more)


def assert_all_close(found, wanted, **tolerance):
    assert set(found) == set(wanted)
    for name in wanted:
        np.testing.assert_allclose(found[name], wanted[name], err_msg=name, **(tolerance or CLOSE))


def complex_step(p):
    """dL/dε along a random direction, exact to rounding: Im L(v + iεd) / ε, for every argument and parameter."""
    gradients = p.gradients()
    arguments = p.arguments()
    assert set(gradients) == set(arguments)
    for name, value in arguments.items():
        direction = np.random.default_rng(99).normal(size=value.shape)
        slope = p.with_argument(name, value + 1e-30j * direction).loss().imag / 1e-30
        size = np.linalg.norm(gradients[name]) * np.linalg.norm(direction)
        assert abs((gradients[name] * direction).sum() - slope) <= 1e-13 * size + 1e-300, name


def gradients_are_linear_in_complex(p):
    """Backward is linear in what reaches it, so a complex G or dstate gives the real and imaginary answers at once."""
    other = problem_like(p, 77)
    for name in ("G", "dstate"):
        one, two = getattr(p, name), getattr(other, name)
        mixed = one + 1j * two if name == "G" else tuple(a + 1j * b for a, b in zip(one, two, strict=True))
        run, layer = p.forward(), p.layer
        both = layer.backward(run, **({"G": p.G, "dstate": p.dstate} | {name: mixed}))
        zero = {"G": p.G * 0, "dstate": tuple(d * 0 for d in p.dstate)}
        imaginary = layer.backward(run, **(zero | {name: two}))
        np.testing.assert_allclose(both.dX.imag, imaginary.dX, **CLOSE)
        for key, value in both.parameters.items():
            np.testing.assert_allclose(value.imag, imaginary.parameters[key], err_msg=key, **CLOSE)


def problem_like(p, seed):
    rng = np.random.default_rng(seed)
    return p.map(lambda a: rng.normal(size=a.shape))


def dtype_is_kept_and_inputs_are_not_modified(p, dtype):
    p = p.map(lambda a: a.astype(dtype))
    arrays = [*p.arguments().values(), p.G, *p.dstate] + ([] if p.mask is None else [p.mask])
    before = [a.copy() for a in arrays]
    layer, run = p.layer, p.forward()
    first, second = layer.backward(run, p.G, p.dstate), layer.backward(run, p.G, p.dstate)
    all_first = [first.dX, *first.dstate_0, *first.parameters.values()]
    all_second = [second.dX, *second.dstate_0, *second.parameters.values()]
    assert {a.dtype for a in (run.H, *run.state, *layer.zero_state(2), *all_first)} == {np.dtype(dtype)}
    for a, b in zip(all_first, all_second, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.shares_memory(a, b)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)
    exact = p.map(lambda a: a.astype("float64"))
    np.testing.assert_allclose(run.H, exact.forward().H, **SINGLE)
    assert_all_close(p.gradients(), exact.gradients(), **SINGLE)


def no_mask_is_a_mask_of_ones(p):
    T, B, _ = p.X.shape
    bare, ones = replace(p, mask=None), replace(p, mask=np.ones((T, B), bool))
    np.testing.assert_array_equal(bare.forward().H, ones.forward().H)
    assert_all_close(bare.gradients(), ones.gradients())
    nothing = tuple(np.zeros_like(s) for s in p.state_0)
    layer = p.layer
    run, run_0 = layer.forward(p.X), layer.forward(p.X, nothing)
    np.testing.assert_array_equal(run.H, run_0.H)
    np.testing.assert_array_equal(layer.backward(run, p.G).dX, layer.backward(run_0, p.G, nothing).dX)


def no_steps_change_nothing(p):
    """T = 0: the last state is the initial one, its gradient goes straight back, and nothing is shared."""
    p = replace(p, X=p.X[:0], G=p.G[:0], mask=p.mask[:0])
    run = p.forward()
    found = p.layer.backward(run, p.G, p.dstate)
    assert run.H.shape == p.G.shape
    assert found.dX.shape == p.X.shape
    for now, start in zip((*run.state, *found.dstate_0), (*p.state_0, *p.dstate), strict=True):
        np.testing.assert_array_equal(now, start)
        assert not np.shares_memory(now, start)
    for name, value in p.parameters.items():
        assert found.parameters[name].shape == value.shape
        assert not found.parameters[name].any()


def bad_arguments_are_named(p):
    """Rank, width, batch, kind and dtype of X, mask, state_0, G and dstate, and runs that are not this layer's."""
    layer, run, (T, B, D) = p.layer, p.forward(), p.X.shape
    for X, kind, said in [
        (p.X[0], ValueError, rf"X: expected shape \(T, B, {D}\), got \({B}, {D}\)"),
        (p.X[..., 1:], ValueError, rf"X: expected shape \(T, B, {D}\), got \({T}, {B}, {D - 1}\)"),
        (p.X.astype(int), TypeError, "X: expected a floating-point array, got dtype int64"),
        (p.X.tolist(), TypeError, r"X: expected an array of shape .* got list"),
        (None, TypeError, r"X: expected an array of shape .* got NoneType"),
        (p.X.astype("float32"), TypeError, "expected one precision, got .*X float32"),
    ]:
        with pytest.raises(kind, match=said):
            layer.forward(X, p.state_0, p.mask)
    for mask, kind, said in [
        (p.mask.T, ValueError, rf"mask: expected shape \(T, B\) = \({T}, {B}\), got \({B}, {T}\)"),
        (p.mask[0], ValueError, rf"mask: expected shape \(T, B\) = \({T}, {B}\), got \({B},\)"),
        (p.mask * 2, ValueError, "mask: expected zeros and ones, got other values, such as 2"),
        (p.mask * np.nan, ValueError, "mask: expected zeros and ones, got other values, such as nan"),
        (p.mask.tolist(), TypeError, "mask: expected an array of booleans or of zeros and ones, got list"),
        (p.mask.astype(complex), TypeError, "mask: expected an array of booleans .* got dtype complex128"),
    ]:
        with pytest.raises(kind, match=said):
            layer.forward(p.X, p.state_0, mask)
    for name, parts, call in (
        ("state_0", p.state_0, lambda state: layer.forward(p.X, state, p.mask)),
        ("dstate", p.dstate, lambda state: layer.backward(run, p.G, state)),
    ):
        with pytest.raises(TypeError, match=rf"{name}: expected a tuple .*got ndarray"):
            call(parts[0])
        with pytest.raises(ValueError, match=rf"{name}: expected .*got {len(parts) + 1}"):
            call((*parts, parts[0]))
        for k, part in enumerate(parts):
            letter = "hc"[k] if "U" in p.parameters else "[hc]"  # of several layers, several h and c
            part_name = rf"d{letter}_T" if name == "dstate" else rf"{letter}_0"
            for bad, kind, said in [
                (part[1:], ValueError, rf"{part_name}: expected shape \({B}, \d+\), got \({B - 1}, \d+\)"),
                (part.astype(int), TypeError, rf"{part_name}: expected a floating-point array, got dtype int64"),
                (part.astype("float32"), TypeError, rf"expected one precision, got .*{part_name} float32"),
            ]:
                with pytest.raises(kind, match=said):
                    call((*parts[:k], bad, *parts[k + 1 :]))
    width = p.G.shape[-1]
    for G, kind, said in [
        (p.G[1:], ValueError, rf"G: expected shape \({T}, {B}, {width}\), got \({T - 1}, {B}, {width}\)"),
        (p.G[0], ValueError, rf"G: expected shape \({T}, {B}, {width}\), got \({B}, {width}\)"),
        (p.G.astype(int), TypeError, "G: expected a floating-point array, got dtype int64"),
        (None, TypeError, r"G: expected an array of shape .*, got NoneType"),
        (p.G.astype("float32"), TypeError, "expected one precision, got .*G float32"),
    ]:
        with pytest.raises(kind, match=said):
            layer.backward(run, G, p.dstate)
    with pytest.raises(TypeError, match="run: expected the Run that this layer's forward returned, got ndarray"):
        layer.backward(run.H, p.G)
    with pytest.raises(TypeError, match="run: expected the Run that this layer's forward returned, got one of another"):
        layer.backward(Run(run.H, run.state, None), p.G)
    for name, value in p.parameters.items():
        for bad, kind, said in [
            (value[None], ValueError, r"expected shape"),
            (value.astype(int), TypeError, "expected a floating-point array, got dtype int64"),
            (value.astype("float16"), TypeError, "expected one precision, got"),
            (np.where(np.arange(value.size).reshape(value.shape) == 0, np.nan, value), ValueError, "finite .* got nan"),
        ]:
            with pytest.raises(kind, match=said) as raised:
                p.with_argument(name, bad)
            assert name.split(".")[-1] in str(raised.value)


def masked_steps_hold_the_state(p):
    run = p.forward()
    np.testing.assert_array_equal(run.H[-1], run.state[0])
    before = np.concatenate([p.state_0[0][None], run.H[:-1]])
    np.testing.assert_array_equal(run.H[~p.mask], before[~p.mask])
    empty = ~p.mask.any(axis=0)
    assert empty.any() == (p.X.shape[1] > 1)
    for now, start in zip(run.state, p.state_0, strict=True):
        np.testing.assert_array_equal(now[empty], start[empty])
    gradients = p.gradients()
    assert not gradients["X"][~p.mask].any()
    for k, d in enumerate(p.dstate):
        wanted = d + p.G.sum(axis=0) if k == 0 else d
        np.testing.assert_allclose(gradients[f"state {k}"][empty], wanted[empty], **CLOSE)


def huge_pre_activations_do_not_overflow(p, dtype):
    """|a| about 1e4, as tests of frameworks use; underflow of 1 - tanh² to zero is right."""
    p = p.map(lambda a: a.astype(dtype))
    inputs = {name for name in p.parameters if name.split(".")[-1] == "W"}
    large = {k: v * np.dtype(dtype).type(1e4) if k in inputs else v for k, v in p.parameters.items()}
    p = replace(p, layer=with_parameters(p.layer, large))
    with np.errstate(all="raise", under="ignore"):
        run, gradients = p.forward(), p.gradients()
    assert all(np.isfinite(a).all() for a in (run.H, *run.state, *gradients.values()))


def padding_order_and_chunks(p, seed, cut):
    """Padding changes nothing, permuting the batch permutes everything, and two chunks make the whole."""
    rng = np.random.default_rng(seed)
    T, B, _ = p.X.shape
    run, gradients = p.forward(), p.gradients()

    def pad(a, fill):
        return np.concatenate([a, fill * rng.normal(size=(2, *a.shape[1:]))])

    off = np.zeros((2, B), bool)
    padded = replace(p, X=pad(p.X, 9), G=pad(p.G, 0), mask=np.concatenate([p.mask, off]))
    wider = padded.gradients()
    assert not wider["X"][T:].any()
    assert_all_close(wider | {"X": wider["X"][:T]}, gradients)

    order = rng.permutation(B)
    shuffled = replace(
        p,
        X=p.X[:, order],
        G=p.G[:, order],
        mask=p.mask[:, order],
        state_0=tuple(s[order] for s in p.state_0),
        dstate=tuple(d[order] for d in p.dstate),
    )
    np.testing.assert_allclose(shuffled.forward().H, run.H[:, order], **CLOSE)
    moved = {k: v[:, order] if k == "X" else v[order] if k.startswith("state") else v for k, v in gradients.items()}
    assert_all_close(shuffled.gradients(), moved)

    if 0 < cut < T and p.layer.causal:
        layer = p.layer
        first = layer.forward(p.X[:cut], p.state_0, p.mask[:cut])
        second = layer.forward(p.X[cut:], first.state, p.mask[cut:])
        np.testing.assert_allclose(np.concatenate([first.H, second.H]), run.H, **CLOSE)
        late = layer.backward(second, p.G[cut:], p.dstate)
        early = layer.backward(first, p.G[:cut], late.dstate_0)
        np.testing.assert_allclose(np.concatenate([early.dX, late.dX]), gradients["X"], **CLOSE)
        for k, d in enumerate(early.dstate_0):
            np.testing.assert_allclose(d, gradients[f"state {k}"], **CLOSE)
        for name, value in early.parameters.items():
            np.testing.assert_allclose(value + late.parameters[name], gradients[name], err_msg=name, **CLOSE)


def autograd(step, p):
    """H, the last state and every gradient by PyTorch, of a masked loop over `step(parameters, x, state) -> state`.

    A second way to the gradients that shares no line with ours; `step` is written with torch operations.
    """
    import torch

    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in p.arguments().items()}
    state = tuple(leaves[f"state {k}"] for k in range(len(p.state_0)))
    mask = np.ones(p.X.shape[:2]) if p.mask is None else p.mask
    outputs = []
    for x, m in zip(leaves["X"], torch.tensor(mask.astype("float64"))[..., None], strict=True):
        state = tuple(m * new + (1 - m) * old for new, old in zip(step(leaves, x, state), state, strict=True))
        outputs.append(state[0])
    H = torch.stack(outputs)
    loss = (H * torch.tensor(p.G)).sum()
    loss = loss + sum((s * torch.tensor(d)).sum() for s, d in zip(state, p.dstate, strict=True))
    found = torch.autograd.grad(loss, list(leaves.values()))
    return (
        H.detach().numpy(),
        [s.detach().numpy() for s in state],
        {k: g.numpy() for k, g in zip(leaves, found, strict=True)},
    )


def agrees_with(H, state, gradients, p):
    run = p.forward()
    np.testing.assert_allclose(run.H, H, **CLOSE)
    for ours, theirs in zip(run.state, state, strict=True):
        np.testing.assert_allclose(ours, theirs, **CLOSE)
    assert_all_close(p.gradients(), gradients)
