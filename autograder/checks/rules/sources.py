"""Where an answer's code is: in the text that came with it, or, in the learner's own notebook, behind the objects.

While grading, an answer is a handle that carries the text of all of the learner's code cells, and names are looked up
in that text, the last definition counting. In the learner's process the objects themselves are there, so what a name
stands for is looked up in the function's own globals and closure, whatever older cells said.
"""

import ast
import inspect
import linecache
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from autograder.checks.rules.forbidden import FOREIGN, FRAMEWORKS

_OURS = str(Path(__file__).resolve().parents[2])
_REPAIRS = 50
_ITEMS = 100
CONVENTIONAL = {"torch": "torch", "nn": "torch.nn", "tf": "tensorflow", "keras": "keras", "np": "numpy"}
"""What the released notebooks import, in a cell that need not be among the learner's."""


@dataclass
class Program:
    """What is known of the code that an answer can reach.

    answer: the nodes that define it. definitions: by name, the module's statements that make what the name stands
    for. aliases: by name, dotted names of what comes from elsewhere ("torch.nn.LSTM"). stars: modules of which
    everything was imported.
    """

    answer: list[ast.AST] = field(default_factory=list)
    definitions: dict[str, list[ast.AST]] = field(default_factory=dict)
    aliases: dict[str, set[str]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)


def program_of(answer: object) -> Program | None:
    """The program of an answer; None where its text is nowhere to be had (then only its behaviour is watched)."""
    supplied = getattr(answer, "__unrolled_source__", None)
    if isinstance(supplied, str):
        return from_text(supplied, str(getattr(answer, "__name__", "")))
    if _is_edited_reference(answer):
        return None
    program = _Living().program(answer)
    if program.answer:
        return program
    history = _history()
    name = getattr(answer, "__name__", "")
    return from_text(history, name) if history and name else None


def _is_edited_reference(answer: object) -> bool:
    """Whether it is one of our answers with an edit, as `autograder.checks.mistakes.mistaken` makes them."""
    code, names = getattr(answer, "__code__", None), getattr(answer, "__globals__", {})
    ours = str(names.get("__name__", "")).startswith("autograder.checks.")
    return ours and code is not None and code.co_filename.startswith("<")


def from_text(text: str, name: str) -> Program | None:
    """The program whose answer is called `name` in this text; None where nothing of that name is defined."""
    program = Program()
    _collect(_parsed(text).body, program, conditional=False)
    program.answer = list(program.definitions.get(name, []))
    found = program.answer or program.aliases.get(name)
    if not found:
        return None
    if not program.answer:  # the answer is an imported name itself
        program.answer = [ast.parse(name, mode="eval").body]
    return program


def _history() -> str:
    """The cells that were run in this notebook, where it is one."""
    shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    cells = shell.user_ns.get("In", []) if shell is not None else []
    return "\n".join(cells) if all(isinstance(cell, str) for cell in cells) else ""


_SHELL_LINE = re.compile(r"^(\s*)(?:[%!?].*|[\w.]+\?{1,2}|\w+\s*=\s*[%!].*)$", re.MULTILINE)


@lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module:
    """The text as a tree. Lines for IPython alone count as nothing; so does a top-level statement that cannot be read,
    since the cell that it stood in cannot have run either."""
    lines = _SHELL_LINE.sub(r"\1pass", text).split("\n")
    for _ in range(_REPAIRS):
        try:
            return ast.parse("\n".join(lines))
        except (SyntaxError, ValueError) as error:
            place = min(getattr(error, "lineno", None) or 1, len(lines)) - 1
            first = next((i for i in range(place, -1, -1) if re.match(r"[^\s#)\]}]", lines[i])), 0)
            last = next((i for i in range(place + 1, len(lines)) if re.match(r"[^\s#)\]}]", lines[i])), len(lines))
            lines[first:last] = [""] * (last - first)
    return ast.Module([], [])


def _collect(statements: Iterable[ast.stmt], program: Program, *, conditional: bool) -> None:
    """Note what each of the module's statements defines. A later plain definition replaces an earlier one."""
    for statement in statements:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for name, dotted in imported(statement):
                if name == "*":
                    program.stars.append(dotted)
                elif conditional:
                    program.aliases.setdefault(name, set()).add(dotted)
                else:
                    program.aliases[name] = {dotted}
                    program.definitions.pop(name, None)
            continue
        inner = list(_inner_statements(statement))
        if inner:
            _collect(inner, program, conditional=True)
        for name, new in _defined(statement):
            if new and not conditional:
                program.definitions[name] = [statement]
                program.aliases.pop(name, None)
            else:
                program.definitions.setdefault(name, []).append(statement)


