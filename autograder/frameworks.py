"""Which frameworks are there; a chapter runs on what is installed.

An extension of IPython, the first cell of every chapter:

    %load_ext autograder.frameworks

It prints the versions that it finds, and where nothing is missing it does nothing else.
Where PyTorch or TensorFlow is missing, it leaves out of every cell the statements that
need it, directly or by a name that such a statement would have made, says so in one
line, and runs the rest. So comparisons compare what is there. ONNX, which one chapter
needs, is missed in silence until a cell needs it.

What is left out is decided from the text of a cell, statement by statement, before the
cell runs; nothing is put in place of what is missing, and no error is caught.
"""

from __future__ import annotations

import ast
import importlib.util
import symtable
from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import Any

FRAMEWORKS = {"PyTorch": "torch", "TensorFlow": "tensorflow"}
# What few chapters need, by all of its modules: a reader hears of it only where it is missed.
OPTIONAL = {"ONNX": ("onnx", "onnxruntime")}
# What else cannot be imported without them.
NEED = {
    "torch": "PyTorch",
    "tensorflow": "TensorFlow",
    "keras": "TensorFlow",
    "autograder.recurrent.pytorch": "PyTorch",
    "autograder.recurrent.tensorflow": "TensorFlow",
    "autograder.recurrent.differences.pytorch": "PyTorch",
    "autograder.recurrent.differences.keras": "TensorFlow",
    "autograder.recurrent.differences.onnx_runtime": "ONNX",
    "autograder.recurrent.porting.onnx_model": "ONNX",
    "autograder.recurrent.porting.from_onnx_model": "ONNX",
    "onnx": "ONNX",
    "onnxruntime": "ONNX",
}


