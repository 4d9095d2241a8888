"""Other right ways to write `language-model`: edits of the solutions that must keep every point."""

from autograder.checks.mistakes import Variant

_CUT = "np.transpose(np.reshape({0}, (B, n, T)), (1, 2, 0))"

WINDOWS = (
    Variant(
        "window-by-window",
        {
            "numpy": (
                (_CUT.format("inputs"), "np.stack([inputs[:, i * T : (i + 1) * T].T for i in range(n)])"),
                (_CUT.format("targets"), "np.stack([targets[:, i * T : (i + 1) * T].T for i in range(n)])"),
            ),
            "pytorch": (
                (
                    "torch.permute(torch.reshape(inputs, (B, n, T)), (1, 2, 0))",
                    "torch.stack([inputs[:, i * T : (i + 1) * T].T for i in range(n)])",
                ),
                (
                    "torch.permute(torch.reshape(targets, (B, n, T)), (1, 2, 0))",
                    "torch.stack([targets[:, i * T : (i + 1) * T].T for i in range(n)])",
                ),
            ),
            "tensorflow": (
                (
                    "tf.transpose(tf.reshape(inputs, (B, n, T)), (1, 2, 0))",
                    "tf.stack([tf.transpose(inputs[:, i * T : (i + 1) * T]) for i in range(n)])",
                ),
                (
                    "tf.transpose(tf.reshape(targets, (B, n, T)), (1, 2, 0))",
                    "tf.stack([tf.transpose(targets[:, i * T : (i + 1) * T]) for i in range(n)])",
                ),
            ),
        },
    ),
    Variant(
        "by-place",
        {
            "numpy": (
                (
                    "return inputs, targets",
                    "i, t, b = np.ogrid[:n, :T, :B]\n    place = b * L + i * T + t\n"
                    "    return ids[place], ids[place + 1]",
                ),
            ),
        },
    ),
    Variant("by-name", {"numpy": (("return inputs, targets", 'return {"targets": targets, "inputs": inputs}'),)}),
)

EMBEDDING_BACKWARD = (
    Variant(
        "by-one-hot-vectors",
        {
            "numpy": (
                (
                    "np.add.at(dE, ids, dX)",
                    'dE = np.einsum("tbk,tbd->kd", np.eye(len(E), dtype=E.dtype)[ids], dX)',
                ),
            ),
            "pytorch": (
                (
                    "dE.index_put_((ids,), dX, accumulate=True)",
                    'dE = torch.einsum("tbk,tbd->kd", torch.eye(len(E), dtype=E.dtype)[ids], dX)',
                ),
            ),
            "tensorflow": (
                (
                    "dE = tf.tensor_scatter_nd_add(dE, ids[..., None], dX)",
                    'dE = tf.einsum("tbk,tbd->kd", tf.one_hot(ids, E.shape[0], dtype=E.dtype), dX)',
                ),
            ),
        },
    ),
    Variant(
        "place-by-place",
        {
            "numpy": (
                (
                    "np.add.at(dE, ids, dX)",
                    "for t, b in np.ndindex(ids.shape):\n        dE[ids[t, b]] += dX[t, b]",
                ),
            ),
            "pytorch": (
                (
                    "dE.index_put_((ids,), dX, accumulate=True)",
                    "dE.index_add_(0, ids.reshape(-1), dX.reshape(-1, dX.shape[2]))",
                ),
            ),
            "tensorflow": (
                (
                    "dE = tf.tensor_scatter_nd_add(dE, ids[..., None], dX)",
                    "dE = tf.math.unsorted_segment_sum(dX, ids, E.shape[0])",
                ),
            ),
        },
    ),
)