def imported(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """(name here, dotted name of what it stands for) of an import; ("*", module) for a star."""
    for alias in statement.names:
        if isinstance(statement, ast.Import):
            yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif alias.name == "*":
            yield "*", statement.module or ""
        else:
            yield alias.asname or alias.name, f"{statement.module}.{alias.name}"


def _inner_statements(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statements in an if, for, while, with or try of the module."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for _, value in ast.iter_fields(statement):
        for child in value if isinstance(value, list) else []:
            if isinstance(child, ast.stmt):
                yield child
            elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
                yield from child.body


def _defined(statement: ast.stmt) -> Iterator[tuple[str, bool]]:
    """The names that a statement gives a new meaning (True), or whose object it may change (False)."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name, True
    elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    plain = isinstance(node.ctx, ast.Store) and not isinstance(statement, ast.AugAssign)
                    yield node.id, plain
    elif isinstance(statement, (ast.With, ast.AsyncWith)):
        for item in statement.items:
            if isinstance(item.optional_vars, ast.Name):
                yield item.optional_vars.id, True
    elif isinstance(statement, ast.Expr):
        called = statement.value.func if isinstance(statement.value, ast.Call) else None
        while isinstance(called, (ast.Attribute, ast.Subscript)):
            called = called.value
            if isinstance(called, ast.Name):
                yield called.id, False
        if isinstance(statement.value, ast.Call) and isinstance(statement.value.func, ast.Name):
            first = statement.value.args[:1]  # setattr(GRU, "forward", …)
            if first and isinstance(first[0], ast.Name) and statement.value.func.id in ("setattr", "delattr"):
                yield first[0].id, False


class _Living:
    """Collects a program from live objects: the answer, and what the names in its code stand for."""

    def __init__(self) -> None:
        self.result = Program()
        self.seen: set[int] = set()

    def program(self, answer: object) -> Program:
        for node in self._nodes(answer):
            self.result.answer.append(node)
        return self.result

    def _nodes(self, value: object) -> list[ast.AST]:
        """The nodes that define a learner's function or class; what its code names is collected on the way."""
        if id(value) in self.seen:
            return []
        self.seen.add(id(value))
        value = type(value) if _python_call(value) else value
        functions = list(_functions(value))
        found = [node for f in functions if (node := _node_of(f, value)) is not None]
        for function in functions:
            self._names(function)
        if isinstance(value, type):
            for base in value.__mro__[1:]:
                if is_learners(base):
                    found += self._nodes(base)
                elif (dotted := dotted_name(base)).split(".")[0] in FRAMEWORKS and not functions:
                    found.append(ast.parse(_said(dotted), mode="eval").body)
        return list({id(node): node for node in found}.values())

    def _names(self, function: FunctionType) -> None:
        closure = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
        for name in names_in(function.__code__):
            if name in closure:
                try:
                    self._note(name, closure[name].cell_contents)
                except ValueError:  # not filled yet
                    continue
            elif name in function.__globals__:
                self._note(name, function.__globals__[name])

    def _note(self, name: str, value: object) -> None:
        self.result.definitions.setdefault(name, [])  # so that its meaning is not guessed from convention
        if isinstance(value, ModuleType):
            self.result.aliases.setdefault(name, set()).add(value.__name__)
        elif is_learners(value):
            self.result.definitions.setdefault(name, []).extend(self._nodes(value))
        elif isinstance(value, (list, tuple, dict)):
            for item in list(value.values() if isinstance(value, dict) else value)[:_ITEMS]:
                self._note(name, item)
        elif is_learners(type(value)):
            self.result.definitions.setdefault(name, []).extend(self._nodes(type(value)))
        else:
            own, kind = dotted_name(value), dotted_name(type(value))
            dotted = own if own.split(".")[0] in FOREIGN else kind
            if dotted == own or kind.split(".")[0] in FRAMEWORKS:
                self.result.aliases.setdefault(name, set()).add(dotted)


def names_in(code: CodeType) -> set[str]:
    """All names that a function's code uses, those of the functions in it included."""
    found = {*code.co_names, *code.co_freevars}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= names_in(constant)
    return found


def _functions(value: Any) -> Iterator[FunctionType]:
    """The Python functions in which a function, method, partial, class or callable object has its code."""
    if isinstance(value, (staticmethod, classmethod, MethodType)):
        value = value.__func__
    if isinstance(value, property):
        value = value.fget
    value = getattr(value, "func", value) if type(value).__name__ == "partial" else value
    try:
        value = inspect.unwrap(value) if callable(value) else value
    except ValueError:
        return
    if isinstance(value, FunctionType):
        yield value
    elif isinstance(value, type):
        for member in vars(value).values():
            if not isinstance(member, type):
                yield from _functions(member)
    elif (called := _python_call(value)) is not None:
        yield called


def _python_call(value: object) -> FunctionType | None:
    """What runs when an object that is neither function nor class is called, if it is written in Python."""
    called = inspect.getattr_static(type(value), "__call__", None)
    return called if isinstance(called, FunctionType) and not isinstance(value, type) else None


def is_learners(value: object) -> bool:
    """Whether a function or class was written by the learner: neither in a library nor here."""
    if not isinstance(value, type) and not callable(value):
        return False
    return any(_is_theirs(f.__code__.co_filename) for f in _functions(value))


def _is_theirs(file: str) -> bool:
    library = "site-packages" in file or "/lib/python" in file or file.startswith("<frozen")
    return not library and not file.startswith(_OURS) and file not in ("", "<string>", "<__array_function__ internals>")


def dotted_name(value: Any) -> str:
    """ "torch.nn.modules.rnn.LSTM": where a library's object comes from and what it is called."""
    module = getattr(value, "__module__", None) or getattr(getattr(value, "__self__", None), "__module__", None) or ""
    name = getattr(value, "__qualname__", "") or getattr(value, "__name__", "")
    return f"{module}.{name}" if isinstance(module, str) and name and isinstance(name, str) else ""


def _said(dotted: str) -> str:
    return dotted if all(part.isidentifier() for part in dotted.split(".")) else "None"


def _node_of(function: FunctionType, owner: object) -> ast.AST | None:
    """The definition of a function, or of the class `owner` around it, in the text that it was made from."""
    code = function.__code__
    if not _is_theirs(code.co_filename):
        return None
    tree = _parsed("".join(linecache.getlines(code.co_filename)))
    around: ast.AST | None = None
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and isinstance(owner, type) and node.name == owner.__name__:
            if node.lineno <= code.co_firstlineno <= (node.end_lineno or 0):
                around = node
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and not isinstance(owner, type):
            first = node.decorator_list[0] if getattr(node, "decorator_list", []) else node  # type: ignore[union-attr]
            name = getattr(node, "name", "<lambda>")
            if name == code.co_name and code.co_firstlineno in (first.lineno, node.lineno):
                around = node
    return around
