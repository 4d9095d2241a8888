"""Reading all that an answer can reach: its own definition, and whatever of the learner's it names, and so on.

Only that is read, so what another question of the same notebook needs is nobody's breach; and only code is read, so
comments, docstrings and unused imports are not.

What cannot be read is refused where no honest answer needs it: the text given to eval, a computed name asked of a
framework (getattr on the answer's own object is everybody's right), frames, closures, the collector's objects, another
process. It costs nobody points who runs the check before handing in: it says so at once, and a line that names what it
calls takes its place. Leaving it be would leave a way round every rule here.
"""

import ast
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.checks.rules.forbidden import FRAMEWORKS, Rule
from autograder.checks.rules.names import Resolver, attributes_of, own_nodes, scope_of
from autograder.checks.rules.sources import Program

_ROUND: dict[str, set[str] | None] = {
    "sys": {"_getframe", "_current_frames"},
    "inspect": {"currentframe", "stack", "trace", "getouterframes"},
    "os": {"system", "popen", "fork", "execv", "spawnv", "posix_spawn"},
    "gc": None,
    "ctypes": None,
    "subprocess": None,
    "multiprocessing": None,
    "runpy": None,
}
"""What no answer needs, by module (None: all of it)."""
_INSIDES = frozenset(
    {"__globals__", "__closure__", "__builtins__", "__subclasses__", "__code__", "f_globals", "f_locals", "f_back"}
)
_LINE = 100


@dataclass(frozen=True)
class Breach:
    """A place where an answer breaks a rule: what is expected instead of what it does, and where it does it."""

    expected: str
    where: str
    instead: str


def breaches(program: Program, rules: Sequence[Rule]) -> Iterator[Breach]:
    """The breaches in everything that the answer can reach, in the order in which it is reached."""
    reader = _Reader(program, rules)
    while reader.todo:
        reader.read_next()
        yield from reader.found
        reader.found.clear()


