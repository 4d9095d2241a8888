"""What an expression stands for: dotted names of the libraries' objects, followed through aliases, imports, getattr
with a text that can be read, and modules fetched by name."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from autograder.checks.rules.sources import CONVENTIONAL, Program, imported

_DEPTH = 12
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_MOST_TEXTS = 64


@dataclass
class Scope:
    """One function's own names: all that it binds, the expressions they may stand for, what it imports; and, in a
    method, the name of the instance, whose attributes are followed as well."""

    bound: set[str] = field(default_factory=set)
    values: dict[str, list[ast.expr]] = field(default_factory=dict)
    aliases: dict[str, set[str]] = field(default_factory=dict)
    instance: str = ""
    attributes: dict[str, list[ast.expr]] = field(default_factory=dict)


def scope_of(function: ast.AST, attributes: dict[str, list[ast.expr]] | None = None) -> Scope:
    """The scope of a function or lambda. `attributes`: of its class, where it is a method."""
    scope = Scope()
    if isinstance(function, _FUNCTIONS):
        given = function.args
        positional = [*given.posonlyargs, *given.args]
        for argument in [*positional, *given.kwonlyargs, given.vararg, given.kwarg]:
            if argument is not None:
                scope.bound.add(argument.arg)
        late = positional[len(positional) - len(given.defaults) :]
        defaults: list[ast.expr | None] = [*given.defaults, *given.kw_defaults]
        for argument, default in zip([*late, *given.kwonlyargs], defaults, strict=True):
            if default is not None:
                scope.values.setdefault(argument.arg, []).append(default)
        if attributes is not None and positional:
            scope.instance, scope.attributes = positional[0].arg, attributes
    for node in own_nodes(function):
        _bind(node, scope)
    return scope


def _bind(node: ast.AST, scope: Scope) -> None:
    if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
        scope.bound.add(node.id)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        scope.bound.add(node.name)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for name, dotted in imported(node):
            scope.bound.add(name)
            scope.aliases.setdefault(name, set()).add(dotted)
    for name, value in assigned(node):
        scope.values.setdefault(name, []).append(value)


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those inside of functions and classes in it; these themselves are among them."""
    body = getattr(function, "body", [])
    todo: list[ast.AST] = list(body) if isinstance(body, list) else [body]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))


def assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(name, expression) for each name that a statement or walrus gives a value that can be seen."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _paired(target, node.value)
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
        yield from _paired(node.target, node.value)
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        yield node.target.id, ast.Starred(node.value)  # nothing that could be followed
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)) and isinstance(
        node.iter, (ast.Tuple, ast.List, ast.Set)
    ):
        for item in node.iter.elts:
            yield from _paired(node.target, item)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield from _paired(node.optional_vars, node.context_expr)


def _paired(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
        for part, item in zip(target.elts, value.elts, strict=False):
            yield from _paired(part, item)


def attributes_of(node: ast.ClassDef) -> dict[str, list[ast.expr]]:
    """What a class and its methods give to attributes of the class or of `self`."""
    found: dict[str, list[ast.expr]] = {}
    for statement in node.body:
        for name, value in assigned(statement):
            found.setdefault(name, []).append(value)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assign):
            for target in inner.targets:
                if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                    found.setdefault(target.attr, []).append(inner.value)
    return found