def is_installed(module: str) -> bool:
    """True if a module of this name can be found; it is not imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def version(module: str) -> str:
    """Return the version of an installed module, "" if its maker did not say.

    A package may be called otherwise than its module: TensorFlow for CPUs is `tensorflow-cpu`.
    """
    for package in (module, *metadata.packages_distributions().get(module, [])):
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return ""


class LeaveOut(ast.NodeTransformer):
    """Leaves out of each cell what needs a framework that is not installed.

    `absent` holds the names that are not there for this reason, and the frameworks that
    each would need. It grows and shrinks from cell to cell: a statement that is left out
    adds the names it would have bound, a statement that runs removes those it binds. A list
    that would have grown is not complete, and counts as absent; a dictionary lacks an entry.
    """

    def __init__(self, missing: Iterable[str]) -> None:
        self.missing = frozenset(missing)
        self.absent: dict[str, frozenset[str]] = {}

    def visit_Module(self, cell: ast.Module) -> ast.Module:
        self.left_out: list[ast.stmt] = []
        self.because: set[str] = set()
        total = len(cell.body)
        cell.body = self.kept(cell.body)
        if self.left_out:
            names = " and ".join(sorted(self.because))
            verb = "is" if len(self.because) == 1 else "are"
            what = self.lines() if cell.body or total > len(self.left_out) else "this cell is left out"
            cell.body.insert(0, ast.parse(f"print({f'{names} {verb} not installed: {what}.'!r})").body[0])
        return ast.fix_missing_locations(cell)

    def lines(self) -> str:
        """Say which lines of the cell are left out."""
        numbers = sorted({n for s in self.left_out for n in range(s.lineno, (s.end_lineno or s.lineno) + 1)})
        runs: list[list[int]] = []
        for number in numbers:
            if runs and number == runs[-1][1] + 1:
                runs[-1][1] = number
            else:
                runs.append([number, number])
        said = ", ".join(f"{first}" if first == last else f"{first}–{last}" for first, last in runs)
        return (
            f"line {said} of this cell is left out" if len(numbers) == 1 else f"lines {said} of this cell are left out"
        )

    def kept(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Return the statements that run, in order."""
        return [kept for statement in statements for kept in self.kept_of(statement)]

    def kept_of(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        """Yield what runs of one statement: all, nothing, or a part of a block or of an assertion."""
        if not self.needs(statement):
            for name in bound(statement):
                self.absent.pop(name, None)
            yield statement
        elif isinstance(statement, ast.Assert) and isinstance(statement.test, ast.BoolOp):
            if isinstance(statement.test.op, ast.And):  # assert a and b: assert a, assert b
                for test in statement.test.values:
                    yield from self.kept_of(ast.copy_location(ast.Assert(test, statement.msg), test))
            else:
                self.leave_out(statement)
        elif isinstance(statement, ast.For | ast.If | ast.With) and not self.needs(header(statement)):
            yield from self.kept_of_block(statement)
        else:
            self.leave_out(statement)

    def kept_of_block(self, block: ast.For | ast.If | ast.With) -> Iterator[ast.stmt]:
        """Yield a block with what runs of its body, if anything does."""
        for name in bound(header(block)):
            self.absent.pop(name, None)
        before = list(self.left_out)
        body = self.kept(block.body)
        if isinstance(block, ast.For):  # what one turn leaves out, the next may need
            self.left_out = before
            body = self.kept(block.body)
        orelse = self.kept(getattr(block, "orelse", []))
        if not body and not orelse:
            self.leave_out(block)
            return
        block.body = body or [ast.copy_location(ast.Pass(), block)]
        if not isinstance(block, ast.With):
            block.orelse = orelse
        yield block

    def leave_out(self, statement: ast.stmt) -> None:
        reasons = self.needs(statement)
        self.because |= reasons
        self.left_out.append(statement)
        self.absent |= dict.fromkeys(bound(statement) | extended(statement), reasons)

    def needs(self, node: ast.AST) -> frozenset[str]:
        """Return the missing frameworks that a statement needs."""
        by_import = {NEED[module] for module in imported(node) if module in NEED}
        by_name = [self.absent[name] for name in read(node) if name in self.absent]
        return frozenset(by_import).union(*by_name) & self.missing


def header(block: ast.For | ast.If | ast.With) -> ast.stmt:
    """Return a block without its body: what must be there for any of it to run."""
    empty: list[ast.stmt] = [ast.Pass()]
    match block:
        case ast.For():
            short: ast.stmt = ast.For(block.target, block.iter, empty, [])
        case ast.If():
            short = ast.If(block.test, empty, [])
        case ast.With():
            short = ast.With(block.items, empty)
    return ast.fix_missing_locations(ast.copy_location(short, block))


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the modules that are imported anywhere in a statement, each with the packages around it."""
    for part in ast.walk(node):
        names: list[str] = []
        if isinstance(part, ast.Import):
            names = [alias.name for alias in part.names]
        elif isinstance(part, ast.ImportFrom) and part.module:
            names = [part.module, *(f"{part.module}.{alias.name}" for alias in part.names)]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:k]) for k in range(1, len(parts) + 1))


def tables(node: ast.AST) -> symtable.SymbolTable:
    return symtable.symtable(ast.unparse(node), "<cell>", "exec")


def read(node: ast.AST) -> set[str]:
    """Return the names of the notebook that a statement needs to be there, inside of functions too."""
    if isinstance(node, ast.For | ast.If | ast.With):
        found, made = read_here(header(node)), bound(header(node))
        for branch in (node.body, getattr(node, "orelse", [])):
            found |= read_in_order(branch, made)
        return found
    return read_here(node)


def read_in_order(statements: list[ast.stmt], made: set[str]) -> set[str]:
    """Return what statements need that is neither among these names nor made by one before."""
    found, made = set(), set(made)
    for statement in statements:
        found |= read(statement) - made
        made |= bound(statement)
    return found


def read_here(node: ast.AST) -> set[str]:
    """Return the names that are read anywhere in a statement."""
    augmented = {n.target.id for n in ast.walk(node) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    found = augmented & bound(node)  # x += 1 reads x; within a function it is the function's own
    waiting = [tables(node)]
    while waiting:
        table = waiting.pop()
        top = table.get_type() == "module"
        found |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
        waiting.extend(table.get_children())
    return found


def bound(node: ast.AST) -> set[str]:
    """Return the names of the notebook that a statement makes."""
    return {s.get_name() for s in tables(node).get_symbols() if s.is_assigned() or s.is_imported()}


def extended(node: ast.AST) -> set[str]:
    """Return the names of what a statement adds to, `losses` in `losses.append(loss)`.

    Only a call that stands by itself adds: `np.append(a, b)` within a statement gives a new array.
    """
    alone = [part.value for part in ast.walk(node) if isinstance(part, ast.Expr)]
    calls = [part.func for part in alone if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute)]
    adding = [call.value for call in calls if call.attr in {"add", "append", "extend", "insert"}]
    return {value.id for value in adding if isinstance(value, ast.Name)}


def load_ipython_extension(shell: Any) -> None:
    """Say what there is; where something is missing, leave out what needs it from here on."""
    missing = [name for name, module in FRAMEWORKS.items() if not is_installed(module)]
    there = [
        f"{name} {version(module)}" for name, module in {"NumPy": "numpy", **FRAMEWORKS}.items() if name not in missing
    ]
    print(", ".join(there))
    if missing:
        names, modules = " and ".join(missing), " ".join(FRAMEWORKS[name] for name in missing)
        verb = "is" if len(missing) == 1 else "are"
        print(
            f"{names} {verb} not installed: what needs {'it' if len(missing) == 1 else 'them'} is left out, the rest"
            f" runs. To have it: pip install {modules}, then restart the kernel."
        )
    silent = [name for name, modules in OPTIONAL.items() if not all(map(is_installed, modules))]
    if missing or silent:
        shell.ast_transformers.append(LeaveOut([*missing, *silent]))


def unload_ipython_extension(shell: Any) -> None:
    """Run every statement of every cell again."""
    shell.ast_transformers[:] = [one for one in shell.ast_transformers if not isinstance(one, LeaveOut)]
