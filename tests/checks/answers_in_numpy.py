"""Right answers in NumPy as people write them: each whole, in a style of its own, none an edit of the solution.

`ANSWERS` maps a question and a style to what is checked.
"""

from __future__ import annotations

import functools
import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def logistic(v):
    """Stable in both directions, by cases."""
    out = np.empty_like(v)
    positive = v >= 0
    out[positive] = 1 / (1 + np.exp(-v[positive]))
    e = np.exp(v[~positive])
    out[~positive] = e / (1 + e)
    return out


# vanilla


def step_with_weights_stacked(x, h_prev, W, U, b):
    stacked_inputs = np.concatenate((x, h_prev, np.ones((x.shape[0], 1), x.dtype)), axis=1)
    stacked_weights = np.concatenate((W, U, b[np.newaxis]), axis=0)
    return np.tanh(stacked_inputs.dot(stacked_weights))


class Cell:
    """A cell as an object that is called; it keeps what it has seen."""

    def __init__(self) -> None:
        self.cache: list[tuple] = []

    def __call__(self, x, h_prev, W, U, b):
        h = np.tanh(np.matmul(x, W) + np.matmul(h_prev, U) + b)
        self.cache.append((x, h_prev, h))
        return h


def unit_by_unit(x, h_prev, W, U, b):
    """Three loops and math.tanh, as in a first lesson."""
    batch, units = h_prev.shape
    result = np.zeros_like(h_prev)
    for n in range(batch):
        for j in range(units):
            total = float(b[j])
            for i in range(x.shape[1]):
                total += float(x[n, i]) * float(W[i, j])
            for i in range(units):
                total += float(h_prev[n, i]) * float(U[i, j])
            result[n, j] = math.tanh(total)
    return result


def sequence_by_where(X, h_0, W, U, b, mask):
    """Batch first inside, a list of states, np.where for the mask."""
    inputs, on = X.transpose(1, 0, 2), mask.T.astype(bool)
    state, states = h_0.copy(), []
    for t in range(inputs.shape[1]):
        candidate = np.tanh(inputs[:, t] @ W + state @ U + b)
        state = np.where(on[:, t, None], candidate, state)
        states.append(state)
    return np.stack(states, axis=1).transpose(1, 0, 2)


def sequence_on_live_rows(X, h_0, W, U, b, mask):
    """Only the sequences that take the step are computed."""
    H = np.zeros((X.shape[0], *h_0.shape), dtype=h_0.dtype)
    h = np.array(h_0)
    for t, (x, m) in enumerate(zip(X, mask, strict=True)):
        live = np.flatnonzero(m)
        h[live] = np.tanh(x[live] @ W + h[live] @ U + b)
        H[t] = h
    return H


def sequence_recursive(X, h_0, W, U, b, mask):
    def states(t: int, h: Array) -> list[Array]:
        if t == len(X):
            return []
        m = mask[t].reshape(-1, 1)
        h = h + m * (np.tanh(X[t] @ W + h @ U + b) - h)
        return [h, *states(t + 1, h)]

    return states(0, h_0)  # a list of T arrays


Gradients = namedtuple("Gradients", "dx dh_prev dW dU db")


def step_backward_named(dh, x, h_prev, h, W, U):
    delta = np.multiply(dh, 1.0 - np.square(h))
    return Gradients(
        dx=np.einsum("bh,dh->bd", delta, W),
        dh_prev=np.einsum("bj,ij->bi", delta, U),
        dW=np.einsum("bd,bh->dh", x, delta),
        dU=np.einsum("bi,bj->ij", h_prev, delta),
        db=np.einsum("bh->h", delta),
    )


def step_backward_sample_by_sample(dh, x, h_prev, h, W, U):
    dx, dh_prev = [], []
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros(len(U), U.dtype)
    for g, x_n, p, s in zip(dh, x, h_prev, h, strict=True):
        raw = (1 - s * s) * g
        dW, dU, db = dW + np.outer(x_n, raw), dU + np.outer(p, raw), db + raw
        dx.append(W.dot(raw))
        dh_prev.append(U.dot(raw))
    return {"db": db, "dU": dU, "dW": dW, "dx": np.array(dx), "dh_prev": np.vstack(dh_prev)}


