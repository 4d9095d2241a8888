"""Code for the tests of similarity: right answers in other styles as text, honest classes, and copies in disguise."""

from __future__ import annotations

import ast
import random
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def styles(framework: str) -> dict[tuple[str, str], str]:
    """tests/checks/answers_in_<framework>.py: (question, style) to the answer's source with all that it uses."""
    source = (ROOT / "tests" / "checks" / f"answers_in_{framework}.py").read_text(encoding="utf-8")
    lines = source.splitlines()
    definitions: dict[str, ast.stmt] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            definitions[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            definitions[node.targets[0].id] = node
    answers = definitions.pop("ANSWERS").value

    def used(node: ast.AST, found: dict[int, ast.stmt]) -> dict[int, ast.stmt]:
        for part in ast.walk(node):
            definition = definitions.get(part.id) if isinstance(part, ast.Name) else None
            if definition is not None and definition.lineno not in found:
                found[definition.lineno] = definition
                used(definition, found)
        return found

    def text(node: ast.stmt) -> str:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        return "\n".join(lines[first - 1 : node.end_lineno])

    found = {}
    for key, value in zip(answers.keys, answers.values, strict=True):
        parts = [text(node) for _, node in sorted(used(value, {}).items())]
        found[ast.literal_eval(key)] = "\n\n".join([*parts, f"answer = {ast.get_source_segment(source, value)}"])
    return found


# Copies


def disguised(source: str, seed: int, *, move: float = 0.25) -> str:
    """The same code with every name of its own renamed, statements moved where that changes nothing, other comments,
    other docstrings, and formatted anew."""
    chance = random.Random(seed)
    tree = ast.parse(source)
    own = {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)} | _stored(tree)
    letters = "abcdefgh"
    names = {n: "v" + "".join(chance.choice(letters) for _ in range(6)) for n in sorted(own - {"self", "cls"})}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = names.get(node.arg, node.arg)
        elif isinstance(node, ast.keyword) and node.arg in own:
            pass
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.For | ast.If):
            node.body = _moved(node.body, chance, move)
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = [ast.Expr(ast.Constant(f"In my own words, {seed}.")), *node.body[1:]]
    lines = []
    for line in ast.unparse(ast.fix_missing_locations(tree)).split("\n"):
        if chance.random() < 0.3:
            lines.append(re.match(" *", line)[0] + "# and now the next thing")
        lines.append(line.replace(", ", ",") if chance.random() < 0.5 else line)
    return "\n".join(lines)


def _stored(tree: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _read(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _written(node: ast.AST) -> set[str]:
    parts = [n for n in ast.walk(node) if isinstance(n, ast.Subscript | ast.Attribute) and isinstance(n.ctx, ast.Store)]
    return _stored(node) | {n.value.id for n in parts if isinstance(n.value, ast.Name)}


def _moved(body: list[ast.stmt], chance: random.Random, probability: float) -> list[ast.stmt]:
    """Neighbours exchanged where neither needs the other."""
    body = list(body)
    simple = (ast.Assign, ast.AugAssign)
    for place in range(len(body) - 1):
        first, second = body[place : place + 2]
        free = not (_written(first) & _read(second) or _written(second) & _read(first))
        if isinstance(first, simple) and isinstance(second, simple) and free and chance.random() < probability:
            body[place : place + 2] = second, first
    return body


# Honest people who all found the obvious way


HABITS = {
    "dot": 0.25, "matmul": 0.1, "square": 0.2, "times": 0.25, "swap": 0.15, "transpose": 0.1, "downwards": 0.5,
    "functions": 0.5, "zeros": 0.6, "shape": 0.5, "spelled": 0.4, "result": 0.3, "apart": 0.5, "between": 0.4,
}  # fmt: skip
"""Ways to write the same, and how many people do it so."""


def honest(answers: list[str], seed: int) -> list[str]:
    """The reference's answers as somebody with habits of their own would write them; nobody has copied anything."""
    writer = _Habits(random.Random(seed))
    written = []
    for source in answers:
        tree = ast.parse(ast.unparse(ast.fix_missing_locations(writer.visit(ast.parse(source)))))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.For):
                node.body = _moved(node.body, writer.chance, 0.5)
        written.append(ast.unparse(ast.fix_missing_locations(tree)))
    return written


class _Habits(ast.NodeTransformer):
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.own = {habit for habit, share in HABITS.items() if chance.random() < share}

    def does(self, habit: str) -> bool:
        return habit in self.own and self.chance.random() < 0.9

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.MatMult):
            name = "np.dot" if self.does("dot") else "np.matmul" if self.does("matmul") else ""
            return ast.Call(_expression(name), [node.left, node.right], []) if name else node
        if isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "2":
            if self.does("square"):
                return ast.Call(_expression("np.square"), [node.left], [])
            if self.does("times"):
                return ast.BinOp(node.left, ast.Mult(), node.left)
        if isinstance(node.op, ast.Add | ast.Mult) and self.does("swap"):
            node.left, node.right = node.right, node.left
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if node.attr == "T" and self.does("transpose"):
            return ast.Call(ast.Attribute(node.value, "transpose", ast.Load()), [], [])
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        text, function = ast.unparse(node), node.func
        if text.startswith("reversed(range(") and self.does("downwards"):
            return _expression(f"range({ast.unparse(node.args[0].args[0])} - 1, -1, -1)")
        if text.startswith("len(") and self.does("shape"):
            return _expression(f"{ast.unparse(node.args[0])}.shape[0]")
        if isinstance(function, ast.Attribute):
            of_numpy = ast.unparse(function.value) == "np"
            if function.attr == "empty_like" and self.does("zeros"):
                function.attr = "zeros_like"
            if function.attr in ("sum", "max") and not of_numpy and self.does("functions"):
                return ast.Call(_expression(f"np.{function.attr}"), [function.value, *node.args], node.keywords)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        if not self.does("spelled"):
            return node
        return ast.Assign(
            [node.target], ast.BinOp(_expression(ast.unparse(node.target)), node.op, node.value), lineno=0
        )

    def visit_Return(self, node: ast.Return) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name | ast.Tuple) or not self.does("result"):
            return node
        return [ast.Assign([ast.Name("result", ast.Store())], node.value, lineno=0), ast.Return(_expression("result"))]

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        names, values = node.targets[0], node.value
        if isinstance(names, ast.Tuple) and isinstance(values, ast.Tuple) and self.does("apart"):
            pairs = zip(names.elts, values.elts, strict=True)
            return [ast.Assign([name], value, lineno=0) for name, value in pairs]
        if isinstance(values, ast.BinOp) and isinstance(values.left, ast.BinOp | ast.Call) and self.does("between"):
            part, values.left = values.left, _expression("part")
            return [ast.Assign([ast.Name("part", ast.Store())], part, lineno=0), node]
        return node


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
