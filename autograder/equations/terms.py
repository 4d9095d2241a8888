r"""From the items of a term, in order, to its tree: what binds tighter than what.

Juxtaposition binds tightest, then `\odot`, `\cdot`, `/` from left to right. A function without parentheses takes the
letters that follow it, up to the next sign, operator or function. A sum or product over an index takes everything that
follows in its term.
"""

from __future__ import annotations

from dataclasses import dataclass

from autograder.equations.tree import (
    Big,
    Binary,
    Call,
    Derivative,
    Differential,
    Entry,
    Group,
    Matrix,
    Number,
    Power,
    Product,
    Relations,
    Run,
    Sum,
    Symbol,
    Transpose,
    Tree,
    Tuple,
)


class UnreadableError(ValueError):
    """An equation that cannot be read, with the reason."""


@dataclass(frozen=True)
class Operator:
    sign: str


@dataclass(frozen=True)
class DotsMark:
    pass


@dataclass(frozen=True)
class FunctionMark:
    name: str
    power: Tree | None = None
    below: tuple[Tree, ...] = ()


@dataclass(frozen=True)
class BigMark:
    operator: str
    variables: tuple[str, ...]
    lower: Tree | None
    upper: Tree | None
    condition: Relations | None


@dataclass(frozen=True)
class DifferentialMark:
    kind: str


@dataclass(frozen=True)
class Bracket:
    """[i, j] after a symbol: entries."""

    items: tuple[Tree, ...]


Item = Tree | Operator | DotsMark | FunctionMark | BigMark | DifferentialMark | Bracket


def term(items: list[Item]) -> Tree:
    """The tree of a term. Raises UnreadableError where an operator lacks an operand."""
    items = _with_deltas(items)
    if isinstance(items[0], DifferentialMark):
        return _differential(items)
    if len(items) == 1 and isinstance(items[0], FunctionMark):
        return Symbol(f"\\{items[0].name}")  # a name, as in a subscript `max`
    result, place = _juxtaposed(items, 0)
    while place < len(items):
        operator = items[place]
        assert isinstance(operator, Operator)
        if place + 1 == len(items):
            raise UnreadableError(f"nothing follows {operator.sign}")
        right, place = _juxtaposed(items, place + 1)
        result = Binary(operator.sign, result, right)
    return result


def _with_deltas(items: list[Item]) -> list[Item]:
    r"""`\delta h` is one symbol."""
    merged: list[Item] = []
    for item in items:
        if merged and merged[-1] == Symbol(r"\delta") and (named := _delta_of(item)) is not None:
            merged[-1] = named
        else:
            merged.append(item)
    return merged


def _delta_of(item: Item) -> Tree | None:
    match item:
        case Symbol():
            return Symbol(rf"\delta {item.name}", item.indices, rf"\delta {item.whole}" if item.whole else "")
        case Power() if (base := _delta_of(item.base)) is not None:
            return Power(base, item.exponent)
        case Transpose() if (base := _delta_of(item.base)) is not None:
            return Transpose(base)
    return None


def _differential(items: list[Item]) -> Tree:
    r"""`\mathrm{d} C`, and in one line `\mathrm{d} C / \mathrm{d} U`."""
    slash = [i for i, item in enumerate(items) if isinstance(item, Operator) and item.sign == "/"]
    if slash and slash[0] + 1 < len(items) and isinstance(items[slash[0] + 1], DifferentialMark):
        numerator, denominator = _differential(items[: slash[0]]), _differential(items[slash[0] + 1 :])
        return fraction(numerator, denominator)
    mark = items[0]
    assert isinstance(mark, DifferentialMark)
    return Differential(mark.kind, term(items[1:]) if len(items) > 1 else None)


def fraction(numerator: Tree, denominator: Tree) -> Tree:
    if isinstance(numerator, Differential) and isinstance(denominator, Differential):
        if numerator.of is None or denominator.of is None:
            raise UnreadableError("a derivative needs a numerator and a denominator")
        return Derivative(numerator.kind, numerator.of, denominator.of)
    return Binary("/", numerator, denominator)