def sequence_backward_in_karpathys_way(G, X, H, h_0, W, U, mask):
    """dhnext, dhraw, an OrderedDict at the end."""
    dWxh, dWhh, dbh = np.zeros_like(W), np.zeros_like(U), np.zeros_like(U[0])
    dX, dhnext = np.zeros_like(X), np.zeros_like(h_0)
    hs = {-1: h_0} | dict(enumerate(H))
    for t in range(len(X) - 1, -1, -1):
        on = mask[t, :, None]
        dh = G[t] + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh * on
        dbh += dhraw.sum(0)
        dWxh += np.dot(X[t].T, dhraw)
        dWhh += np.dot(hs[t - 1].T, dhraw)
        dX[t] = np.dot(dhraw, W.T)
        dhnext = np.dot(dhraw, U.T) + np.where(on > 0, 0, dh)
    return OrderedDict(dX=dX, dh_0=dhnext, dW=dWxh, dU=dWhh, db=dbh)


def sequence_backward_all_at_once_in_the_end(G, X, H, h_0, W, U, mask):
    """The walk makes δa only; all parameters by one product each."""
    T = X.shape[0]
    before = np.vstack([h_0[None], H[:-1]])
    slopes = mask[:, :, None] * (1 - H**2)
    dA, dh = [None] * T, np.zeros_like(h_0)
    for t in range(T)[::-1]:
        dh = dh + G[t]
        dA[t] = dh * slopes[t]
        dh = dA[t] @ U.T + dh * (1 - mask[t, :, None])
    dA = np.array(dA)
    return (
        dA @ W.T,
        dh,
        np.tensordot(X, dA, ((0, 1), (0, 1))),
        np.tensordot(before, dA, ((0, 1), (0, 1))),
        dA.sum((0, 1)),
    )


def loss_by_place(Y, targets, mask):
    """Only the places that count are looked at."""
    places = np.argwhere(mask > 0)
    dY, loss = np.zeros_like(Y), 0.0
    for t, n in places:
        scores = Y[t, n] - Y[t, n].max()
        e = np.exp(scores)
        p = e / e.sum()
        loss += math.log(float(e.sum())) - float(scores[targets[t, n]])
        p[targets[t, n]] -= 1
        dY[t, n] = p / len(places)
    return loss / len(places), dY


def loss_by_logaddexp(Y, targets, mask):
    log_Z = np.logaddexp.reduce(Y, axis=-1)
    picked = np.take_along_axis(Y, targets[..., None], axis=-1)[..., 0]
    weights = mask / np.sum(mask)
    probabilities = np.exp(Y - log_Z[..., None])
    np.put_along_axis(
        probabilities, targets[..., None], np.take_along_axis(probabilities, targets[..., None], -1) - 1, -1
    )
    return np.sum(weights * (log_Z - picked)), weights[..., None] * probabilities


# lstm


def lstm_step_annotated(
    x: Array, h_prev: Array, c_prev: Array, W: Array, U: Array, b: Array, *, cache: dict[str, Array] | None = None
) -> tuple[Array, Array]:
    """Type hints, a keyword-only cache that nobody gives, all gates in one reshape."""
    kept = {} if cache is None else cache
    B, H = h_prev.shape
    kept["a"] = (np.matmul(x, W) + np.matmul(h_prev, U) + b).reshape(B, 4, H)
    sigma = logistic(kept["a"][:, [0, 1, 3]])
    kept["g"] = np.tanh(kept["a"][:, 2])
    c = sigma[:, 1] * c_prev + sigma[:, 0] * kept["g"]
    return sigma[:, 2] * np.tanh(c), c