class _Reader:
    """Walks from the answer through the learner's definitions; `found` fills with breaches, `todo` with nodes."""

    def __init__(self, program: Program, rules: Sequence[Rule]) -> None:
        self.program, self.rules = program, rules
        self.resolver = Resolver(program)
        self.todo: list[ast.AST] = list(program.answer)
        self.reached = {id(node) for node in self.todo}
        self.found: list[Breach] = []
        self.around: list[str] = []
        self.quoted: list[ast.AST] = []

    def read_next(self) -> None:
        """Read one definition."""
        self._visit(self.todo.pop(0))

    def _reach(self, name: str) -> None:
        for node in self.program.definitions.get(name, ()):
            if id(node) not in self.reached:
                self.reached.add(id(node))
                self.todo.append(node)

    def _visit(self, node: ast.AST) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            self._function(node, None)
        elif isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, ast.expr):
            self._expression(node)
        else:
            statement = isinstance(node, ast.stmt)
            if statement:
                self.quoted.append(node)
            for field, value in ast.iter_fields(node):
                if field in ("annotation", "returns", "type_comment", "type_params"):
                    continue
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        self._visit(child)
            if statement:
                self.quoted.pop()

    def _function(self, node: ast.AST, attributes: dict[str, list[ast.expr]] | None) -> None:
        self.quoted.append(node)
        for outer in [*getattr(node, "decorator_list", []), *_defaults(node)]:
            self._visit(outer)
        self.around.append(getattr(node, "name", ""))
        self.resolver.scopes.append(scope_of(node, attributes))
        body = getattr(node, "body", [])
        for statement in body if isinstance(body, list) else [body]:
            self._visit(statement)
        self.resolver.scopes.pop()
        self.around.pop()
        self.quoted.pop()

    def _class(self, node: ast.ClassDef) -> None:
        self.quoted.append(node)
        for outer in [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]:
            self._visit(outer)
        self.around.append(node.name)
        attributes = attributes_of(node)
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._function(statement, attributes)
            else:
                self._visit(statement)
        self.around.pop()
        self.quoted.pop()

    def _expression(self, node: ast.expr) -> None:
        if isinstance(node, (ast.Name, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
            children: list[ast.AST] = [node.value] if isinstance(node, ast.Attribute) else []
        elif isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)) and self._names_what_is_ruled_out(
            node
        ):
            return
        else:
            children = list(self._parts(node))
        for child in children:
            self._visit(child)

    def _parts(self, node: ast.expr) -> Iterator[ast.AST]:
        """The parts of an expression that are to be read; what it stands for itself is allowed."""
        if isinstance(node, ast.Name):
            if not any(node.id in scope.bound for scope in self.resolver.scopes):
                self._reach(node.id)
            return
        if isinstance(node, ast.Attribute) and node.attr in _INSIDES:
            self._unreadable(node, f"`.{node.attr}`")
        if isinstance(node, ast.Call):
            self._call(node)
            if len(node.args) == 2 and self.resolver.is_builtin(node.func, "isinstance"):
                yield node.args[0]
                return
        if isinstance(node, ast.Subscript):
            self._subscript(node)
        yield from ast.iter_child_nodes(node)

    def _names_what_is_ruled_out(self, node: ast.expr) -> bool:
        for dotted in sorted(self.resolver.dotted(node)):
            for rule in self.rules:
                used = rule.used(dotted)
                if used:
                    self.found.append(Breach(rule.expected(used), self._where(node), rule.instead))
                    return True
            root, _, rest = dotted.partition(".")
            closed = _ROUND.get(root, set())
            if closed is None or rest.split(".")[0] in closed:
                self._unreadable(node, f"`{dotted}`")
                return True
        return False

    def _call(self, call: ast.Call) -> None:
        for name in ("eval", "exec", "compile"):
            if call.args and self.resolver.is_builtin(call.func, name):
                self._run_text(call, name)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "backward" and not call.args:
            rule = next((rule for rule in self.rules if rule.used("torch.Tensor.backward")), None)
            if rule is not None and self._of_a_tensor(call.func.value):
                self.found.append(Breach(rule.expected("Tensor.backward"), self._where(call), rule.instead))
        asked = None
        if len(call.args) >= 2 and self.resolver.is_builtin(call.func, "getattr"):
            owner = self.resolver.dotted(call.args[0])
            if any(dotted.split(".")[0] in {*FRAMEWORKS, *_ROUND, "autograder", "builtins"} for dotted in owner):
                asked = call.args[1]
        called = self.resolver.dotted(call.func)
        if call.args and ("importlib.import_module" in called or self.resolver.is_builtin(call.func, "__import__")):
            asked = call.args[0]
        if asked is not None and self.resolver.texts(asked) is None:
            self._unreadable(call, "a name that is put together while it runs")

    def _subscript(self, node: ast.Subscript) -> None:
        of_globals = isinstance(node.value, ast.Call) and self.resolver.is_builtin(node.value.func, "globals")
        held = self.resolver.dotted(node.value)
        table = of_globals or "sys.modules" in held or any(dotted.endswith(".__dict__") for dotted in held)
        if table and self.resolver.texts(node.slice) is None:
            self._unreadable(node, "a name that is put together while it runs")

    def _run_text(self, call: ast.Call, name: str) -> None:
        """Read the text given to eval, exec or compile as the code that it is."""
        texts = self.resolver.texts(call.args[0])
        if texts is None:
            inner = call.args[0]  # of exec(compile(…)) the inner call is told
            if not (isinstance(inner, ast.Call) and self.resolver.is_builtin(inner.func, "compile")):
                self._unreadable(call, f"a text that is put together and given to {name}")
            return
        for text in sorted(texts):
            try:
                tree = ast.parse(textwrap.dedent(text))
            except SyntaxError:
                continue  # it cannot run either
            scope = scope_of(tree)
            self.resolver.scopes.append(scope)
            for statement in tree.body:
                self._visit(statement)
            self.resolver.scopes.pop()

    def _of_a_tensor(self, base: ast.expr) -> bool:
        """Whether `.backward()` is called on what is no object of the learner's own."""
        if isinstance(base, ast.Name):
            if base.id in ("self", "cls", "super"):
                return False
            for scope in reversed(self.resolver.scopes):
                if base.id in scope.bound:
                    made = scope.values.get(base.id, [])
                    return not any(self._is_own_object(value) for value in made)
            return base.id not in self.program.definitions
        return not (self._is_own_object(base) or isinstance(base, (ast.Attribute, ast.Subscript)))

    def _is_own_object(self, value: ast.expr) -> bool:
        made = isinstance(value, ast.Call) and isinstance(value.func, ast.Name)
        defined = self.program.definitions.get(value.func.id, ()) if made else ()  # type: ignore[attr-defined]
        super_ = made and value.func.id == "super"  # type: ignore[attr-defined]
        return super_ or any(isinstance(node, ast.ClassDef) for node in defined)

    def _unreadable(self, node: ast.AST, what: str) -> None:
        expected = f"code that can be read; this one uses {what}, which hides what is called"
        self.found.append(Breach(expected, self._where(node), "Call by its name what you want to call."))

    def _where(self, node: ast.AST) -> str:
        """The line in which something stands, and the function around it."""
        statement = self.quoted[-1] if self.quoted else node
        text = _first_line(statement, node)
        inside = ".".join(name for name in self.around if name)
        return f"`{text}`" + (f" in {inside}" if inside else "")


def _defaults(node: ast.AST) -> list[ast.expr]:
    given = getattr(node, "args", None)
    return [d for d in [*given.defaults, *given.kw_defaults] if d is not None] if given else []


def _first_line(statement: ast.AST, node: ast.AST) -> str:
    """The statement as one line, or, where that is long, the part of it that matters."""
    if isinstance(statement, ast.ClassDef):
        bases = ", ".join(map(ast.unparse, statement.bases))
        return f"class {statement.name}({bases}):"
    heads = {"body", "orelse", "finalbody", "handlers", "cases"}
    if isinstance(statement, ast.Lambda) or not any(getattr(statement, f, None) for f in heads):
        line = ast.unparse(statement)
    else:
        line = ast.unparse(node)
    if "\n" in line or len(line) > _LINE:
        line = ast.unparse(node)
    line = line.split("\n")[0]
    return line if len(line) <= _LINE else line[:_LINE] + " …"


__all__ = ["Breach", "breaches", "own_nodes"]
