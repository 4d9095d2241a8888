"""What an equation is once it has been read: a tree of small frozen records."""

from __future__ import annotations

from dataclasses import dataclass


class Tree:
    """Anything that has a value in a world."""


@dataclass(frozen=True)
class Number(Tree):
    value: float


@dataclass(frozen=True)
class Symbol(Tree):
    r"""A letter with its accents: `name` is `\delta h`, `\dot h`, `\mathcal{L}`; `indices` are its subscripts.

    `whole` is the name with the subscript as printed (`k_1`, `b_y`), for symbols whose subscript is no index.
    """

    name: str
    indices: tuple[Tree, ...] = ()
    whole: str = ""


@dataclass(frozen=True)
class Entry(Tree):
    """J_t[i, j]: entries of an array, indices in brackets."""

    array: Tree
    indices: tuple[Tree, ...]


@dataclass(frozen=True)
class Sum(Tree):
    """Terms with their signs, +1 or -1."""

    terms: tuple[tuple[int, Tree], ...]


@dataclass(frozen=True)
class Product(Tree):
    """Factors side by side: matrix product, product with a number, or a function and its argument."""

    factors: tuple[Tree, ...]


@dataclass(frozen=True)
class Binary(Tree):
    r"""Two operands and `\odot`, `\cdot`, `/`, …"""

    operator: str
    left: Tree
    right: Tree


@dataclass(frozen=True)
class Power(Tree):
    base: Tree
    exponent: Tree


@dataclass(frozen=True)
class Transpose(Tree):
    base: Tree


@dataclass(frozen=True)
class Call(Tree):
    r"""A function of the grammar (`tanh`, `log`, `operatorname{diag}` …) and its arguments."""

    function: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True)
class Big(Tree):
    r"""`sum`, `prod`, `max` or `min` over an index: from `lower` to `upper`, or over its range under a condition."""

    operator: str
    variables: tuple[str, ...]
    lower: Tree | None
    upper: Tree | None
    condition: Relations | None
    body: Tree


@dataclass(frozen=True)
class Run(Tree):
    r"""`J_{k+1} J_{k+2} \cdots J_t`, or the same with plus signs: first, perhaps second, and last member."""

    operator: str
    first: Tree
    second: Tree | None
    last: Tree


@dataclass(frozen=True)
class Differential(Tree):
    r"""`\mathrm{d} C` or `\partial^{+} h_t`, the two halves of a derivative."""

    kind: str
    of: Tree | None


@dataclass(frozen=True)
class Derivative(Tree):
    r"""`kind` is `total` (d), `immediate` (∂⁺) or `partial` (a plain ∂)."""

    kind: str
    numerator: Tree
    denominator: Tree


@dataclass(frozen=True)
class Norm(Tree):
    body: Tree
    which: str = ""


@dataclass(frozen=True)
class Group(Tree):
    """Something in parentheses or brackets; an argument, if a function stands before it."""

    body: Tree


@dataclass(frozen=True)
class Tuple(Tree):
    """Several things in parentheses, with commas between: a shape, a row of numbers, arguments."""

    items: tuple[Tree, ...]


@dataclass(frozen=True)
class Matrix(Tree):
    rows: tuple[tuple[Tree, ...], ...]


@dataclass(frozen=True)
class Relations(Tree):
    """a = b ≤ c: `sides` has one more member than `signs`. With no sign it is an expression that stands alone."""

    sides: tuple[Tree, ...]
    signs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Braced(Tree):
    """What stands over a brace, and what is said below it: `shapes`, `equals`; words are not kept."""

    body: Tree
    shapes: tuple[Tree, ...] = ()
    equals: tuple[Tree, ...] = ()


@dataclass(frozen=True)
class Statements(Tree):
    """All statements of an equation in order, the words between them dropped."""

    parts: tuple[Relations, ...]
    words: tuple[str, ...] = ()
