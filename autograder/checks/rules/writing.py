"""How an answer writes into its arguments, read off its code: so that the advice is about the line that does it."""

import ast
from collections.abc import Iterator, Sequence

from autograder.checks.rules.sources import Program

_OPERATORS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
ANY_WAY = (
    "`+=`, `*=` and their like, `x[…] = …`, `out=` and methods whose names end in _ write into the array that they "
    "are given"
)


def told_in_place(program: Program | None, arguments: Sequence[str], changed: frozenset[str]) -> str:
    """What to do about `changed`, those of the task's arguments that the answer changes: said of the first of them.

    The answer's own line is quoted where it can be found; else the ways of changing an array are named.
    """
    name = min(changed)
    place = list(arguments).index(name)
    found = next(_lines(program, place, name), None) if program is not None else None
    if found is None:
        return f"{ANY_WAY}: write `{name} = {name} + …` for `{name} += …`, or work on a copy."
    line, better = found
    return (
        f"Your line `{line}` writes into it: write `{better}`, or work on a copy."
        if better
        else (f"Your line `{line}` writes into it: work on a copy, or make a new array.")
    )


def _lines(program: Program, place: int, name: str) -> Iterator[tuple[str, str]]:
    for node in program.answer:
        function = _called(node)
        if function is not None:
            own = _own_name(function, place, name)
            for statement in ast.walk(function):
                written = _written(statement, own)
                if written is not None:
                    yield written


def _called(node: ast.AST) -> ast.AST | None:
    """The function that gets the arguments: itself, or a class's forward, call or __call__."""
    if not isinstance(node, ast.ClassDef):
        return node if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) else None
    methods = {m.name: m for m in node.body if isinstance(m, ast.FunctionDef)}
    return next((methods[m] for m in ("forward", "call", "__call__") if m in methods), None)


def _own_name(function: ast.AST, place: int, name: str) -> str:
    given = function.args  # type: ignore[attr-defined]
    names = [a.arg for a in [*given.posonlyargs, *given.args]]
    names = names[1:] if names[:1] and names[0] in ("self", "ctx") else names
    return name if name in names or place >= len(names) else names[place]


def _written(statement: ast.AST, name: str) -> tuple[str, str] | None:
    """(the line, what to write instead) if the statement writes into what is called `name`; "" where it depends."""
    if isinstance(statement, ast.AugAssign) and _root(statement.target) == name:
        operator = _OPERATORS.get(type(statement.op), "")
        whole = isinstance(statement.target, ast.Name) and operator
        value = ast.unparse(statement.value)
        value = (
            f"({value})" if isinstance(statement.value, (ast.BinOp, ast.IfExp)) and operator not in ("+",) else value
        )
        return ast.unparse(statement), f"{name} = {name} {operator} {value}" if whole else ""
    if isinstance(statement, ast.Assign) and any(
        isinstance(t, ast.Subscript) and _root(t) == name for t in statement.targets
    ):
        return ast.unparse(statement), ""
    if isinstance(statement, ast.Call):
        if any(k.arg == "out" and _root(k.value) == name for k in statement.keywords):
            return ast.unparse(statement), ""
        called = statement.func
        if isinstance(called, ast.Attribute) and _root(called.value) == name and _changes(called.attr):
            return ast.unparse(statement), ""
    return None


def _changes(method: str) -> bool:
    return (method.endswith("_") and not method.endswith("__")) or method in (
        "__isub__",
        "__iadd__",
        "sort",
        "fill",
        "put",
    )


def _root(expression: ast.AST) -> str:
    while isinstance(expression, (ast.Subscript, ast.Starred)):
        expression = expression.value
    return expression.id if isinstance(expression, ast.Name) else ""