def announced(function):
    """A decorator as people write it."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return function(*args, **kwargs)

    wrapper.calls = 0
    return wrapper


@announced
def lstm_step_with_out(x, h_prev, c_prev, W, U, b):
    a = np.empty((len(x), W.shape[1]), W.dtype)
    np.matmul(x, W, out=a)
    a += h_prev @ U
    np.add(a, b, out=a)
    i, f, g, o = (a[:, k::1][:, : U.shape[0]] for k in range(0, a.shape[1], U.shape[0]))
    c = np.multiply(logistic(f), c_prev)
    c += logistic(i) * np.tanh(g)
    h = np.tanh(c)
    h *= logistic(o)
    return h, c


class LSTMNetwork:
    """Methods of one object, one calling the other."""

    def step(self, x, h, c, W, U, b, peep=None):
        n = h.shape[-1]
        pre = {name: x @ W[:, k * n : (k + 1) * n] + h @ U[:, k * n : (k + 1) * n] + b[k * n : (k + 1) * n]
               for k, name in enumerate("ifgo")}  # fmt: skip
        if peep is not None:
            pre["i"], pre["f"] = pre["i"] + peep[0] * c, pre["f"] + peep[1] * c
        c = logistic(pre["f"]) * c + logistic(pre["i"]) * np.tanh(pre["g"])
        if peep is not None:
            pre["o"] = pre["o"] + peep[2] * c
        return logistic(pre["o"]) * np.tanh(c), c

    def sequence(self, X, h_0, c_0, W, U, b, mask):
        h, c = h_0, c_0
        outputs, cells = deque(), deque()
        for t in range(X.shape[0]):
            new = self.step(X[t], h, c, W, U, b)
            keep = mask[t] == 0
            h, c = new[0].copy(), new[1].copy()
            h[keep], c[keep] = (outputs[-1] if outputs else h_0)[keep], (cells[-1] if cells else c_0)[keep]
            outputs.append(h)
            cells.append(c)
        return np.array(outputs), np.array(cells)


class StepGradients(NamedTuple):
    dx: Any
    dh_prev: Any
    dc_prev: Any
    dW: Any
    dU: Any
    db: Any


def lstm_step_backward_blocks(dh, dc_later, x, h_prev, c_prev, gates, c, W, U):
    B, H = h_prev.shape
    i, f, g, o = gates.reshape(B, 4, H).transpose(1, 0, 2)
    t = np.tanh(c)
    d_cell = dh * o * (1 - t * t) + dc_later
    local = np.stack([i - i * i, f - f * f, 1 - g * g, o - o * o])
    upstream = np.stack([d_cell * g, d_cell * c_prev, d_cell * i, dh * t])
    blocks = local * upstream  # (4, B, H)
    W4, U4 = W.reshape(-1, 4, H), U.reshape(-1, 4, H)
    return StepGradients(
        np.einsum("kbh,dkh->bd", blocks, W4),
        np.einsum("kbh,jkh->bj", blocks, U4),
        d_cell * f,
        np.einsum("bd,kbh->dkh", x, blocks).reshape(W.shape),
        np.einsum("bj,kbh->jkh", h_prev, blocks).reshape(U.shape),
        blocks.sum(axis=1).ravel(),
    )


def lstm_sequence_backward_by_steps(G, dc_T, X, H, C, gates, h_0, c_0, W, U, mask):
    """Calls the step's backward, and blends with np.where."""
    totals, dX = None, np.zeros_like(X)
    dh, dc = np.zeros_like(h_0), dc_T.copy()
    for t in range(len(X) - 1, -1, -1):
        on = mask[t][:, None] > 0
        past_h, past_c = (H[t - 1], C[t - 1]) if t else (h_0, c_0)
        dh = dh + G[t]
        zero = np.zeros_like(dh)
        step = lstm_step_backward_blocks(
            np.where(on, dh, zero), np.where(on, dc, zero), X[t], past_h, past_c, gates[t], C[t], W, U
        )
        dX[t] = step.dx
        dh, dc = np.where(on, step.dh_prev, dh), np.where(on, step.dc_prev, dc)
        totals = step[3:] if totals is None else [a + b for a, b in zip(totals, step[3:], strict=True)]
    return [dX, dh, dc, *totals]


# gru


