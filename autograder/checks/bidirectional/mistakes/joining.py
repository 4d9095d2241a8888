"""What people get wrong in taking the last output, and in merging two states."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_JOINED = "return np.concatenate([forward, backward], axis=-1)"

LAST_OUTPUT = (
    Mistake(
        "end-of-the-array",
        _JOINED,
        "return H[-1]",
        "This is out[-1]: padding for a short sequence, and for a full one a backward half that has read one item. "
        "Which states have read everything?",
        "eq-bi-last",
    ),
    Mistake(
        "both-halves-at-the-last-item",
        "H[0][:, width:]",
        "H_end[:, width:]",
        "At the last item the backward half has only just begun. It has read everything at the *first* step.",
        "eq-bi-last",
    ),
    Mistake(
        "both-halves-at-the-first-item",
        "H_end[:, :width]",
        "H[0][:, :width]",
        "At the first step the forward half has read one item. It has read everything at the last one, which differs "
        "from sequence to sequence.",
        "eq-bi-last",
    ),
    Mistake(
        "forward-half-at-the-end-of-the-array",
        "H_end[:, :width]",
        "H[-1][:, :width]",
        "The forward half's state is taken at step T, which is padding for a short sequence. Its last item is at "
        "ℓ − 1, counting from 0.",
        "eq-bi-last",
    ),
    Mistake(
        "halves-exchanged",
        "[forward, backward]",
        "[backward, forward]",
        "The two states are the right ones, joined in the other order. The forward half's comes first.",
        "eq-bi-last",
    ),
    Mistake(
        "columns-of-the-other-half",
        "forward = H_end[:, :width]\n    backward = H[0][:, width:]",
        "forward = H_end[:, width:]\n    backward = H[0][:, :width]",
        "The columns are exchanged: the first H belong to the forward half, the others to the backward half. Both "
        "states you took have read a single item.",
        "eq-bi-concat",
    ),
    Mistake(
        "summed-not-joined",
        "np.concatenate([forward, backward], axis=-1)",
        "forward + backward",
        "The two states are added. Join them: 2H wide.",
        "eq-bi-last",
    ),
    Mistake(
        "averaged-over-time",
        _JOINED,
        "return H.mean(axis=0)",
        "This is a mean over all T steps. Asked for are two states: the forward half's at the last item, the backward "
        "half's at the first.",
        "eq-bi-last",
        elsewhere={
            "tensorflow": ("return tf.concat([forward, backward], axis=-1)", "return tf.reduce_mean(H, axis=0)"),
        },
    ),
    Mistake(
        "one-length-for-all",
        "H[lengths - 1, ",
        "H[0 * lengths + lengths[0] - 1, ",
        "The forward half is read at the first sequence's last item for the whole batch. Each sequence has its own "
        "length.",
        "eq-bi-last",
        elsewhere={"tensorflow": ("[lengths - 1, ", "[0 * lengths + lengths[0] - 1, ")},
    ),
)

_F = "dH_f = G_sum + G_average / 2 + G_product * H_b\n    "
_B = "dH_b = G_sum + G_average / 2 + G_product * H_f"

MERGES = (
    Mistake(
        "average-not-halved",
        "average = total / 2",
        "average = 1 * total",
        "The average is the sum once more. Divide it by two, the number of halves.",
        "eq-bi-average",
    ),
    Mistake(
        "half-of-one-state",
        "average = total / 2",
        "average = H_f + H_b / 2",
        "Only the backward half's state is halved. The average is half of the whole sum: a matter of parentheses.",
        "eq-bi-average",
    ),
    Mistake(
        "difference-for-sum",
        "total = H_f + H_b",
        "total = H_f - H_b",
        "The backward half's state is subtracted. The sum adds the two states.",
        "eq-bi-sum",
    ),
    Mistake(
        "product-weighted-by-itself",
        _F + _B,
        "dH_f = G_sum + G_average / 2 + G_product * H_f\n    dH_b = G_sum + G_average / 2 + G_product * H_b",
        "In the product each state is weighted by its *partner*: what multiplies the forward state, forward, is the "
        "backward one. So it is the partner that stands in the gradient.",
        "eq-bi-product",
    ),
    Mistake(
        "product-as-a-sum",
        _F + _B,
        "dH_f = G_sum + G_average / 2 + G_product\n    dH_b = G_sum + G_average / 2 + G_product",
        "The product's gradient is passed on as if it were a sum. Differentiate H_f ⊙ H_b by one of them: the other "
        "remains as a factor.",
        "eq-bi-product",
    ),
    Mistake(
        "product-weighted-by-itself-and-its-partner",
        _F + _B,
        "dH_f = G_sum + G_average / 2 + G_product * H_f * H_b\n"
        "    dH_b = G_sum + G_average / 2 + G_product * H_f * H_b",
        "The product's gradient is multiplied by the product itself. Differentiated by one state, that state is gone "
        "and its partner remains.",
        "eq-bi-product",
    ),
    Mistake(
        "gradient-of-the-average-not-halved",
        _F + _B,
        "dH_f = G_sum + G_average + G_product * H_b\n    dH_b = G_sum + G_average + G_product * H_f",
        "The average's gradient is passed on whole. Each state is used in it with weight ½, forward and therefore "
        "backward.",
        "eq-bi-average",
    ),
    Mistake(
        "gradient-of-the-sum-shared-out",
        _F + _B,
        "dH_f = G_sum / 2 + G_average / 2 + G_product * H_b\n    dH_b = G_sum / 2 + G_average / 2 + G_product * H_f",
        "The sum's gradient is divided between the halves. Nothing is shared out: each state is used with weight 1, "
        "and each gets all of it.",
        "eq-bi-sum",
    ),
    Mistake(
        "one-gradient-for-both",
        _B,
        "dH_b = dH_f",
        "Both halves are sent the forward half's gradient. For the product they differ: each is weighted by the "
        "other's state.",
        "eq-bi-product",
    ),
    Mistake(
        "users-not-added",
        _F + _B,
        "dH_f = G_product * H_b\n    dH_b = G_product * H_f",
        "Only the product's gradient arrives. Each state has three users here, and what they send back adds up.",
        "eq-bi-sum",
    ),
    Mistake(
        "backward-half-left-out",
        _B,
        "dH_b = 0 * G_sum",
        "Nothing is sent back to the backward half: it would never learn. It stands in all three merges.",
        "eq-bi-product",
    ),
    Mistake(
        "argument-changed",
        _F + _B,
        "G_sum += G_average / 2\n    dH_f = G_sum + G_product * H_b\n    dH_b = G_sum + G_product * H_f",
        "The average's share is added into G_sum itself, which is the caller's.",
        "eq-bi-sum",
        elsewhere=HERE_ONLY,
    ),
)
