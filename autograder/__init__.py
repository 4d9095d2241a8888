"""The Unrolled course's Python package: reference networks, checks and the grader."""
