"""Reference answers to `vanilla`, as plain as a learner would write them; their bodies are the NumPy solution's.

Mistakes are edits of these. What a check *expects* comes from `autograder.recurrent` instead, so the two have to agree.
"""

import numpy as np


def step_forward(x, h_prev, W, U, b):
    return np.tanh(x @ W + h_prev @ U + b)


def sequence_forward(X, h_0, W, U, b, mask):
    from_input = X @ W + b
    H = np.empty_like(from_input)
    h = h_0
    for t in range(len(X)):
        m = mask[t][:, None]
        h = m * np.tanh(from_input[t] + h @ U) + (1 - m) * h
        H[t] = h
    return H


def softsign_derivative(h):
    return (1 - np.abs(h)) ** 2


def step_backward(dh, x, h_prev, h, W, U):
    da = dh * (1 - h**2)
    dx = da @ W.T
    dh_prev = da @ U.T
    dW = x.T @ da
    dU = h_prev.T @ da
    db = da.sum(axis=0)
    return dx, dh_prev, dW, dU, db


def sequence_backward(G, X, H, h_0, W, U, mask):
    dX = np.empty_like(X)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(W[0])
    dh = np.zeros_like(h_0)
    for t in reversed(range(len(X))):
        m = mask[t][:, None]
        h_prev = H[t - 1] if t > 0 else h_0
        dh = dh + G[t]
        da = m * dh * (1 - H[t] ** 2)
        dX[t] = da @ W.T
        dW += X[t].T @ da
        dU += h_prev.T @ da
        db += da.sum(axis=0)
        dh = da @ U.T + (1 - m) * dh
    return dX, dh, dW, dU, db


def softmax_loss(Y, targets, mask):
    count = mask.sum()
    shifted = Y - Y.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    one_hot = np.eye(Y.shape[-1], dtype=Y.dtype)[targets]
    loss = -(mask[..., None] * one_hot * log_p).sum() / count
    dY = (np.exp(log_p) - one_hot) * mask[..., None] / count
    return loss, dY
