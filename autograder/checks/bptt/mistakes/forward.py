"""What people get wrong in carrying the derivative forward."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_INPUTS = "[x, h_prev, np.ones_like(x[:, :1])]"
_BOTH = "(immediate + P @ U) * (1 - h**2)[:, None, None, :]"
_EYE = "np.eye(len(U), dtype=U.dtype)"

INFLUENCE_STEP = (
    Mistake(
        "no-immediate-term",
        "(immediate + P @ U)",
        "(P @ U)",
        "The immediate term is missing: this step uses the parameters as well. Without it the influence, zero at the "
        "start, stays zero.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "no-past",
        "(immediate + P @ U)",
        "immediate",
        "Only this step's own use of the parameters is left. What they did to earlier states lives on in P: add P U.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "no-slope",
        " * (1 - h**2)[:, None, None, :]",
        "",
        "The slope of tanh is missing. Both terms are pre-activations' changes; the state moves 1 − h² times as much.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "slope-on-the-new-only",
        _BOTH,
        "immediate * (1 - h**2)[:, None, None, :] + P @ U",
        "The slope multiplies the immediate term alone. What comes from the past goes through this step's tanh too: "
        "P J, with J = U diag(1 − h²).",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "slope-on-the-past-only",
        _BOTH,
        "immediate + P @ U * (1 - h**2)[:, None, None, :]",
        "The slope multiplies the past alone. This step's own use of the parameters goes through the tanh as well.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "recurrent-weights-transposed",
        "P @ U)",
        "P @ U.T)",
        "U is transposed. This walk goes *forward*: a change of h_{t−1} is multiplied by U, as the state is.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "matrix-on-the-wrong-side",
        "P @ U)",
        "U @ P)",
        "U meets the index q of the parameter. It must meet the last index, that of the state which has moved: "
        "Σ_i P[p, q, i] U[i, j].",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "slope-on-the-parameter-index",
        "[:, None, None, :]",
        "[:, None, :, None]",
        "The slope stands at the index q of the parameter. It belongs to the state that moves, the last index, j.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "every-unit-moves",
        f"z[:, :, None, None] * {_EYE}",
        "z[:, :, None, None]",
        "The immediate term moves every unit. The parameter (p, q) stands in the pre-activation of unit q only: the "
        "term is zero unless q = j.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "state-that-came-out",
        _INPUTS,
        "[x, h, np.ones_like(x[:, :1])]",
        "The immediate term holds h_t, the state that comes out. U is multiplied with the one that goes in, h_{t−1}.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "state-before-the-input",
        _INPUTS,
        "[h_prev, x, np.ones_like(x[:, :1])]",
        "The rows for U stand before those for W. The order is that of z = [x, h_{t−1}, 1]: W, then U, then b.",
        "eq-bptt-influence",
    ),
    Mistake(
        "no-influence-of-the-bias",
        _INPUTS,
        "[x, h_prev, np.zeros_like(x[:, :1])]",
        "The row of the bias has no immediate term. The bias is a weight whose input is always 1.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "slope-at-the-previous-state",
        "(1 - h**2)",
        "(1 - h_prev**2)",
        "The slope is taken at the state that went in. The tanh of this step made h_t, so it is 1 − h_t².",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "slope-not-squared",
        "(1 - h**2)",
        "(1 - h)",
        "The slope of tanh in terms of its output is 1 − h², with a square; 1 − h is something else.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "old-influence-kept",
        "P_next = (",
        "P_next = P + (",
        "The old influence is kept and the new one added. All that is left of the old one is P U, already in the new.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "argument-changed",
        f"P_next = {_BOTH}",
        "P[:] = (immediate + P @ U) * (1 - h**2)[:, None, None, :]\n    P_next = P",
        "The caller's influence is overwritten.",
        elsewhere={"tensorflow": None},  # tensors cannot be changed
    ),
    Mistake(
        "double-precision",
        _EYE,
        "np.eye(len(U))",
        "np.eye makes float64 whatever the inputs are, and everything it meets becomes float64 as well. Give it a "
        "dtype.",
        elsewhere=HERE_ONLY,
    ),
)

_STEP = "h, P = influence_step(X[t], h, P, W, U, b)"
_ADD = 'gradient += np.einsum("bpqj,bj->pq", P, G[t])'

RTRL = (
    Mistake(
        "influence-reset",
        _STEP,
        "h, P = influence_step(X[t], h, 0 * P, W, U, b)",
        "The influence starts from zero at every step, so the past is a constant: the shortcut that RTRL is there to "
        "avoid. Pass on the P of the step before.",
        "sec-bptt-constant",
    ),
    Mistake(
        "influence-added-up",
        _STEP,
        "h, P = influence_step(X[t], h, P, W, U, b)[0], P + influence_step(X[t], h, P, W, U, b)[1]",
        "The influences of all steps are added up. P_t already holds every earlier use; the new one *replaces* the "
        "old.",
        "eq-bptt-rtrl",
    ),
    Mistake(
        "state-not-carried",
        "influence_step(X[t], h, P",
        "influence_step(X[t], h_0, P",
        "Every step starts from h_0. Pass on the state of the step before, as you do with the influence.",
        "eq-bptt-forward",
    ),
    Mistake(
        "initial-state-ignored",
        "h, P = h_0,",
        "h, P = 0 * h_0,",
        "The first step starts from zeros. It starts from h_0, which came in from outside.",
        "eq-bptt-forward",
    ),
    Mistake(
        "last-step-only",
        "gradient += ",
        "gradient = ",
        "Only the last step's loss is left. The gradient of the whole is the sum over the steps: add each one.",
        "eq-bptt-rtrl-gradient",
    ),
    Mistake(
        "influence-of-the-step-before",
        f"{_STEP}\n        {_ADD}",
        f"{_ADD}\n        {_STEP}",
        "G_t meets the influence of the step before. First make the step, then ask its loss: P_t belongs to h_t.",
        "eq-bptt-rtrl-gradient",
        elsewhere={
            "tensorflow": (
                f'{_STEP}\n        gradient += tf.einsum("bpqj,bj->pq", P, G[t])',
                f'gradient += tf.einsum("bpqj,bj->pq", P, G[t])\n        {_STEP}',
            )
        },
    ),
    Mistake(
        "gradient-of-the-step-before",
        "G[t])",
        "G[t - 1])",
        "P_t meets the gradient of the step before (and at the first step, by wrapping round, that of the last). It "
        "belongs with G_t.",
        "eq-bptt-rtrl-gradient",
    ),
    Mistake(
        "wrong-index-summed",
        '"bpqj,bj->pq"',
        '"bpjq,bj->pq"',
        "The sum runs over the index of the parameter. The loss feels the state, whose index is the *last* one of P.",
        "eq-bptt-rtrl-gradient",
    ),
    Mistake(
        "averaged-over-the-batch",
        "P, G[t])",
        "P, G[t]) / B",
        "The gradient is divided by the batch size. The sequences' gradients add up; whether the loss is a mean is "
        "decided in G.",
        "eq-bptt-rtrl-gradient",
    ),
    Mistake(
        "averaged-over-time",
        "P, G[t])",
        "P, G[t]) / len(X)",
        "The gradient is divided by the number of steps. The losses add up over time, and so do their gradients.",
        "eq-bptt-rtrl-gradient",
        elsewhere={"tensorflow": ("P, G[t])", "P, G[t]) / X.shape[0]")},
    ),
    Mistake(
        "first-sequence-only",
        '"bpqj,bj->pq", P, G[t]',
        '"pqj,j->pq", P[0], G[t][0]',
        "Only the first sequence of the batch is heard. Each sequence has its own influence; their gradients add up.",
        "eq-bptt-rtrl-gradient",
    ),
    Mistake(
        "rows-in-another-order",
        "return gradient[:D], gradient[D:-1], gradient[-1]",
        "return gradient[1 : D + 1], gradient[D + 1 :], gradient[0]",
        "The rows are taken apart in another order than they were put together: first the D rows of W, then the H of "
        "U, the bias last.",
        "eq-bptt-influence",
    ),
    Mistake(
        "all-losses-at-the-end",
        _ADD,
        'gradient = np.einsum("bpqj,bj->pq", P, np.sum(G[: t + 1], axis=0))',
        "All G are put to the influence of the last state. Each loss hears of the state of its own step: G_t meets "
        "P_t.",
        "eq-bptt-rtrl-gradient",
    ),
    Mistake(
        "double-precision",
        "gradient = np.zeros((D + H + 1, H), dtype=U.dtype)",
        "gradient = np.zeros((D + H + 1, H))",
        "An array made by np.zeros is float64 whatever the inputs are. Give it their dtype.",
        elsewhere=HERE_ONLY,
    ),
)