def gru_step_loops(x, h_prev, W, U, b, c_n):
    H = h_prev.shape[1]
    part = {gate: slice(k * H, (k + 1) * H) for k, gate in enumerate("rzn")}
    wx = {gate: x @ W[:, s] + b[s] for gate, s in part.items()}
    uh = {gate: h_prev @ U[:, s] for gate, s in part.items()}
    r, z = logistic(wx["r"] + uh["r"]), logistic(wx["z"] + uh["z"])
    q = uh["n"] + c_n
    n = np.tanh(wx["n"] + r * q)
    return {"n": n, "q": q, "r": r, "z": z, "h": n + z * (h_prev - n), "extra": "nobody minds"}


def gru_backward_through_pieces(dh, x, h_prev, r, z, n, q, W, U):
    """Small functions for small operations, gradients gathered in a defaultdict."""
    H = h_prev.shape[1]
    grads: dict[str, Any] = defaultdict(lambda: 0)
    grads["z"] = grads["z"] + dh * (h_prev - n)
    grads["h"] = grads["h"] + dh * z
    grads["an"] = dh * (1 - z) * (1 - n * n)
    grads["r"], grads["q"] = grads["an"] * q, grads["an"] * r
    grads["ar"], grads["az"] = grads["r"] * r * (1 - r), grads["z"] * z * (1 - z)
    for name, k in (("ar", 0), ("az", 1), ("q", 2)):
        grads["h"] = grads["h"] + grads[name] @ U[:, k * H : (k + 1) * H].T
    dU = np.hstack([h_prev.T @ grads[k] for k in ("ar", "az", "q")])
    da = np.hstack([grads[k] for k in ("ar", "az", "an")])
    return da @ W.T, grads["h"], x.T @ da, dU, da.sum(axis=0), grads["q"].sum(axis=0)


def gru_weights_from_pytorch(weight_ih, weight_hh, bias_ih, bias_hh):
    reset_ih, update_ih, new_ih = np.array_split(bias_ih, 3)
    reset_hh, update_hh, new_hh = np.array_split(bias_hh, 3)
    b = np.r_[reset_ih + reset_hh, update_ih + update_hh, new_ih]
    return np.transpose(weight_ih).copy(), np.transpose(weight_hh).copy(), b, new_hh.copy()


def gru_weights_from_keras(kernel, recurrent_kernel, bias):
    H = recurrent_kernel.shape[0]
    order = np.concatenate([np.arange(H, 2 * H), np.arange(H), np.arange(2 * H, 3 * H)])
    inner, outer = bias[:, order]
    return (
        kernel[:, order],
        recurrent_kernel[:, order],
        inner + np.where(np.arange(3 * H) < 2 * H, outer, 0),
        outer[2 * H :],
    )


# bptt


def recursion_by_scan(G, H, U):
    back = functools.reduce(
        lambda found, pair: [*found, pair[0] + (found[-1] * (1 - pair[1] ** 2)) @ U.T],
        zip(G[-2::-1], H[:0:-1], strict=True),
        [G[-1]],
    )
    dH = np.array(back[::-1])
    return [dH, dH - dH * H * H]


def parameter_gradients_summed(dA, X, H, h_0):
    T = len(X)
    return (
        sum(X[t].T @ dA[t] for t in range(T)),
        h_0.T @ dA[0] + sum((H[t - 1].T @ dA[t] for t in range(1, T)), np.zeros((H.shape[2],) * 2, H.dtype)),
        sum(dA[t].sum(axis=0) for t in range(T)),
    )


def clipped(dW, dU, db, max_norm):
    flat = np.concatenate([g.ravel() for g in (dW, dU, db)])
    norm = np.linalg.norm(flat)
    factor = min(1.0, float(max_norm) / norm) if norm else 1.0
    return (*(g * flat.dtype.type(factor) for g in (dW, dU, db)), norm)


