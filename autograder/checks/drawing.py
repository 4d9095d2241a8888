"""Drawing problems: sizes, parameters and masks on which a wrong answer shows and a right one is well conditioned."""

import hmac
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Generator = np.random.Generator


@dataclass
class Seeds:
    """What draws are made from while grading: the course's secret, the assignment, the student and the test cell.

    Who does not know the secret cannot prepare for the numbers, and who does can repeat a grade.
    """

    secret: bytes = b""
    assignment: str = ""
    student: str = ""
    cell: str = ""
    asked: Counter[str] = field(default_factory=Counter)

    def next(self, question: str) -> int | None:
        """The seed of this question's next check in the cell; None without a secret."""
        if not self.secret:
            return None
        number = self.asked[question]
        self.asked[question] += 1
        parts = (self.assignment, question, self.student, self.cell, str(number))
        message = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
        return int.from_bytes(hmac.digest(self.secret, message, "sha256"), "big")


seeds = Seeds()


def seed_with(secret: bytes, assignment: str, student: str, cell: str = "") -> None:
    """Let every check that is given no seed draw from these, counting its questions from 0; b"" for the system's."""
    global seeds
    seeds = Seeds(secret, assignment, student, cell)


def generator(question: str, seed: int | None) -> Generator:
    """The generator for one check of a question."""
    return np.random.default_rng(seeds.next(question) if seed is None else seed)


def sizes(rng: Generator, **fixed: int) -> dict[str, int]:
    """Unequal sizes T, B, D, H, K of at least 2, so that no wrong shape fits by accident; `fixed` overrides."""
    drawn = rng.permutation(np.arange(2, 7))
    return dict(zip("TBDHK", map(int, drawn), strict=True)) | fixed


def parameters(rng: Generator, n: Mapping[str, int], scale: float = 0.8, gates: int = 1) -> dict[str, NDArray]:
    """W (D, gates·H), U (H, gates·H) and b such that pre-activations have about unit size.

    Larger ones drive every unit into saturation now and then; 1 - h² then cancels, and in float32 a right
    answer would differ from ours by more than the tolerance.
    """
    width = gates * n["H"]
    return {
        "W": scale * rng.normal(size=(n["D"], width)) / np.sqrt(n["D"]),
        "U": scale * rng.normal(size=(n["H"], width)) / np.sqrt(n["H"]),
        "b": scale / 2 * rng.normal(size=width),
    }


def gaps(rng: Generator, n: Mapping[str, int]) -> NDArray:
    """A mask (T, B) of zeros and ones with gaps, at least one of each kind where there is room for both."""
    mask = (rng.random((n["T"], n["B"])) < 0.6).astype(float)
    if mask.size > 1:
        flat = mask.reshape(-1)
        one, zero = rng.choice(mask.size, size=2, replace=False)
        flat[one], flat[zero] = 1.0, 0.0
    return mask


def lengths(rng: Generator, n: Mapping[str, int]) -> NDArray:
    """Lengths (B,) of sequences from 1 to T: one of them T and, where there is room, one shorter."""
    drawn = rng.integers(1, n["T"] + 1, size=n["B"])
    drawn[0] = n["T"]
    if n["B"] > 1 and n["T"] > 1:
        drawn[1] = rng.integers(1, n["T"])
    return rng.permutation(drawn)


def cast(values: Mapping[str, NDArray], dtype: str) -> dict[str, NDArray]:
    """Floating-point arrays in this type, others as they are."""
    return {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in values.items()}


def say(n: Mapping[str, int], letters: str, remark: str = "") -> str:
    """ "T = 3, B = 2, a mask with gaps": a problem for a learner to read."""
    text = ", ".join(f"{letter} = {n[letter]}" for letter in letters)
    return f"{text}, {remark}" if remark else text
