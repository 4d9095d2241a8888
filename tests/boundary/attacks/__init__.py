"""Hostile submissions: what people might hand in to be paid for nothing, or to do harm; each an entry of `ATTACKS`.

A module a theme. Nothing here grades: `class_of_attackers` hands everything in as one class, `canaries` sets out what
an attack would like to reach and sees afterwards whether it did. Attacks act only on what these two have made.
"""

import importlib

from attacks.corpus import ATTACKS, Attack

THEMES = (
    "forged_scores",
    "forged_wire",
    "stolen_values",
    "patched_libraries",
    "kernel_and_hooks",
    "files",
    "processes",
    "resources",
    "network",
    "notebook_metadata",
    "output_and_display",
    "forbidden_layers",
    "detection",
    "hidden_tests",
    "sly_answers",
)

for _theme in THEMES:
    importlib.import_module(f"attacks.{_theme}")

__all__ = ["ATTACKS", "THEMES", "Attack"]
