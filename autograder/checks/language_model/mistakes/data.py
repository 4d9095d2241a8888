"""What people get wrong in cutting a text into windows, and in the gradient of the embedding."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_SHIFTED = "ids[1 : B * L + 1]"
_CUT = (
    "inputs = np.transpose(np.reshape(inputs, (B, n, T)), (1, 2, 0))\n"
    "    targets = np.transpose(np.reshape(targets, (B, n, T)), (1, 2, 0))"
)
_CUT_TORCH = _CUT.replace("np.transpose", "torch.permute").replace("np.", "torch.")
_CUT_TF = _CUT.replace("np.", "tf.")
_RETURN = "return inputs, targets"

WINDOWS = (
    Mistake(
        "targets-not-shifted",
        _SHIFTED,
        "ids[: B * L]",
        "The targets are the inputs themselves, so the network learns to copy what it reads. The target of a character "
        "is the one after it.",
        "eq-seq-ar",
    ),
    Mistake(
        "shifted-by-two",
        _SHIFTED,
        "np.roll(ids, -2, 0)[: B * L]",
        "The targets are two characters ahead. The next one is at one place further: shift once only.",
        "eq-seq-ar",
    ),
    Mistake(
        "shifted-the-wrong-way",
        _SHIFTED,
        "np.roll(ids, 1, 0)[: B * L]",
        "The target of each character is the one *before* it, which the state has seen already. Shift the other way.",
        "eq-seq-ar",
    ),
    Mistake(
        "targets-wrap-in-the-window",
        _RETURN,
        "targets = np.roll(inputs, -1, 1)\n    return inputs, targets",
        "The last target of each window is the window's own first character. It is the first one of the window that "
        "follows: shift the text before you cut it.",
        "eq-seq-ar",
    ),
    Mistake(
        "batch-and-time-swapped",
        _RETURN,
        "return np.swapaxes(inputs, 1, 2), np.swapaxes(targets, 1, 2)",
        "Batch and time have changed places. Here a window is time first, (T, B): its column b is a piece of stream b.",
        "sec-seq-layout",
        elsewhere={"tensorflow": (_RETURN, "return tf.transpose(inputs, (0, 2, 1)), tf.transpose(targets, (0, 2, 1))")},
    ),
    Mistake(
        "streams-read-across",
        _CUT,
        "inputs, targets = np.reshape(inputs, (n, T, B)), np.reshape(targets, (n, T, B))",
        "The shape is right but the text runs across the batch: neighbours in time are not neighbours in the text. "
        "Split each stream into windows first, then exchange the axes.",
        "sec-seq-layout",
        elsewhere={
            "pytorch": (
                _CUT_TORCH,
                "inputs, targets = torch.reshape(inputs, (n, T, B)), torch.reshape(targets, (n, T, B))",
            ),
            "tensorflow": (
                _CUT_TF,
                "inputs, targets = tf.reshape(inputs, (n, T, B)), tf.reshape(targets, (n, T, B))",
            ),
        },
    ),
    Mistake(
        "windows-side-by-side",
        _CUT,
        "inputs = np.transpose(np.reshape(inputs, (n, B, T)), (0, 2, 1))\n"
        "    targets = np.transpose(np.reshape(targets, (n, B, T)), (0, 2, 1))",
        "Windows that follow each other in the text lie side by side in one batch. Then a state that is carried on "
        "meets another piece of text: column b of window i + 1 must continue column b of window i.",
        "sec-bptt-detach",
        elsewhere={
            "pytorch": (
                _CUT_TORCH,
                "inputs = torch.permute(torch.reshape(inputs, (n, B, T)), (0, 2, 1))\n"
                "    targets = torch.permute(torch.reshape(targets, (n, B, T)), (0, 2, 1))",
            ),
            "tensorflow": (
                _CUT_TF,
                "inputs = tf.transpose(tf.reshape(inputs, (n, B, T)), (0, 2, 1))\n"
                "    targets = tf.transpose(tf.reshape(targets, (n, B, T)), (0, 2, 1))",
            ),
        },
    ),
    Mistake(
        "windows-in-reverse",
        _RETURN,
        "return np.flip(inputs, (0,)), np.flip(targets, (0,))",
        "The windows come last first, so a state that is carried on comes from the future. Keep the order of the text.",
        "sec-bptt-detach",
        elsewhere={"tensorflow": (_RETURN, "return tf.reverse(inputs, (0,)), tf.reverse(targets, (0,))")},
    ),
    Mistake(
        "windows-overlap",
        _CUT,
        "inputs = np.stack([inputs[:, i : i + T].T for i in range(n * T - T + 1)])\n"
        "    targets = np.stack([targets[:, i : i + T].T for i in range(n * T - T + 1)])",
        "A window begins at every character, so most characters are read T times and a carried state has read them "
        "already. The next window begins where this one ends.",
        "sec-bptt-detach",
        elsewhere={
            "pytorch": (
                _CUT_TORCH,
                "inputs = torch.stack([inputs[:, i : i + T].T for i in range(n * T - T + 1)])\n"
                "    targets = torch.stack([targets[:, i : i + T].T for i in range(n * T - T + 1)])",
            ),
            "tensorflow": (
                _CUT_TF,
                "inputs = tf.stack([tf.transpose(inputs[:, i : i + T]) for i in range(n * T - T + 1)])\n"
                "    targets = tf.stack([tf.transpose(targets[:, i : i + T]) for i in range(n * T - T + 1)])",
            ),
        },
    ),
)

_ADD = "np.add.at(dE, ids, dX)"
_ZEROS = "dE = np.zeros_like(E)"
_ADD_TORCH = "dE.index_put_((ids,), dX, accumulate=True)"
_ADD_TF = "dE = tf.tensor_scatter_nd_add(dE, ids[..., None], dX)"


def _added(ids: str, dX: str) -> tuple[str, dict[str, tuple[str, str] | None]]:
    """The addition with other ids or gradients, in NumPy's words and elsewhere."""
    pytorch = f"dE.index_put_(({ids},), {dX}, accumulate=True)"
    tensorflow = f"dE = tf.tensor_scatter_nd_add(dE, {ids}[..., None], {dX})"
    return f"np.add.at(dE, {ids}, {dX})", {"pytorch": (_ADD_TORCH, pytorch), "tensorflow": (_ADD_TF, tensorflow)}


