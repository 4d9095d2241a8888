"""Other right ways to write `bptt`: edits of the solutions that must keep every point."""

VARIANTS = dict.fromkeys(
    (
        "recursion",
        "parameter-gradients",
        "leaky-jacobian",
        "norms-by-lag",
        "by-chunks",
        "truncated",
        "clip-by-global-norm",
        "influence-step",
        "rtrl",
    ),
    (),
)
