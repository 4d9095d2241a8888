"""Whose name is it? What the teacher's cells define is the teacher's; what else they use is borrowed from the learner.

The examiner binds borrowed names, and no others, to handles on the learner's objects: a learner who defines `np` or
`check` anew changes nothing for the tests.
"""

import ast
import builtins
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager

_BUILTINS = frozenset(dir(builtins)) | {"get_ipython", "display", "In", "Out", "_"}


class Ownership:
    """Follows the teacher's cells in their order."""

    def __init__(self) -> None:
        self._defined: set[str] = set()
        self._used: set[str] = set()

    def before(self, source: str) -> list[str]:
        """The names to borrow before the teacher's cell `source` runs, sorted.

        A function of an earlier cell looks its names up when it is called: what those cells use counts as well.
        """
        defined = set(self._defined)
        for used, made in _statements(source):
            self._used |= used - defined
            defined |= made
        return sorted(self._used - self._defined - _BUILTINS)

    def after(self, names: Iterable[str]) -> None:
        """A cell has run, and these are the names that the examiner's kernel now has of its own.

        The kernel is asked, since the text would not tell: `from x import *`, `global`, `exec` and magics define too.
        """
        self._defined |= set(names)


def played(sources: Sequence[str], tests: Sequence[str]) -> list[bool]:
    """For each of the teacher's ordinary cells, whether it only tries the learner's code out.

    Such a cell uses what is borrowed, and nothing that it defines is used by another of the teacher's cells: the tests
    do without it. All cells are counted as earlier than all tests.
    """
    ownership = Ownership()
    borrowing = []
    for source in sources:
        known = set(ownership.before(source))
        borrowing.append(bool(known & {name for used, _ in _statements(source) for name in used}))
        ownership.after(defined(source))
    needed = {name for test in tests for used, _ in _statements(test) for name in used}
    only = [False] * len(sources)
    for place in reversed(range(len(sources))):
        body = _statements(sources[place])
        only[place] = borrowing[place] and not needed & {name for _, made in body for name in made}
        if not only[place]:
            needed |= {name for used, _ in body for name in used}
    return only


@lru_cache(maxsize=512)
def _statements(source: str) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """For each statement of a cell, the names that it uses and those that it defines. A class has one set of cells."""
    try:
        body = ast.parse(TransformerManager().transform_cell(source)).body
    except SyntaxError:
        return ()  # the cell itself will say so when it runs
    return tuple((_used(statement), _defined(statement)) for statement in body)


def defined(source: str) -> set[str]:
    """The names that a cell defines at its top level, as far as its text says."""
    return {name for _, made in _statements(source) for name in made}


def _used(statement: ast.stmt) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _defined(statement: ast.stmt) -> frozenset[str]:
    return frozenset(name for node in _top_level(statement) for name in _names(node))


def _top_level(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes whose names land in the module, so none inside of a function, class, lambda or comprehension."""
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    comprehensions = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    yield tree
    if not isinstance(tree, inner + comprehensions):
        for node in ast.iter_child_nodes(tree):
            yield from _top_level(node)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).split(".")[0]
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name
