"""Other right ways to write `gru`: edits of the solutions that must keep every point."""

VARIANTS = dict.fromkeys(
    (
        "step-after",
        "step-before",
        "sequence-forward",
        "update-gate-derivative",
        "step-after-backward",
        "step-before-backward",
        "sequence-backward",
        "from-pytorch",
        "from-keras",
    ),
    (),
)
