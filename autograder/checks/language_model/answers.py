"""Reference answers to `language-model`, as plain as a learner would write them; their bodies are the NumPy solution's.

Mistakes are edits of these. What a check *expects* comes from `autograder.recurrent` instead, so the two have to agree.
"""

import math

import numpy as np


def windows(ids, B, T):
    L = (len(ids) - 1) // B
    n = L // T
    inputs = np.reshape(ids[: B * L], (B, L))[:, : n * T]
    targets = np.reshape(ids[1 : B * L + 1], (B, L))[:, : n * T]
    inputs = np.transpose(np.reshape(inputs, (B, n, T)), (1, 2, 0))
    targets = np.transpose(np.reshape(targets, (B, n, T)), (1, 2, 0))
    return inputs, targets


def embedding_backward(dX, ids, E):
    dE = np.zeros_like(E)
    np.add.at(dE, ids, dX)
    return dE


def language_loss(Y, targets):
    T, B, K = Y.shape
    shifted = Y - np.max(Y, axis=-1, keepdims=True)
    log_p = shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
    one_hot = np.eye(K, dtype=Y.dtype)[targets]
    nats = -np.sum(one_hot * log_p) / (T * B)
    bits = nats / math.log(2)
    perplexity = np.exp(nats)
    dY = (np.exp(log_p) - one_hot) / (T * B)
    return nats, bits, perplexity, dY


def gradients(inputs, targets, h_0, E, W, U, b, V, b_y):
    X = E[inputs]
    states, h = [h_0], h_0
    for t in range(len(X)):
        h = np.tanh(X[t] @ W + h @ U + b)
        states.append(h)
    before, H = np.stack(states[:-1]), np.stack(states[1:])
    nats, *_, dY = language_loss(H @ V + b_y, targets)
    G = dY @ V.T
    steps, from_later = [], np.zeros_like(h_0)
    for t in reversed(range(len(X))):
        da = (G[t] + from_later) * (1 - H[t] ** 2)
        from_later = da @ U.T
        steps.append(da)
    dA = np.stack(steps[::-1])
    dE = embedding_backward(dA @ W.T, inputs, E)
    dW = np.einsum("tbd,tbh->dh", X, dA)
    dU = np.einsum("tbi,tbj->ij", before, dA)
    db = np.sum(dA, axis=(0, 1))
    dV = np.einsum("tbh,tbk->hk", H, dY)
    db_y = np.sum(dY, axis=(0, 1))
    return nats, dE, dW, dU, db, dV, db_y, h


def train_windows(inputs, targets, h, E, W, U, b, V, b_y, rate, max_norm):
    parameters, losses = [E, W, U, b, V, b_y], []
    for i in range(len(inputs)):
        nats, *found, h = gradients(inputs[i], targets[i], h, *parameters)
        norm = np.sqrt(sum(np.sum(g**2) for g in found))
        scale = max_norm / norm if norm > max_norm else 1.0
        parameters = [p - rate * scale * g for p, g in zip(parameters, found, strict=True)]
        losses.append(nats)
    return *parameters, h, np.stack(losses)


def sample(Y, tau, u):
    if tau == 0:
        return np.argmax(Y, axis=-1)
    shifted = (Y - np.max(Y, axis=-1, keepdims=True)) / tau
    p = np.exp(shifted)
    p = p / np.sum(p, axis=-1, keepdims=True)
    upper = np.cumsum(p, axis=-1)
    return np.sum(upper[:, :-1] <= u[:, None], axis=-1)


def entropy_slope(Y, tau):
    shifted = (Y - np.max(Y, axis=-1, keepdims=True)) / tau
    p = np.exp(shifted)
    p = p / np.sum(p, axis=-1, keepdims=True)
    mean = np.sum(p * Y, axis=-1, keepdims=True)
    return np.sum(p * (Y - mean) ** 2, axis=-1) / tau**3


def train(ids, E, W, U, b, V, b_y):
    B, T = 32, 25
    inputs, targets = windows(ids, B, T)
    parameters = [E, W, U, b, V, b_y]
    for rate in (2.0, 2.0, 0.5):
        h = np.zeros((B, len(U)), dtype=U.dtype)
        *parameters, h, _ = train_windows(inputs, targets, h, *parameters, rate=rate, max_norm=1.0)  # type: ignore[misc]
    return parameters
