"""Other right ways to write `names`: edits of the solutions that must keep every point."""

from autograder.checks.mistakes import Variant

_ID = "alphabet.index(letter) + 1 if letter in alphabet else len(alphabet) + 1"
_LINES = 'names = text.lower().split("\\n")'
_FIND = "alphabet.find(letter) + 1 or len(alphabet) + 1"

ENCODE = (
    Variant(
        "find-and-or",
        dict.fromkeys(("numpy", "pytorch", "tensorflow"), ((_ID, _FIND),)),
    ),
    Variant(
        "a-table",
        dict.fromkeys(
            ("numpy", "pytorch", "tensorflow"),
            (
                (_LINES, f"{_LINES}\n    place = dict(zip(alphabet, range(1, 99)))"),
                (_ID, "place.get(letter, len(alphabet) + 1)"),
            ),
        ),
    ),
    Variant(
        "in-a-list",
        {
            "numpy": (("return ids, np.array(lengths)", "return [ids, np.array(lengths)]"),),
            "pytorch": (("return ids, torch.tensor(lengths)", "return [ids, torch.tensor(lengths)]"),),
        },
    ),
    Variant(
        "in-a-dict",
        {"numpy": (("return ids, np.array(lengths)", 'return {"lengths": np.array(lengths), "ids": ids}'),)},
    ),
    Variant(
        "one-fill-value",
        {
            "numpy": (
                ("np.zeros((max(lengths), len(names)), dtype=np.int64)", "np.full((max(lengths), len(names)), 0)"),
            )
        },
    ),
)

_LAST = "return np.where((lengths > 0)[:, None], last, np.zeros_like(last))"
_LAST_TORCH = "return torch.where((lengths > 0)[:, None], last, torch.zeros_like(last))"
_LAST_TF = "return tf.where((lengths > 0)[:, None], last, tf.zeros_like(last))"

LAST_STATE = (
    Variant(
        "name-by-name",
        {
            "numpy": (
                (_LAST, "return np.stack([H[n - 1, k] if n > 0 else 0 * H[0, k] for k, n in enumerate(lengths)])"),
            ),
            "pytorch": (
                (
                    _LAST_TORCH,
                    "return torch.stack([H[n - 1, k] if n > 0 else 0 * H[0, k] for k, n in enumerate(lengths)])",
                ),
            ),
            "tensorflow": (
                (
                    _LAST_TF,
                    "return tf.stack([H[n - 1, k] if n > 0 else 0 * H[0, k] for k, n in enumerate(lengths.numpy())])",
                ),
            ),
        },
    ),
    Variant(
        "times-zero-or-one",
        {
            "numpy": ((_LAST, "return last * (lengths > 0)[:, None].astype(H.dtype)"),),
            "pytorch": ((_LAST_TORCH, "return last * (lengths > 0)[:, None]"),),
            "tensorflow": ((_LAST_TF, "return last * tf.cast(lengths > 0, H.dtype)[:, None]"),),
        },
    ),
    Variant(
        "by-a-mask",
        {
            "numpy": ((_LAST, "return ((np.arange(len(H))[:, None] == lengths - 1)[..., None] * H).sum(axis=0)"),),
            "pytorch": (
                (_LAST_TORCH, "return ((torch.arange(len(H))[:, None] == lengths - 1).unsqueeze(-1) * H).sum(dim=0)"),
            ),
            "tensorflow": (
                (_LAST_TF, "return tf.einsum('tbh,bt->bh', H, tf.one_hot(lengths - 1, H.shape[0], dtype=H.dtype))"),
            ),
        },
    ),
)

_MEAN = "mean = (weight[..., None] * H).sum(axis=0)"
_MEAN_TORCH = "mean = (weight[..., None] * H).sum(dim=0)"
_MEAN_TF = "mean = tf.reduce_sum(weight[..., None] * H, axis=0)"