_LAST = _added("ids[-1]", "dX[-1]")
_AVERAGED = _added("ids", "dX / (dX.shape[0] * dX.shape[1])")

EMBEDDING_BACKWARD = (
    Mistake(
        "assigned-not-added",
        _ADD,
        "dE[ids] += dX",
        "A row whose id occurs more than once holds the gradient of one occurrence only: with repeated indices an "
        "assignment, and NumPy's dE[ids] += dX, keep the last. They have to add up.",
        "eq-bptt-dW",
        elsewhere={
            "pytorch": (_ADD_TORCH, "dE[ids] += dX"),
            "tensorflow": (_ADD_TF, "dE = tf.tensor_scatter_nd_update(dE, ids[..., None], dX)"),
        },
    ),
    Mistake(
        "averaged-over-occurrences",
        "return dE",
        "return dE / np.maximum(np.bincount(ids.reshape(-1), minlength=len(E)), 1)[:, None].astype(E.dtype)",
        "Each row is divided by how often its id occurs. A parameter that is used several times gets the sum of what "
        "its uses contribute, not their mean.",
        "eq-bptt-dW",
        elsewhere={
            "pytorch": (
                "return dE",
                "return dE / torch.bincount(ids.reshape(-1), minlength=len(E)).clamp(min=1)[:, None].to(E.dtype)",
            ),
            "tensorflow": (
                "return dE",
                "count = tf.math.bincount(tf.cast(ids, tf.int32), minlength=E.shape[0], dtype=E.dtype)\n"
                "    return dE / tf.maximum(count, 1)[:, None]",
            ),
        },
    ),
    Mistake(
        "averaged-over-places",
        _ADD,
        _AVERAGED[0],
        "dE is divided by T·B. The mean belongs to the loss, which has passed it on in dX already; here things add up.",
        "eq-rnn-dy-mean",
        elsewhere=_AVERAGED[1],
    ),
    Mistake(
        "last-step-only",
        _ADD,
        _LAST[0],
        "Only the last step's ids get a gradient. The table is read at every step: sum over time as well.",
        "eq-bptt-dW",
        elsewhere=_LAST[1],
    ),
    Mistake(
        "id-zero-left-out",
        "return dE",
        "dE[0] = 0\n    return dE",
        "The row of id 0 gets no gradient, as if it were padding. There is none here: 0 is a character like any other.",
        "eq-bptt-dW",
        elsewhere={"tensorflow": ("return dE", "return tf.concat([tf.zeros_like(dE[:1]), dE[1:]], axis=0)")},
    ),
    Mistake(
        "batch-and-time-swapped",
        _ADD,
        "np.add.at(dE, np.reshape(ids.T, (-1,)), np.reshape(dX, (-1, dX.shape[2])))",
        "The ids are laid out sequence by sequence, the gradients step by step, so each gradient reaches the row of "
        "another character. Flatten both in the same order.",
        "eq-bptt-tall",
        elsewhere={
            "pytorch": (
                _ADD_TORCH,
                "dE.index_put_((torch.reshape(ids.T, (-1,)),), torch.reshape(dX, (-1, dX.shape[2])), accumulate=True)",
            ),
            "tensorflow": (
                _ADD_TF,
                "dE = tf.tensor_scatter_nd_add(\n"
                "        dE, tf.reshape(tf.transpose(ids), (-1, 1)), tf.reshape(dX, (-1, dX.shape[2]))\n    )",
            ),
        },
    ),
    Mistake(
        "started-from-the-table",
        _ZEROS,
        "dE = E + 0",
        "dE begins as a copy of the table, so E itself is in the gradient. Sums begin at zero.",
        "eq-bptt-dW",
    ),
    Mistake(
        "argument-changed",
        _ZEROS,
        "dE = E\n    dE[:] = 0",
        "dE is another name for the caller's E, which is overwritten. The gradient needs an array of its own.",
        elsewhere={"tensorflow": None},  # tensors cannot be changed
    ),
    Mistake(
        "double-precision",
        _ZEROS,
        "dE = np.zeros(E.shape)",
        "An array made by np.zeros is float64 whatever the inputs are. Give it their dtype, or use np.zeros_like.",
        elsewhere=HERE_ONLY,
    ),
)