def truncated_by_matrices(G, X, H, h_0, W, U, k1, k2):
    """For each loss block, a product of Jacobians sequence by sequence."""
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(U[0])
    T = X.shape[0]
    for end in range(k1, T + k1, k1):
        for n in range(X.shape[1]):
            delta = np.zeros_like(h_0[n])
            for t in range(min(end, T) - 1, max(end - k2, 0) - 1, -1):
                if t >= end - k1:
                    delta = delta + G[t, n]
                raw = delta * (1 - H[t, n] ** 2)
                dW += np.outer(X[t, n], raw)
                dU += np.outer(H[t - 1, n] if t else h_0[n], raw)
                db += raw
                delta = U @ raw
    return dW, dU, db


# bidirectional


def reversed_with_lists(X, lengths):
    out = X.copy()
    for column, n in enumerate(lengths):
        out[:n, column] = X[:n, column][::-1]
    return out


def both_ways_one_sequence_at_a_time(X, h_0, W, U, b, mask):
    """No mask inside: each sequence is cut to its length."""
    T, B, _ = X.shape
    width = h_0.shape[2]
    H = np.zeros((T, B, 2 * width), X.dtype)
    for n in range(B):
        length = int(mask[:, n].sum())
        for half, steps in enumerate((range(length), range(length - 1, -1, -1))):
            h = h_0[half, n]
            for t in steps:
                h = np.tanh(X[t, n] @ W[half] + h @ U[half] + b[half])
                H[t, n, half * width : (half + 1) * width] = h
    return H


