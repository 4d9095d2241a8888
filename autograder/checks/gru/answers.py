"""Reference answers to `gru`, as plain as a learner would write them; their bodies are the NumPy solution's.

Mistakes are edits of these. What a check *expects* comes from `autograder.recurrent` instead, so the two have to agree.
"""

import numpy as np


def sigmoid(a):
    """Given in the notebook: the logistic function, without overflow."""
    return 0.5 * np.tanh(0.5 * a) + 0.5


def step_after(x, h_prev, W, U, b, c_n):
    xW_r, xW_z, xW_n = np.split(x @ W + b, 3, axis=1)
    U_r, U_z, U_n = np.split(U, 3, axis=1)
    r = sigmoid(xW_r + h_prev @ U_r)
    z = sigmoid(xW_z + h_prev @ U_z)
    q = h_prev @ U_n + c_n
    n = np.tanh(xW_n + r * q)
    h = (1 - z) * n + z * h_prev
    return h, r, z, n, q


def step_before(x, h_prev, W, U, b):
    xW_r, xW_z, xW_n = np.split(x @ W + b, 3, axis=1)
    U_r, U_z, U_n = np.split(U, 3, axis=1)
    r = sigmoid(xW_r + h_prev @ U_r)
    z = sigmoid(xW_z + h_prev @ U_z)
    s = r * h_prev
    n = np.tanh(xW_n + s @ U_n)
    h = (1 - z) * n + z * h_prev
    return h, r, z, n, s


def sequence_forward(X, h_0, W, U, b, c_n, mask):
    from_input = X @ W + b
    H = np.empty((len(X), *h_0.shape), X.dtype)
    h = h_0
    for t in range(len(X)):
        m = mask[t][:, None]
        xW_r, xW_z, xW_n = np.split(from_input[t], 3, axis=1)
        hU_r, hU_z, hU_n = np.split(h @ U, 3, axis=1)
        r = sigmoid(xW_r + hU_r)
        z = sigmoid(xW_z + hU_z)
        n = np.tanh(xW_n + r * (hU_n + c_n))
        h_new = (1 - z) * n + z * h
        h = m * h_new + (1 - m) * h
        H[t] = h
    return H


def update_gate_derivative(h, z, n):
    return (1 - z) * (h - n)


def step_after_backward(dh, x, h_prev, r, z, n, q, W, U):
    U_r, U_z, U_n = np.split(U, 3, axis=1)
    da_n = dh * (1 - z) * (1 - n**2)
    da_z = dh * (h_prev - n) * z * (1 - z)
    dq = da_n * r
    da_r = da_n * q * r * (1 - r)
    dh_prev = dh * z + dq @ U_n.T + da_r @ U_r.T + da_z @ U_z.T
    da = np.concatenate([da_r, da_z, da_n], axis=1)
    dx = da @ W.T
    dW = x.T @ da
    dU = h_prev.T @ np.concatenate([da_r, da_z, dq], axis=1)
    db = da.sum(axis=0)
    dc_n = dq.sum(axis=0)
    return dx, dh_prev, dW, dU, db, dc_n


def step_before_backward(dh, x, h_prev, r, z, n, s, W, U):
    U_r, U_z, U_n = np.split(U, 3, axis=1)
    da_n = dh * (1 - z) * (1 - n**2)
    da_z = dh * (h_prev - n) * z * (1 - z)
    ds = da_n @ U_n.T
    da_r = ds * h_prev * r * (1 - r)
    dh_prev = dh * z + ds * r + da_r @ U_r.T + da_z @ U_z.T
    da = np.concatenate([da_r, da_z, da_n], axis=1)
    dx = da @ W.T
    dW = x.T @ da
    dU = np.concatenate([h_prev.T @ da_r, h_prev.T @ da_z, s.T @ da_n], axis=1)
    db = da.sum(axis=0)
    return dx, dh_prev, dW, dU, db


def sequence_backward(G, X, H, R, Z, N, Q, h_0, W, U, mask):
    dX = np.empty_like(X)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(W[0])
    dc_n, dh = np.zeros_like(h_0[0]), np.zeros_like(h_0)
    for t in reversed(range(len(X))):
        m, r, z, n, q = mask[t][:, None], R[t], Z[t], N[t], Q[t]
        h_prev = H[t - 1] if t > 0 else h_0
        dh = dh + G[t]
        dh_new = m * dh
        da_n = dh_new * (1 - z) * (1 - n**2)
        da_z = dh_new * (h_prev - n) * z * (1 - z)
        dq = da_n * r
        da_r = da_n * q * r * (1 - r)
        da = np.concatenate([da_r, da_z, da_n], axis=1)
        da_U = np.concatenate([da_r, da_z, dq], axis=1)
        dX[t] = da @ W.T
        dW += X[t].T @ da
        dU += h_prev.T @ da_U
        db += da.sum(axis=0)
        dc_n += dq.sum(axis=0)
        dh = dh_new * z + da_U @ U.T + (1 - m) * dh
    return dX, dh, dW, dU, db, dc_n


def from_pytorch(weight_ih, weight_hh, bias_ih, bias_hh):
    H = weight_hh.shape[1]
    W = weight_ih.T
    U = weight_hh.T
    b = np.concatenate([bias_ih[: 2 * H] + bias_hh[: 2 * H], bias_ih[2 * H :]], axis=0)
    c_n = bias_hh[2 * H :]
    return W, U, b, c_n


def from_keras(kernel, recurrent_kernel, bias):
    W_z, W_r, W_n = np.split(kernel, 3, axis=1)
    U_z, U_r, U_n = np.split(recurrent_kernel, 3, axis=1)
    b_z, b_r, b_n = np.split(bias[0], 3, axis=0)
    c_z, c_r, c_n = np.split(bias[1], 3, axis=0)
    W = np.concatenate([W_r, W_z, W_n], axis=1)
    U = np.concatenate([U_r, U_z, U_n], axis=1)
    b = np.concatenate([b_r + c_r, b_z + c_z, b_n], axis=0)
    return W, U, b, c_n
