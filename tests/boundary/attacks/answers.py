"""Wrong answers to the questions of the attacked assignments, and what each question is worth."""

POINTS: dict[str, dict[str, float]] = {
    "tricks": {
        "step-forward": 2,
        "softsign": 1,
        "moving-average": 3,
        "half-life": 1,
        "scale-rows": 2,
        "is-stable": 1,
    },
    "vanilla": {
        "step-forward": 2,
        "sequence-forward": 3,
        "softsign-derivative": 1,
        "step-backward": 4,
        "sequence-backward": 5,
        "softmax-loss": 3,
    },
    "lstm": {"step-forward": 2, "sequence-forward": 3},
}

WRONG: dict[str, dict[str, str]] = {
    "tricks": {
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    return 0 * h_prev",
        "softsign": "def softsign_derivative(h):\n    return 0 * h",
        "moving-average": "def moving_average(x, decay):\n    return 0 * x",
        "half-life": "half_life = 42.0",
        "scale-rows": "def scale_rows(A, factors):\n    return 0 * A",
        "is-stable": "def is_stable(U):\n    return False",
    },
}
