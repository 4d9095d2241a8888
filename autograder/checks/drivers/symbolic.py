"""Formulas as answers: a SymPy expression, or a function that returns one, does the work of what it stands for.

An expression cannot be sent to another process as a number can, so the drivers evaluate it, beside the learner's code.
Nothing here imports SymPy: where the learner has not, there is no expression. Texts are never evaluated: SymPy's
`sympify` of a text is Python's `eval`.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.checks.drivers import Unsuitable

Symbols = Sequence[Sequence[str]]
"""For each argument of a task the symbols that stand for it: one, or one for each of its blocks along the last axis."""


def is_formula(value: object) -> bool:
    """Whether a value is a SymPy expression, or a matrix of them."""
    sympy: Any = sys.modules.get("sympy")
    return sympy is not None and isinstance(value, (sympy.Basic, sympy.MatrixBase)) and not isinstance(value, type)


def as_function(answer: Any, symbols: Symbols, arrays: Sequence[NDArray]) -> Callable[..., object]:
    """`answer` itself, or, where the task has symbols for its arguments, one whose formulas give numbers.

    Calling it raises Unsuitable for a text, and for an expression in other symbols.
    """
    if not symbols:
        return answer

    def evaluated(*arguments: Any) -> object:
        if not callable(answer) and not is_formula(answer):
            raise Unsuitable(f"a function, or a SymPy expression in {_listed(symbols)}; got a {type(answer).__name__}")
        value = answer if is_formula(answer) else answer(*arguments)
        if isinstance(value, str):
            raise Unsuitable(
                f"numbers, or a SymPy expression in {_listed(symbols)}; a formula in quotes is a text, and is not read"
            )
        several = isinstance(value, (tuple, list)) and any(map(is_formula, value))
        return numbers(value, symbols, arrays) if several or is_formula(value) else value

    return evaluated


def numbers(formula: Any, symbols: Symbols, arrays: Sequence[NDArray]) -> NDArray:
    """The formula's numbers at the arrays, in their type; several formulas side by side along the last axis.

    Raises Unsuitable for symbols that are none of the arguments, and for what no number comes out of.
    """
    sympy: Any = sys.modules["sympy"]
    values: dict[str, NDArray] = {}
    for names, array in zip(symbols, arrays, strict=True):
        blocks = np.split(array.astype("float64"), len(names), axis=-1) if len(names) > 1 else [array.astype("float64")]
        values |= dict(zip(names, blocks, strict=True))
    if isinstance(formula, sympy.Lambda):
        own = [sympy.Symbol(name) for name in values]
        fits = len(formula.variables) == len(own)
        formula = formula.expr.xreplace(dict(zip(formula.variables, own, strict=True))) if fits else formula.expr
    several = isinstance(formula, (tuple, list, sympy.MatrixBase, sympy.Tuple))
    found = [_evaluated(sympy, part, values, symbols) for part in (list(formula) if several else [formula])]
    return np.concatenate(found, axis=-1).astype(arrays[0].dtype) if several else found[0].astype(arrays[0].dtype)


def _evaluated(sympy: Any, expression: Any, values: dict[str, NDArray], symbols: Symbols) -> NDArray:
    shape = next(iter(values.values())).shape
    if not isinstance(expression, sympy.Basic):
        try:
            return np.broadcast_to(np.asarray(expression, dtype="float64"), shape)
        except (TypeError, ValueError):
            raise Unsuitable(
                f"a SymPy expression in {_listed(symbols)}; one of yours is a {type(expression).__name__}"
            ) from None
    expression = expression.doit()
    strange = {s.name if hasattr(s, "name") else str(s) for s in expression.free_symbols} - set(values)
    strange |= {str(f.func) for f in expression.atoms(sympy.core.function.AppliedUndef)}
    if strange:
        raise Unsuitable(f"an expression in {_listed(symbols)}; yours also has {', '.join(sorted(strange))}")
    # Symbols of one name with other assumptions are other symbols to SymPy; here the name decides.
    own = {name: sympy.Symbol(name) for name in values}
    expression = expression.xreplace({s: own[s.name] for s in expression.free_symbols})
    try:
        function = sympy.lambdify([own[name] for name in values], expression, modules="numpy")
        with np.errstate(all="ignore"):
            result = np.asarray(function(*values.values()))
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        raise Unsuitable(f"an expression that numbers can be put into; for yours NumPy says: {error}") from None
    if result.dtype.kind == "c" and not np.abs(result.imag).max(initial=0.0):
        result = result.real
    if result.dtype.kind not in "fiub":
        raise Unsuitable("an expression whose values are real numbers; declare the symbols with real=True")
    return np.broadcast_to(result.astype("float64"), shape)


def _listed(symbols: Symbols) -> str:
    names = [name for group in symbols for name in group]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
