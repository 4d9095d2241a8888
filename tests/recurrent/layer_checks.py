"""What every recurrent layer must pass, written once against the protocol in `autograder.recurrent.layer`.

A `Problem` is a layer with all of its arguments: random, of unequal sizes, with non-zero states and biases, gradients
that reach every step *and* the last state, and a mask with gaps and one empty sequence.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

CLOSE = {"rtol": 1e-11, "atol": 1e-12}  # float64; sums of tens of terms in two orders differ by some 1e-15
SINGLE = {"rtol": 2e-4, "atol": 2e-5}  # float32: eps is 1e-7, and errors grow over the steps


@dataclass(frozen=True)
class Problem:
    """A layer's maker (from parameters by name) and everything one forward and backward pass needs."""

    make: Callable[..., Any]
    parameters: dict
    X: np.ndarray
    state_0: tuple
    G: np.ndarray
    dstate: tuple
    mask: np.ndarray | None

    @property
    def layer(self):
        return self.make(**self.parameters)

    def forward(self):
        return self.layer.forward(self.X, self.state_0, self.mask)

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
        return replace(self, parameters=self.parameters | {name: value})

    def map(self, change):
        """The same problem with `change` applied to every floating-point array."""
        return Problem(
            self.make,
            {k: change(v) for k, v in self.parameters.items()},
            change(self.X),
            tuple(map(change, self.state_0)),
            change(self.G),
            tuple(map(change, self.dstate)),
            self.mask,
        )


def random_mask(rng, T, B):
    """Gaps everywhere, and the last sequence empty if there is another."""
    mask = rng.random((T, B)) < 0.7
    if B > 1:
        mask[:, -1] = False
    return mask


def problem(make, shapes, states, seed=0, T=5, B=4, D=3, gaps=True, dtype="float64"):
    """`shapes` are the parameters', `states` the widths of the state's parts; the first is the output's."""
    rng = np.random.default_rng(seed)

    def normal(*shape, scale=1.0):
        return (scale * rng.normal(size=shape)).astype(dtype)

    return Problem(
        make,
        {name: normal(*shape, scale=0.7) for name, shape in shapes.items()},
        normal(T, B, D),
        tuple(normal(B, width) for width in states),
        normal(T, B, states[0]),
        tuple(normal(B, width) for width in states),
        random_mask(rng, T, B) if gaps else None,
    )


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
    key = "W" if "W" in p.parameters else next(iter(p.parameters))
    p = p.with_argument(key, p.parameters[key] * np.dtype(dtype).type(1e4))
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

    if 0 < cut < T:
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
