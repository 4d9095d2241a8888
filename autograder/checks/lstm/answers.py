"""Reference answers to `lstm`, as plain as a learner would write them; their bodies are the NumPy solution's.

Mistakes are edits of these. What a check *expects* comes from `autograder.recurrent` instead, so the two have to agree.
"""

import numpy as np


def sigmoid(a):
    return 0.5 * np.tanh(0.5 * a) + 0.5


def step_forward(x, h_prev, c_prev, W, U, b):
    a = x @ W + h_prev @ U + b
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    return h, c


def sequence_forward(X, h_0, c_0, W, U, b, mask):
    from_input = X @ W + b
    H, C = [], []
    h, c = h_0, c_0
    for t in range(len(X)):
        m = mask[t][:, None]
        a_i, a_f, a_g, a_o = np.split(from_input[t] + h @ U, 4, axis=1)
        c_new = sigmoid(a_f) * c + sigmoid(a_i) * np.tanh(a_g)
        h_new = sigmoid(a_o) * np.tanh(c_new)
        h, c = m * h_new + (1 - m) * h, m * c_new + (1 - m) * c
        H.append(h)
        C.append(c)
    return np.stack(H), np.stack(C)


def forget_bias(n):
    b_f = -np.log(2 ** (1 / n) - 1)
    zero = np.zeros_like(n)
    return np.concatenate([zero, b_f, zero, zero], axis=0)


def cell_derivatives(c_prev, gates):
    i, f, g, o = np.split(gates, 4, axis=1)
    dc_da_i = g * i * (1 - i)
    dc_da_f = c_prev * f * (1 - f)
    dc_da_g = i * (1 - g**2)
    dc_da_o = np.zeros_like(o)
    return np.concatenate([dc_da_i, dc_da_f, dc_da_g, dc_da_o], axis=1)


def step_backward(dh, dc_later, x, h_prev, c_prev, gates, c, W, U):
    i, f, g, o = np.split(gates, 4, axis=1)
    tanh_c = np.tanh(c)
    dc = dc_later + dh * o * (1 - tanh_c**2)
    da_i = dc * g * i * (1 - i)
    da_f = dc * c_prev * f * (1 - f)
    da_g = dc * i * (1 - g**2)
    da_o = dh * tanh_c * o * (1 - o)
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
    dx = da @ W.T
    dh_prev = da @ U.T
    dc_prev = dc * f
    dW = x.T @ da
    dU = h_prev.T @ da
    db = da.sum(axis=0)
    return dx, dh_prev, dc_prev, dW, dU, db


def sequence_backward(G, dc_T, X, H, C, gates, h_0, c_0, W, U, mask):
    dX = np.empty_like(X)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(W[0])
    dh, dc = np.zeros_like(h_0), dc_T
    for t in reversed(range(len(X))):
        m = mask[t][:, None]
        h_prev, c_prev = (H[t - 1], C[t - 1]) if t > 0 else (h_0, c_0)
        i, f, g, o = np.split(gates[t], 4, axis=1)
        tanh_c = np.tanh(C[t])
        dh = dh + G[t]
        dh_new = m * dh
        dc_new = m * dc + dh_new * o * (1 - tanh_c**2)
        da_i = dc_new * g * i * (1 - i)
        da_f = dc_new * c_prev * f * (1 - f)
        da_g = dc_new * i * (1 - g**2)
        da_o = dh_new * tanh_c * o * (1 - o)
        da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
        dX[t] = da @ W.T
        dW += X[t].T @ da
        dU += h_prev.T @ da
        db += da.sum(axis=0)
        dh = da @ U.T + (1 - m) * dh
        dc = dc_new * f + (1 - m) * dc
    return dX, dh, dc, dW, dU, db


def peephole_step(x, h_prev, c_prev, W, U, b, p):
    a_i, a_f, a_g, a_o = np.split(x @ W + h_prev @ U + b, 4, axis=1)
    p_i, p_f, p_o = p
    i, f = sigmoid(a_i + c_prev * p_i), sigmoid(a_f + c_prev * p_f)
    c = f * c_prev + i * np.tanh(a_g)
    o = sigmoid(a_o + c * p_o)
    h = o * np.tanh(c)
    return h, c


def peephole_backward(dh, dc_later, c_prev, gates, c, p):
    i, f, g, o = np.split(gates, 4, axis=1)
    p_i, p_f, p_o = p
    tanh_c = np.tanh(c)
    da_o = dh * tanh_c * o * (1 - o)
    dc = dc_later + dh * o * (1 - tanh_c**2) + da_o * p_o
    da_i = dc * g * i * (1 - i)
    da_f = dc * c_prev * f * (1 - f)
    da_g = dc * i * (1 - g**2)
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
    dc_prev = dc * f + da_i * p_i + da_f * p_f
    seen = np.stack([da_i * c_prev, da_f * c_prev, da_o * c])
    dp = seen.sum(axis=1)
    return da, dc_prev, dp
