"""Reference answers to `bidirectional`, as plain as a learner would write them; their bodies are the NumPy solution's.

Mistakes are edits of these. What a check *expects* comes from `autograder.recurrent` instead, so the two have to agree.
`sequence_forward` and `sequence_backward` are given in the notebook: the network that reads one way.
"""

import numpy as np


def sequence_forward(X, h_0, W, U, b, mask):
    H, h = np.empty((*X.shape[:2], len(U)), X.dtype), h_0
    for t in range(len(X)):
        h = np.where(mask[t][:, None] > 0, np.tanh(X[t] @ W + h @ U + b), h)
        H[t] = h
    return H


def sequence_backward(G, X, H, h_0, W, U, mask):
    dA, dh = np.empty_like(H), np.zeros_like(h_0)
    for t in reversed(range(len(X))):
        on = mask[t][:, None] > 0
        dh = dh + G[t]
        dA[t] = np.where(on, dh * (1 - H[t] ** 2), 0)
        dh = np.where(on, dA[t] @ U.T, dh)
    H_before = np.concatenate([h_0[None], H[:-1]])
    dW = np.einsum("tbd,tbh->dh", X, dA)
    dU = np.einsum("tbi,tbh->ih", H_before, dA)
    return dA @ W.T, dh, dW, dU, dA.sum(axis=(0, 1))


def reverse_by_length(X, lengths):
    T, B = X.shape[:2]
    t = np.arange(T)[:, None]
    rho = np.where(t < lengths, lengths - 1 - t, t)
    return X[rho, np.arange(B)]


def bidirectional_forward(X, h_0, W, U, b, mask):
    lengths = mask.sum(axis=0).astype(int)
    X_b = reverse_by_length(X, lengths)
    H_f = sequence_forward(X, h_0[0], W[0], U[0], b[0], mask)
    H_b = sequence_forward(X_b, h_0[1], W[1], U[1], b[1], mask)
    H_b = reverse_by_length(H_b, lengths)
    H = np.concatenate([H_f, H_b], axis=-1)
    return mask[..., None] * H


def last_output(H, lengths):
    B, width = H.shape[1], H.shape[2] // 2
    H_end = H[lengths - 1, np.arange(B)]
    forward = H_end[:, :width]
    backward = H[0][:, width:]
    return np.concatenate([forward, backward], axis=-1)


def merges(H_f, H_b, G_sum, G_average, G_product):
    total = H_f + H_b
    average = total / 2
    product = H_f * H_b
    dH_f = G_sum + G_average / 2 + G_product * H_b
    dH_b = G_sum + G_average / 2 + G_product * H_f
    return total, average, product, dH_f, dH_b


def bidirectional_backward(G, X, H, h_0, W, U, mask):
    lengths = mask.sum(axis=0).astype(int)
    G_f, G_b = np.split(mask[..., None] * G, 2, axis=-1)
    H_f, H_b = np.split(H, 2, axis=-1)
    G_b = reverse_by_length(G_b, lengths)
    X_b = reverse_by_length(X, lengths)
    H_b = reverse_by_length(H_b, lengths)
    dX_f, *d_f = sequence_backward(G_f, X, H_f, h_0[0], W[0], U[0], mask)
    dX_b, *d_b = sequence_backward(G_b, X_b, H_b, h_0[1], W[1], U[1], mask)
    dX = dX_f + reverse_by_length(dX_b, lengths)
    dh_0, dW, dU, db = (np.stack(pair) for pair in zip(d_f, d_b, strict=True))
    return dX, dh_0, dW, dU, db


def stack_of_two(X, h_1, W_1, U_1, b_1, h_2, W_2, U_2, b_2, mask):
    lengths = mask.sum(axis=0).astype(int)
    H_1 = bidirectional_forward(X, h_1, W_1, U_1, b_1, mask)
    H_2 = bidirectional_forward(H_1, h_2, W_2, U_2, b_2, mask)
    return H_2, last_output(H_2, lengths)