LANGUAGE_LOSS = (
    Variant(
        "picked-instead-of-multiplied",
        {
            "numpy": (
                (
                    "np.sum(one_hot * log_p) / (T * B)",
                    "np.mean(np.take_along_axis(log_p, targets[..., None], -1))",
                ),
            ),
            "pytorch": (
                (
                    "torch.sum(one_hot * log_p) / (T * B)",
                    "torch.mean(torch.gather(log_p, -1, targets[..., None]))",
                ),
            ),
            "tensorflow": (
                (
                    "tf.reduce_sum(one_hot * log_p) / (T * B)",
                    "tf.reduce_mean(tf.gather(log_p, targets, batch_dims=2))",
                ),
            ),
        },
    ),
    Variant(
        "two-to-the-bits",
        {
            "numpy": (("perplexity = np.exp(nats)", "perplexity = 2**bits"),),
            "pytorch": (("perplexity = torch.exp(nats)", "perplexity = 2**bits"),),
            "tensorflow": (("perplexity = tf.exp(nats)", "perplexity = 2**bits"),),
        },
    ),
    Variant(
        "largest-of-all-logits",
        {
            "numpy": (("np.max(Y, axis=-1, keepdims=True)", "np.max(Y)"),),
            "pytorch": (("torch.amax(Y, dim=-1, keepdim=True)", "torch.max(Y)"),),
            "tensorflow": (("tf.reduce_max(Y, axis=-1, keepdims=True)", "tf.reduce_max(Y)"),),
        },
    ),
)

GRADIENTS = (
    Variant(
        "read-out-step-by-step",
        {
            "numpy": (('np.einsum("tbh,tbk->hk", H, dY)', "sum(h_t.T @ dy for h_t, dy in zip(H, dY))"),),
            "pytorch": (('torch.einsum("tbh,tbk->hk", H, dY)', "sum(h_t.T @ dy for h_t, dy in zip(H, dY))"),),
            "tensorflow": (
                (
                    'tf.einsum("tbh,tbk->hk", H, dY)',
                    "sum(tf.transpose(H[t]) @ dY[t] for t in range(H.shape[0]))",
                ),
            ),
        },
    ),
    Variant(
        "slope-as-a-product",
        {
            "numpy": (("(1 - H[t] ** 2)", "(1 - H[t]) * (1 + H[t])"),),
            "pytorch": (("(1 - H[t] ** 2)", "(1 - H[t]) * (1 + H[t])"),),
            "tensorflow": (("(1 - H[t] ** 2)", "(1 - H[t]) * (1 + H[t])"),),
        },
    ),
)

_SCALE = "scale = max_norm / norm if norm > max_norm else 1.0"

TRAIN_WINDOWS = (
    Variant(
        "factor-by-minimum",
        dict.fromkeys(("numpy", "pytorch", "tensorflow"), ((_SCALE, "scale = min(1.0, max_norm / norm)"),)),
    ),
    Variant(
        "in-a-list", {"numpy": (("return *parameters, h, np", "return [*parameters, h, np"), ("(losses)", "(losses)]"))}
    ),
)

SAMPLE = (
    Variant(
        "first-that-is-larger",
        {
            "numpy": (
                (
                    "return np.sum(upper[:, :-1] <= u[:, None], axis=-1)",
                    "upper[:, -1] = 1\n    return np.argmax(upper > u[:, None], axis=-1)",
                ),
            ),
            "pytorch": (
                (
                    "return torch.sum(upper[:, :-1] <= u[:, None], dim=-1)",
                    "return torch.searchsorted(upper[:, :-1].contiguous(), u[:, None], right=True)[:, 0]",
                ),
            ),
            "tensorflow": (
                (
                    "return tf.reduce_sum(tf.cast(upper[:, :-1] <= u[:, None], tf.int64), axis=-1)",
                    'return tf.searchsorted(upper[:, :-1], u[:, None], side="right", out_type=tf.int64)[:, 0]',
                ),
            ),
        },
    ),
)

ENTROPY_SLOPE = (
    Variant(
        "mean-of-squares-minus-square-of-mean",
        {
            "numpy": (("np.sum(p * (Y - mean) ** 2, axis=-1)", "(np.sum(p * Y**2, axis=-1) - mean[:, 0] ** 2)"),),
            "pytorch": (("torch.sum(p * (Y - mean) ** 2, dim=-1)", "(torch.sum(p * Y**2, dim=-1) - mean[:, 0] ** 2)"),),
            "tensorflow": (
                (
                    "tf.reduce_sum(p * (Y - mean) ** 2, axis=-1)",
                    "(tf.reduce_sum(p * Y**2, axis=-1) - mean[:, 0] ** 2)",
                ),
            ),
        },
    ),
)

VARIANTS = {
    "windows": WINDOWS,
    "embedding-backward": EMBEDDING_BACKWARD,
    "language-loss": LANGUAGE_LOSS,
    "gradients": GRADIENTS,
    "train-windows": TRAIN_WINDOWS,
    "sample": SAMPLE,
    "entropy-slope": ENTROPY_SLOPE,
}