def last_output_by_sequence(H, lengths):
    H_f, H_b = H[..., : H.shape[-1] // 2], H[..., H.shape[-1] // 2 :]
    return np.array([np.r_[H_f[n - 1, k], H_b[0, k]] for k, n in enumerate(lengths)])


# language-model


def windows_by_index(ids, B, T):
    L = (len(ids) - 1) // B
    n = L // T
    where = np.arange(n)[:, None, None] * T + np.arange(T)[None, :, None] + np.arange(B)[None, None, :] * L
    return np.take(ids, where), np.take(ids, where + 1)


def embedding_gradient_one_hot(dX, ids, E):
    one_hot = (ids.reshape(-1)[:, None] == np.arange(len(E))).astype(E.dtype)
    return one_hot.T @ dX.reshape(-1, E.shape[1])


def sampled_by_searchsorted(Y, tau, u):
    if not tau:
        return Y.argmax(1)
    p = np.exp((Y - Y.max(1, keepdims=True)) / tau)
    p /= p.sum(1, keepdims=True)
    found = [np.searchsorted(np.cumsum(row), draw, side="right") for row, draw in zip(p, u, strict=True)]
    return np.minimum(found, Y.shape[1] - 1)


def entropy_slope_by_derivatives(Y, tau):
    p = np.exp(Y / tau - np.logaddexp.reduce(Y / tau, axis=1, keepdims=True))
    second, first = (p * Y * Y).sum(1), (p * Y).sum(1)
    return (second - first**2) / (tau * tau * tau)


# names


def encode_with_a_dictionary(text, alphabet):
    numbers = {letter: k for k, letter in enumerate(alphabet, start=1)}
    rows = [[numbers.get(c, len(alphabet) + 1) for c in name] for name in text.casefold().split("\n")]
    lengths = np.fromiter(map(len, rows), dtype=np.int64)
    padded = [row + [0] * (lengths.max() - len(row)) for row in rows]
    return np.array(padded, dtype=np.int64).T, lengths


def last_states_by_loop(H, lengths):
    return np.stack([H[n - 1, k] if n else np.zeros_like(H[0, 0]) for k, n in enumerate(lengths)])


def mean_by_loop(H, mask, dmean):
    mean, dH = np.zeros_like(dmean), np.zeros_like(H)
    for k in range(H.shape[1]):
        on = mask[:, k].astype(bool)
        if on.any():
            mean[k] = H[on, k].mean(axis=0)
            dH[on, k] = dmean[k] / on.sum()
    return mean, dH


def confusion_by_counter(labels, log_p):
    K = log_p.shape[1]
    pairs = Counter(zip(labels.tolist(), log_p.argmax(axis=1).tolist(), strict=True))
    M = np.array([[pairs[i, j] for j in range(K)] for i in range(K)], dtype=log_p.dtype)
    with np.errstate(invalid="ignore"):
        return M, np.nan_to_num(M.diagonal() / M.sum(axis=1))


def bayes_by_name(N, n, C):
    smoothed = (N + 1) / (N + 1).sum(axis=1, keepdims=True)
    rows = []
    for counts in C:
        joint = np.log(n) - np.log(n.sum()) + np.array([counts @ np.log(p) for p in smoothed])
        rows.append(joint - np.logaddexp.reduce(joint))
    return np.vstack(rows).astype(C.dtype)


_network = LSTMNetwork()

ANSWERS = {
    ("vanilla/step-forward", "weights stacked"): step_with_weights_stacked,
    ("vanilla/step-forward", "an object that is called"): Cell(),
    ("vanilla/step-forward", "loops over units"): unit_by_unit,
    ("vanilla/step-forward", "a lambda"): lambda x, h, Wx, Wh, bias: np.tanh(np.dot(x, Wx) + np.dot(h, Wh) + bias),
    ("vanilla/sequence-forward", "np.where, batch first inside"): sequence_by_where,
    ("vanilla/sequence-forward", "live rows only"): sequence_on_live_rows,
    ("vanilla/sequence-forward", "recursion, a list of states"): sequence_recursive,
    ("vanilla/step-backward", "einsum, a namedtuple"): step_backward_named,
    ("vanilla/step-backward", "sample by sample, a dict in another order"): step_backward_sample_by_sample,
    ("vanilla/sequence-backward", "dhnext and dhraw, an OrderedDict"): sequence_backward_in_karpathys_way,
    ("vanilla/sequence-backward", "tensordot in the end"): sequence_backward_all_at_once_in_the_end,
    ("vanilla/softmax-loss", "place by place, a plain number"): loss_by_place,
    ("vanilla/softmax-loss", "logaddexp"): loss_by_logaddexp,
    ("lstm/step-forward", "annotated, with a keyword-only cache"): lstm_step_annotated,
    ("lstm/step-forward", "a decorated function, matmul with out="): lstm_step_with_out,
    ("lstm/step-forward", "a method with an argument more"): _network.step,
    ("lstm/peephole-step", "the same method"): _network.step,
    ("lstm/sequence-forward", "a method, deques"): _network.sequence,
    ("lstm/step-backward", "gates stacked, a NamedTuple"): lstm_step_backward_blocks,
    ("lstm/sequence-backward", "by steps and np.where, a list"): lstm_sequence_backward_by_steps,
    ("gru/step-after", "dicts of gates, a key too many"): gru_step_loops,
    ("gru/step-after-backward", "piece by piece"): gru_backward_through_pieces,
    ("gru/from-pytorch", "array_split and r_"): gru_weights_from_pytorch,
    ("gru/from-keras", "an index of columns"): gru_weights_from_keras,
    ("bptt/recursion", "functools.reduce"): recursion_by_scan,
    ("bptt/parameter-gradients", "sums over steps"): parameter_gradients_summed,
    ("bptt/clip-by-global-norm", "one flat vector"): clipped,
    ("bptt/truncated", "one sequence at a time"): truncated_by_matrices,
    ("bidirectional/reverse-by-length", "column by column"): reversed_with_lists,
    ("bidirectional/forward", "one sequence at a time"): both_ways_one_sequence_at_a_time,
    ("bidirectional/last-output", "a list comprehension"): last_output_by_sequence,
    ("language-model/windows", "one index for all"): windows_by_index,
    ("language-model/embedding-backward", "one-hot rows"): embedding_gradient_one_hot,
    ("language-model/sample", "searchsorted"): sampled_by_searchsorted,
    ("language-model/entropy-slope", "two moments"): entropy_slope_by_derivatives,
    ("names/encode", "a dictionary"): encode_with_a_dictionary,
    ("names/last-state", "a loop"): last_states_by_loop,
    ("names/mean-state", "a loop"): mean_by_loop,
    ("names/confusion", "a Counter"): confusion_by_counter,
    ("names/baseline", "name by name"): bayes_by_name,
}
