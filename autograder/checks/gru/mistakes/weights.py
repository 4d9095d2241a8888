"""What people get wrong in loading another framework's weights."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_SUM = "np.concatenate([bias_ih[: 2 * H] + bias_hh[: 2 * H], bias_ih[2 * H :]], axis=0)"
_INNER = "c_n = bias_hh[2 * H :]"

MERGED = (
    "b_n holds both biases of the candidate, and c_n none. Between the two stands the reset gate: b_n + r ⊙ c_n is not"
    " one bias, unless r never changes."
)
APART = (
    "The two biases are kept apart, all of them. In r and z only their sum counts, so add them; c_n (H,) is the "
    "candidate's alone."
)
TWICE = "The candidate's second bias is counted twice: once added to b_n, once as c_n. It is c_n alone."
SWAPPED = (
    "b_n and c_n are exchanged. The bias beside the *state's* product is the one that the reset gate multiplies: c_n."
)
FLIPPED = "The update gate's block is negated. That is for libraries whose z updates; this one's z keeps, as ours does."
_DOUBLE = "An array made by np.zeros is float64 whatever the weights are. Give it their dtype."
_SQUARE = (
    "A reshape is no transpose: it fills the new shape row by row, and mixes the units. The shape fits, the weights "
    "do not."
)

FROM_PYTORCH = (
    Mistake(
        "not-transposed",
        "W = weight_ih.T\n    U = weight_hh.T",
        "W = weight_ih\n    U = weight_hh",
        "W and U are not transposed. PyTorch writes columns, W_ih xᵀ; rows want x W with W = W_ihᵀ.",
        "eq-port-columns",
    ),
    Mistake(
        "input-weights-reshaped",
        "weight_ih.T",
        "weight_ih.reshape(-1, 3 * H)",
        _SQUARE,
        "eq-port-columns",
        elsewhere={"tensorflow": ("tf.transpose(weight_ih)", "tf.reshape(weight_ih, (-1, 3 * H))")},
    ),
    Mistake(
        "recurrent-weights-reshaped",
        "weight_hh.T",
        "weight_hh.reshape(H, 3 * H)",
        _SQUARE,
        "eq-port-columns",
        elsewhere={"tensorflow": ("tf.transpose(weight_hh)", "tf.reshape(weight_hh, (H, 3 * H))")},
    ),
    Mistake(
        "square-blocks-not-transposed",
        "U = weight_hh.T",
        "U = np.concatenate(np.split(weight_hh, 3, axis=0), axis=1)",
        "The blocks of weight_hh stand side by side, but each is still PyTorch's. They are square, so no shape "
        "complains: transpose each.",
        "eq-port-columns",
    ),
    Mistake(
        "candidate-biases-merged",
        f"b = {_SUM}\n    {_INNER}",
        "b = bias_ih + bias_hh\n    c_n = 0 * bias_hh[2 * H :]",
        MERGED,
        "eq-port-n",
    ),
    Mistake("candidate-bias-twice", f"b = {_SUM}", "b = bias_ih + bias_hh", TWICE, "eq-port-n"),
    Mistake(
        "second-bias-lost",
        f"b = {_SUM}",
        "b = bias_ih",
        "Of the gates' two biases one is lost. In r and z nothing stands between them: b_r and b_z are their sums.",
        "eq-port-n",
    ),
    Mistake(
        "first-bias-lost",
        f"b = {_SUM}",
        "b = bias_hh",
        "b is bias_hh alone. In r and z the two biases add up; the candidate's b_n is that of bias_ih.",
        "eq-port-n",
    ),
    Mistake(
        "biases-kept-apart",
        f"b = {_SUM}\n    {_INNER}",
        "b = bias_ih\n    c_n = bias_hh",
        APART,
        "eq-port-n",
    ),
    Mistake(
        "candidate-biases-exchanged",
        f"bias_ih[2 * H :]], axis=0)\n    {_INNER}",
        "bias_hh[2 * H :]], axis=0)\n    c_n = bias_ih[2 * H :]",
        SWAPPED,
        "eq-port-n",
    ),
    Mistake(
        "inner-bias-of-another-gate",
        _INNER,
        "c_n = bias_hh[:H]",
        "c_n is taken from the first block, which is that of r. The blocks are r, z, n: the candidate's is the last.",
        "eq-port-n",
    ),
    Mistake(
        "gates-reordered",
        "return W, U, b, c_n",
        "z_first = [*range(H, 2 * H), *range(H), *range(2 * H, 3 * H)]\n    "
        "return W[:, z_first], U[:, z_first], b[z_first], c_n",
        "r and z have changed places. PyTorch's blocks stand in the order r, z, n already; Keras's do not.",
        "eq-port-permuted",
        elsewhere={
            "tensorflow": (
                "return W, U, b, c_n",
                "z_first = [*range(H, 2 * H), *range(H), *range(2 * H, 3 * H)]\n    "
                "return tf.gather(W, z_first, axis=1), tf.gather(U, z_first, axis=1), tf.gather(b, z_first), c_n",
            )
        },
    ),
    Mistake(
        "argument-changed",
        f"b = {_SUM}",
        "b = bias_ih\n    b[: 2 * H] += bias_hh[: 2 * H]",
        "b is bias_ih itself, and += writes into it.",
        "eq-port-n",
        elsewhere={"tensorflow": None},  # tensors cannot be changed there
    ),
    Mistake(
        "double-precision",
        f"b = {_SUM}",
        "b = np.zeros(3 * H)\n    b += bias_ih\n    b[: 2 * H] += bias_hh[: 2 * H]",
        _DOUBLE,
        elsewhere=HERE_ONLY,
    ),
)

_B = "b = np.concatenate([b_r + c_r, b_z + c_z, b_n], axis=0)"
_RETURN = "return W, U, b, c_n"

FROM_KERAS = (
    Mistake(
        "order-kept",
        "W = np.concatenate([W_r, W_z, W_n], axis=1)\n    U = np.concatenate([U_r, U_z, U_n], axis=1)\n    "
        "b = np.concatenate([b_r + c_r, b_z + c_z, b_n], axis=0)",
        "W = kernel\n    U = recurrent_kernel\n    b = np.concatenate([b_z + c_z, b_r + c_r, b_n], axis=0)",
        "The blocks are left in Keras's order, z, r, n. Every shape fits, and the network resets where it should keep: "
        "ours are r, z, n.",
        "eq-port-permuted",
    ),
    Mistake(
        "bias-order-kept",
        "[b_r + c_r, b_z + c_z, b_n]",
        "[b_z + c_z, b_r + c_r, b_n]",
        "The kernels are reordered and the bias is not. Its blocks stand in the order z, r, n like theirs.",
        "eq-port-hat",
    ),
    Mistake(
        "recurrent-order-kept",
        "[U_r, U_z, U_n]",
        "[U_z, U_r, U_n]",
        "The recurrent kernel's blocks are left in the order z, r, n, the kernel's are not. All that has gate blocks "
        "moves.",
        "eq-port-hat",
    ),
    Mistake(
        "candidate-biases-merged",
        "b_z + c_z, b_n], axis=0)",
        "b_z + c_z, b_n + c_n], axis=0)\n    c_n = 0 * c_n",
        MERGED,
        "eq-port-n",
    ),
    Mistake("candidate-bias-twice", "b_z + c_z, b_n]", "b_z + c_z, b_n + c_n]", TWICE, "eq-port-n"),
    Mistake(
        "second-row-lost",
        "[b_r + c_r, b_z + c_z, b_n]",
        "[b_r, b_z, b_n]",
        "Of the gates' two biases one is lost. In r and z nothing stands between them: b_r and b_z are sums of both "
        "rows.",
        "eq-port-n",
    ),
    Mistake(
        "biases-kept-apart",
        "[b_r + c_r, b_z + c_z, b_n], axis=0)",
        "[b_r, b_z, b_n], axis=0)\n    c_n = np.concatenate([c_r, c_z, c_n], axis=0)",
        APART,
        "eq-port-n",
    ),
    Mistake(
        "rows-exchanged",
        "b_z + c_z, b_n], axis=0)",
        "b_z + c_z, c_n], axis=0)\n    c_n = b_n",
        SWAPPED,
        "eq-port-n",
    ),
    Mistake(
        "inner-bias-of-another-gate",
        _RETURN,
        "return W, U, b, c_z",
        "c_n is taken from the first block, which is that of z. The blocks are z, r, n: the candidate's is the last.",
        "eq-port-n",
    ),
    Mistake(
        "update-gate-negated",
        _B,
        "W_z, U_z, b_z, c_z = -W_z, -U_z, -b_z, -c_z\n    W = np.concatenate([W_r, W_z, W_n], axis=1)\n    "
        "U = np.concatenate([U_r, U_z, U_n], axis=1)\n    " + _B,
        FLIPPED,
        "eq-port-share",
    ),
    Mistake(
        "transposed",
        _RETURN,
        "return W.T, U.T, b, c_n",
        "W and U are transposed. Keras multiplies rows as we do, x @ kernel: nothing is to be turned round.",
        "eq-port-columns",
    ),
    Mistake(
        "double-precision",
        _B,
        _B + "\n    b = b + np.zeros(len(b))",
        _DOUBLE,
        elsewhere=HERE_ONLY,
    ),
)