class Resolver:
    """Finds what expressions stand for, in a program and a stack of scopes, the innermost last."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.scopes: list[Scope] = []

    def is_builtin(self, expression: ast.expr, name: str) -> bool:
        """Whether an expression is the built-in of that name."""
        if isinstance(expression, ast.Name) and expression.id == name:
            mine = name in self.program.definitions or any(name in s.bound for s in self.scopes)
            return not mine
        return f"builtins.{name}" in self.dotted(expression)

    def dotted(self, expression: ast.expr, depth: int = 0) -> set[str]:
        """Dotted names of what an expression may stand for; none where that cannot be read."""
        if depth > _DEPTH:
            return set()
        if isinstance(expression, ast.Name):
            return self._name(expression.id, depth)
        if isinstance(expression, ast.Attribute):
            return self._attribute(expression, depth)
        if isinstance(expression, ast.NamedExpr):
            return self.dotted(expression.value, depth + 1)
        if isinstance(expression, ast.IfExp):
            return self.dotted(expression.body, depth + 1) | self.dotted(expression.orelse, depth + 1)
        if isinstance(expression, ast.BoolOp):
            return set().union(*(self.dotted(v, depth + 1) for v in expression.values))
        if isinstance(expression, ast.Call):
            return self._call(expression, depth)
        if isinstance(expression, ast.Subscript):
            return self._item(expression, depth)
        return set()

    def _name(self, name: str, depth: int) -> set[str]:
        for scope in reversed(self.scopes):
            if name in scope.bound:
                found = set(scope.aliases.get(name, ()))
                return found.union(*(self.dotted(v, depth + 1) for v in scope.values.get(name, ())))
        found = set(self.program.aliases.get(name, ()))
        for statement in self.program.definitions.get(name, ()):
            for target, value in assigned(statement):
                if target == name:
                    found |= self.dotted(value, depth + 1)
        if found or name in self.program.definitions:
            return found
        return {f"{module}.{name}" for module in self.program.stars} | {
            CONVENTIONAL[n] for n in [name] if n in CONVENTIONAL
        }

    def _attribute(self, expression: ast.Attribute, depth: int) -> set[str]:
        base = expression.value
        if isinstance(base, ast.Name):
            inner = next((scope for scope in reversed(self.scopes) if base.id in scope.bound), None)
            if inner and base.id == inner.instance:
                values = inner.attributes.get(expression.attr, ())
                return set().union(*(self.dotted(v, depth + 1) for v in values))
        return {f"{dotted}.{expression.attr}" for dotted in self.dotted(base, depth + 1)}

    def _call(self, call: ast.Call, depth: int) -> set[str]:
        if len(call.args) >= 2 and self.is_builtin(call.func, "getattr"):
            texts = self.texts(call.args[1]) or set()
            return {f"{base}.{t}" for base in self.dotted(call.args[0], depth + 1) for t in texts}
        if call.args and self.is_builtin(call.func, "vars"):
            return {f"{base}.__dict__" for base in self.dotted(call.args[0], depth + 1)}
        called = self.dotted(call.func, depth + 1)
        if call.args and (called & {"importlib.import_module"} or self.is_builtin(call.func, "__import__")):
            texts = self.texts(call.args[0]) or set()
            whole = bool(called & {"importlib.import_module"}) or any(k.arg == "fromlist" for k in call.keywords)
            return {t if whole else t.split(".")[0] for t in texts}
        if isinstance(call.func, ast.Call) and "operator.attrgetter" in self.dotted(call.func.func, depth + 1):
            texts = set().union(*((self.texts(a) or set()) for a in call.func.args))
            return {f"{base}.{t}" for a in call.args for base in self.dotted(a, depth + 1) for t in texts}
        return set()

    def _item(self, expression: ast.Subscript, depth: int) -> set[str]:
        texts = self.texts(expression.slice) or set()
        if isinstance(expression.value, ast.Call) and self.is_builtin(expression.value.func, "globals"):
            return set().union(*(self._name(t, depth + 1) for t in texts))
        found: set[str] = set()
        for base in self.dotted(expression.value, depth + 1):
            if base == "sys.modules":
                found |= texts
            elif base.endswith(".__dict__"):
                found |= {f"{base.removesuffix('.__dict__')}.{t}" for t in texts}
        if isinstance(expression.value, (ast.Tuple, ast.List, ast.Dict)):
            items = expression.value.values if isinstance(expression.value, ast.Dict) else expression.value.elts
            found = found.union(*(self.dotted(item, depth + 1) for item in items))
        return found

    def texts(self, expression: ast.expr, depth: int = 0) -> set[str] | None:
        """The texts that an expression may be, where all of them can be read; None where they cannot."""
        if depth > _DEPTH:
            return None
        if isinstance(expression, ast.Constant):
            return {str(expression.value)} if isinstance(expression.value, (str, int)) else None
        if isinstance(expression, ast.FormattedValue) and expression.format_spec is None:
            return self.texts(expression.value, depth + 1)
        if isinstance(expression, ast.JoinedStr):
            return self._joined([self.texts(v, depth + 1) for v in expression.values])
        if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
            return self._joined([self.texts(expression.left, depth + 1), self.texts(expression.right, depth + 1)])
        if isinstance(expression, ast.IfExp):
            return _united([self.texts(expression.body, depth + 1), self.texts(expression.orelse, depth + 1)])
        if isinstance(expression, ast.Name):
            values = self._values(expression.id)
            return _united([self.texts(v, depth + 1) for v in values]) if values else None
        return None

    def _values(self, name: str) -> list[ast.expr]:
        """The expressions that a name may stand for, where these are all."""
        for scope in reversed(self.scopes):
            if name in scope.bound:
                return scope.values.get(name, [])
        statements = self.program.definitions.get(name, ())
        return [value for statement in statements for target, value in assigned(statement) if target == name]

    @staticmethod
    def _joined(parts: list[set[str] | None]) -> set[str] | None:
        known = [part for part in parts if part is not None]
        if len(known) != len(parts):
            return None
        texts = {"".join(choice) for choice in product(*known)}
        return texts if len(texts) <= _MOST_TEXTS else None


def _united(parts: list[set[str] | None]) -> set[str] | None:
    known = [part for part in parts if part is not None]
    return set().union(*known) if len(known) == len(parts) and known else None