def _juxtaposed(items: list[Item], place: int) -> tuple[Tree, int]:
    factors: list[Tree | DotsMark] = []
    while place < len(items) and not isinstance(items[place], Operator):
        item = items[place]
        if isinstance(item, BigMark):
            if place + 1 == len(items):
                raise UnreadableError(f"nothing follows the {item.operator}")
            factors.append(_big(item, term(items[place + 1 :])))
            place = len(items)
        elif isinstance(item, FunctionMark):
            call, place = _call(items, place)
            factors.append(call)
        elif isinstance(item, Bracket):
            if not factors or isinstance(factors[-1], DotsMark):
                raise UnreadableError("indices in brackets need an array before them")
            factors[-1] = Entry(factors[-1], item.items)
            place += 1
        elif isinstance(item, DifferentialMark):
            raise UnreadableError("d or ∂ may only begin a numerator or denominator")
        else:
            assert isinstance(item, Tree | DotsMark)
            factors.append(item)
            place += 1
    if not factors:
        raise UnreadableError("an operator without something before it")
    found = with_dots(factors, "product")
    return (found[0] if len(found) == 1 else Product(tuple(found))), place


def _big(mark: BigMark, body: Tree) -> Tree:
    return Big(mark.operator, mark.variables, mark.lower, mark.upper, mark.condition, body)


def _call(items: list[Item], place: int) -> tuple[Tree, int]:
    mark = items[place]
    assert isinstance(mark, FunctionMark)
    place += 1
    if place == len(items) or isinstance(items[place], Operator):
        raise UnreadableError(f"{mark.name} has no argument")
    following = items[place]
    argument: Tree
    if isinstance(following, Group | Tuple):
        argument, place = following, place + 1
    elif isinstance(following, BigMark):
        argument, place = term(items[place:]), len(items)
    elif isinstance(following, FunctionMark):
        argument, place = _call(items, place)
    else:
        end = place
        while end < len(items) and isinstance(items[end], Tree | Bracket):
            end += 1
        if end == place:
            raise UnreadableError(f"{mark.name} has no argument")
        argument, _ = _juxtaposed(items[place:end], 0)
        place = end
    if mark.below:
        names = tuple(i.name for i in mark.below if isinstance(i, Symbol))
        if mark.name in ("max", "min") and len(names) == len(mark.below):
            return Big(mark.name, names, None, None, None, argument), place
        raise UnreadableError(f"the subscript of {mark.name} is not an index")
    arguments = argument.items if isinstance(argument, Tuple) else (argument,)
    call: Tree = Call(mark.name, arguments)
    return (Power(call, mark.power) if mark.power is not None else call), place


def with_dots(members: list[Tree | DotsMark], operator: str) -> list[Tree]:
    """Put `first second … last` together into a Run, where dots stand."""
    result: list[Tree] = []
    place = 0
    while place < len(members):
        member = members[place]
        if not isinstance(member, DotsMark):
            result.append(member)
            place += 1
            continue
        last = members[place + 1] if place + 1 < len(members) else None
        if not result or not isinstance(last, Tree):
            raise UnreadableError("dots need a member before them and one after them")
        first, second = result.pop(), None
        if result and alike(result[-1], last):
            first, second = result.pop(), first
        if not alike(first, last) or (second is not None and not alike(second, last)):
            raise UnreadableError("the members before and after the dots differ in more than an index")
        result.append(Run(operator, first, second, last))
        place += 2
    return result


def alike(one: Tree, other: Tree) -> bool:
    """Whether two members of a run differ only in what stands in subscripts and exponents."""
    match one, other:
        case Symbol(), Symbol():
            return one.name == other.name and len(one.indices) == len(other.indices)
        case Transpose(), Transpose():
            return alike(one.base, other.base)
        case Group(), Group():
            return alike(one.body, other.body)
        case Power(), Power():
            return alike(one.base, other.base)
        case Number(), (Number() | Symbol()):
            return True
        case Product(), Product():
            pairs = zip(one.factors, other.factors, strict=False)
            return len(one.factors) == len(other.factors) and all(alike(a, b) for a, b in pairs)
        case Derivative(), Derivative():
            return alike(one.numerator, other.numerator) and alike(one.denominator, other.denominator)
    return type(one) is type(other) and not isinstance(one, Sum | Matrix)
