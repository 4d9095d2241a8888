"""Reference answers to `bptt`, as plain as a learner would write them; their bodies are the NumPy solution's.

Mistakes are edits of these. What a check *expects* comes from `autograder.recurrent` instead, so the two have to agree.
"""

import numpy as np


def recursion(G, H, U):
    dH, dA = np.zeros_like(H), np.zeros_like(H)
    from_later = np.zeros_like(H[0])
    for t in reversed(range(len(H))):
        dH[t] = G[t] + from_later
        dA[t] = dH[t] * (1 - H[t] ** 2)
        from_later = dA[t] @ U.T
    return dH, dA


def parameter_gradients(dA, X, H, h_0):
    before = np.concatenate([h_0[None], H[:-1]], axis=0)
    rows = np.reshape(dA, (-1, dA.shape[2]))
    dW = np.reshape(X, (-1, X.shape[2])).T @ rows
    dU = np.reshape(before, (-1, H.shape[2])).T @ rows
    db = np.sum(rows, axis=0)
    return dW, dU, db


def leaky_jacobian(n, U, alpha):
    return (1 - alpha) * np.eye(len(n), dtype=n.dtype) + alpha * U * (1 - n**2)


def norms_by_lag(g, H, U):
    norms = []
    for t in reversed(range(len(H))):
        norms.append(np.linalg.norm(g, axis=-1))
        g = (g * (1 - H[t] ** 2)) @ U.T
    return np.stack(norms)


def by_chunks(X, h_0, W, U, b, G, k):
    H = np.zeros_like(G)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    h = h_0
    for start in range(0, len(X), k):
        steps = range(start, min(start + k, len(X)))
        before = h
        for t in steps:
            h = np.tanh(X[t] @ W + h @ U + b)
            H[t] = h
        dh = np.zeros_like(h_0)
        for t in reversed(steps):
            h_prev = H[t - 1] if t > start else before
            dh = dh + G[t]
            da = dh * (1 - H[t] ** 2)
            dW += X[t].T @ da
            dU += h_prev.T @ da
            db += np.sum(da, axis=0)
            dh = da @ U.T
    return H, dW, dU, db


def truncated_backward(G, X, H, h_0, W, U, k1, k2):
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(W[0])
    for start in range(0, len(X), k1):
        end = start + k1
        begin = max(0, end - k2)
        dh = np.zeros_like(h_0)
        for t in reversed(range(begin, min(end, len(X)))):
            h_prev = H[t - 1] if t > 0 else h_0
            if t >= start:
                dh = dh + G[t]
            da = dh * (1 - H[t] ** 2)
            dW += X[t].T @ da
            dU += h_prev.T @ da
            db += np.sum(da, axis=0)
            dh = da @ U.T
    return dW, dU, db


def clip_by_global_norm(dW, dU, db, max_norm):
    norm = np.sqrt(np.sum(dW**2) + np.sum(dU**2) + np.sum(db**2))
    scale = max_norm / norm if norm > max_norm else 1.0
    return scale * dW, scale * dU, scale * db, norm


def influence_step(x, h_prev, P, W, U, b):
    h = np.tanh(x @ W + h_prev @ U + b)
    z = np.concatenate([x, h_prev, np.ones_like(x[:, :1])], axis=1)
    immediate = z[:, :, None, None] * np.eye(len(U), dtype=U.dtype)
    P_next = (immediate + P @ U) * (1 - h**2)[:, None, None, :]
    return h, P_next


def rtrl(X, G, h_0, W, U, b):
    B, D, H = X.shape[1], X.shape[2], len(U)
    h, P = h_0, np.zeros((B, D + H + 1, H, H), dtype=U.dtype)
    gradient = np.zeros((D + H + 1, H), dtype=U.dtype)
    for t in range(len(X)):
        h, P = influence_step(X[t], h, P, W, U, b)
        gradient += np.einsum("bpqj,bj->pq", P, G[t])
    return gradient[:D], gradient[D:-1], gradient[-1]
