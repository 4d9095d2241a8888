"""Chapter 5: every numbered equation of vanishing and exploding gradients, and the world it is read in."""

from __future__ import annotations

from autograder.equations.chapters import Chapter
from autograder.equations.foundations import vanishing_worlds as worlds

chapter = Chapter("book/foundations/vanishing-and-exploding-gradients.md", worlds.sequence)
chapter.read("eq-vanish-scalar", world=worlds.linear_unit)
chapter.read("eq-vanish-scalar-tanh", world=worlds.tanh_unit)
chapter.read("eq-vanish-half-life", world=worlds.decay)
chapter.read("eq-vanish-fold", world=worlds.fold)
chapter.read("eq-vanish-product", "eq-vanish-path", "eq-vanish-by-lag", "eq-vanish-step")
chapter.read("eq-vanish-lower", "eq-vanish-volume")
chapter.read("eq-vanish-power", world=worlds.linear)
chapter.read("eq-vanish-sufficient", world=worlds.sigmoid)
chapter.read("eq-vanish-absolute", world=worlds.sigmoid, over={"k": "0..t-1"})
chapter.read("eq-vanish-orthogonal", world=worlds.orthogonal)
chapter.read("eq-vanish-mask", world=worlds.masked)
chapter.read("eq-vanish-bump", "eq-vanish-bump-product", world=worlds.bump)
chapter.read("eq-vanish-leaky", world=worlds.leaky)
chapter.read("eq-vanish-eigen", "eq-vanish-diagonal", "eq-vanish-kappa", "eq-vanish-bounds", world=worlds.matrix)
chapter.tied("eq-vanish-gelfand", "226ff7bca48f", worlds.gelfand, "a limit", world=worlds.matrix)
chapter.read("eq-vanish-kreiss", world=worlds.resolvent)
chapter.read("eq-vanish-henrici", world=worlds.spectrum)
chapter.read("eq-vanish-jordan", "eq-vanish-nilpotent", world=worlds.block)
chapter.read("eq-vanish-peak", world=worlds.peak)
chapter.read("eq-vanish-alternate", world=worlds.block)
chapter.read("eq-vanish-slopes", world=worlds.slopes)
chapter.definition("eq-vanish-lyapunov", "bc123d52bafa", "a limit over a run without end, which names the exponents")
chapter.read("eq-vanish-qr", "eq-vanish-qr-product", "eq-vanish-estimate", "eq-vanish-sum", world=worlds.run)
chapter.read("eq-vanish-sandwich", world=worlds.decomposed)
chapter.read(
    "eq-vanish-global-norm", "eq-vanish-clip", "eq-vanish-clip-value", "eq-vanish-clip-descent", world=worlds.clipped
)
chapter.read("eq-vanish-fan-in", "eq-vanish-fan-out", world=worlds.draws)
chapter.read("eq-vanish-adding", world=worlds.copy_task)
chapter.read("eq-vanish-copy", world=worlds.copy_task)
