"""Chapter 2: every numbered equation of gradient checking, and the world it is read in."""

from __future__ import annotations

from autograder.equations.chapters import Chapter
from autograder.equations.foundations import gradient_checking_worlds as worlds

chapter = Chapter("book/foundations/gradient-checking.md", worlds.network)

# the network, its gradient, and a direction
chapter.read("eq-check-cell", "eq-check-loss", "eq-check-count")
chapter.read("eq-check-pairing", "eq-check-seen", world=worlds.direction)

# differences and the complex step, with their remainders
chapter.read("eq-check-taylor", "eq-check-forward", world=worlds.smooth_twice)
chapter.read("eq-check-taylor-both", "eq-check-subtracted", "eq-check-central", "eq-check-complex", world=worlds.smooth)
chapter.read("eq-check-product", "eq-check-conj", world=worlds.numbers)
chapter.read("eq-check-sigmoid", world=worlds.logistic)

# truncation against rounding
chapter.read("eq-check-model", "eq-check-model-slope", "eq-check-best", "eq-check-best-error", world=worlds.rounding)
chapter.read("eq-check-forward-model", "eq-check-forward-best", world=worlds.rounding)

# comparing
chapter.read("eq-check-relative", "eq-check-relative-bound", world=worlds.comparison)
chapter.read("eq-check-factor", world=worlds.factor)
chapter.read("eq-check-kink", world=worlds.kink)

# automatic differentiation
chapter.read("eq-check-forward-mode", "eq-check-backward-states", "eq-check-backward-parameters")
chapter.read("eq-check-adjoint", "eq-check-matmul", world=worlds.product)
chapter.read("eq-check-mask", world=worlds.blended)
chapter.read("eq-check-mask-backward", world=worlds.masked)