MEAN_STATE = (
    Variant(
        "sum-then-divide",
        {
            "numpy": ((_MEAN, "mean = (mask[..., None] * H).sum(axis=0) / count[:, None]"),),
            "pytorch": ((_MEAN_TORCH, "mean = (mask.unsqueeze(-1) * H).sum(0) / count[:, None]"),),
            "tensorflow": ((_MEAN_TF, "mean = tf.reduce_sum(mask[..., None] * H, 0) / count[:, None]"),),
        },
    ),
    Variant(
        "by-einsum",
        {
            "numpy": ((_MEAN, 'mean = np.einsum("tb,tbh->bh", weight, H)'),),
            "pytorch": ((_MEAN_TORCH, 'mean = torch.einsum("tb,tbh->bh", weight, H)'),),
            "tensorflow": ((_MEAN_TF, 'mean = tf.einsum("tb,tbh->bh", weight, H)'),),
        },
    ),
    Variant(
        "step-by-step",
        {
            "numpy": ((_MEAN, "mean = sum(weight[t][:, None] * H[t] for t in range(len(H)))"),),
            "pytorch": ((_MEAN_TORCH, "mean = sum(weight[t][:, None] * H[t] for t in range(len(H)))"),),
            "tensorflow": ((_MEAN_TF, "mean = sum(weight[t][:, None] * H[t] for t in range(H.shape[0]))"),),
        },
    ),
)

_SCORE = "return score - np.log(p.sum(axis=1)[:, None])"

BASELINE = (
    Variant(
        "log-softmax",
        {
            "numpy": ((_SCORE, "return score - np.logaddexp.reduce(score, axis=1, keepdims=True)"),),
            "pytorch": (("return score - torch.log(p.sum(dim=1)[:, None])", "return torch.log_softmax(score, dim=1)"),),
            "tensorflow": (
                (
                    "return score - tf.math.log(tf.reduce_sum(p, axis=1)[:, None])",
                    "return tf.nn.log_softmax(score, axis=1)",
                ),
            ),
        },
    ),
    Variant(
        "difference-of-logarithms",
        {
            "numpy": (
                (
                    "np.log(smoothed / smoothed.sum(axis=1)[:, None])",
                    "np.log(smoothed) - np.log(smoothed.sum(axis=1, keepdims=True))",
                ),
            ),
            "pytorch": (
                (
                    "torch.log(smoothed / smoothed.sum(dim=1)[:, None])",
                    "torch.log(smoothed) - torch.log(smoothed.sum(dim=1, keepdim=True))",
                ),
            ),
            "tensorflow": (
                (
                    "tf.math.log(smoothed / tf.reduce_sum(smoothed, axis=1)[:, None])",
                    "tf.math.log(smoothed) - tf.math.log(tf.reduce_sum(smoothed, axis=1, keepdims=True))",
                ),
            ),
        },
    ),
    Variant("by-einsum", {"numpy": (("C @ log_letter.T", 'np.einsum("bv,kv->bk", C, log_letter)'),)}),
)
_M = "M = truth.T @ guess"

CONFUSION = (
    Variant(
        "counted-one-by-one",
        {
            "numpy": (
                (
                    _M,
                    "M = np.zeros((K, K), log_p.dtype)\n    for j, k in zip(labels, predictions):\n"
                    "        M[j, k] += 1",
                ),
            ),
            "pytorch": (
                (
                    _M,
                    "M = torch.zeros((K, K), dtype=log_p.dtype)\n    for j, k in zip(labels, predictions):\n"
                    "        M[j, k] += 1",
                ),
            ),
        },
    ),
    Variant(
        "by-the-library",
        {
            "numpy": (
                (_M, "M = np.bincount(K * labels + predictions, minlength=K * K).reshape(K, K).astype(log_p.dtype)"),
            ),
            "pytorch": (
                (_M, "M = torch.bincount(K * labels + predictions, minlength=K * K).reshape(K, K).to(log_p.dtype)"),
            ),
            "tensorflow": (
                (
                    "M = tf.transpose(truth) @ guess",
                    "M = tf.math.confusion_matrix(labels, predictions, K, dtype=log_p.dtype)",
                ),
            ),
        },
    ),
    Variant(
        "in-a-dict",
        dict.fromkeys(("numpy", "pytorch", "tensorflow"), (("return M, recall", 'return {"recall": recall, "M": M}'),)),
    ),
)

VARIANTS = {
    "encode": ENCODE,
    "last-state": LAST_STATE,
    "mean-state": MEAN_STATE,
    "baseline": BASELINE,
    "confusion": CONFUSION,
}
