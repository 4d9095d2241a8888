"""Other right ways to write `bidirectional`: edits of the solutions that must keep every point."""

VARIANTS: dict = dict.fromkeys(
    ("reverse-by-length", "forward", "last-output", "merges", "backward", "stack-of-two"), ()
)
