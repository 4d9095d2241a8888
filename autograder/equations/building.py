"""From what lark finds to trees."""

from __future__ import annotations

import re
from typing import Any

from lark import Token, Transformer, v_args

from autograder.equations import terms
from autograder.equations.scripts import Above, Below, Brace, Words, name_of, only, value_of, with_script
from autograder.equations.terms import UnreadableError
from autograder.equations.tree import (
    Call,
    Group,
    Matrix,
    Norm,
    Number,
    Relations,
    Statements,
    Sum,
    Symbol,
    Tree,
    Tuple,
)

SYNONYMS = {r"\leq": r"\le", r"\geq": r"\ge", r"\neq": r"\ne", r"\lt": "<", r"\gt": ">"}
ACCENTS = {r"\widehat": r"\hat", r"\widetilde": r"\tilde", r"\overline": r"\bar"}


@v_args(inline=True)
class Builder(Transformer):
    """Lark's nodes to trees. Methods are named after the rules of latex.lark."""

    # leaves
    def number(self, token: Token) -> Tree:
        return Number(float(token))

    def letter(self, token: Token) -> Tree:
        return Symbol(str(token))

    def words(self, token: Token) -> Words:
        return Words(str(token)[str(token).index("{") + 1 : -1])

    def lone_sign(self, token: Token) -> Words:
        return Words(token)

    def function(self, token: Token) -> terms.FunctionMark:
        return terms.FunctionMark(re.sub(r"\\operatorname\{(\w+)\}|\\(\w+)", r"\1\2", str(token)))

    def differential(self, token: Token) -> terms.DifferentialMark:
        kind = "total" if "mathrm" in token else "immediate" if "+" in token else "partial"
        return terms.DifferentialMark(kind)

    def big(self, token: Token) -> terms.BigMark:
        return terms.BigMark(str(token)[1:], (), None, None, None)

    def operator(self, token: Token) -> terms.Operator:
        return terms.Operator(str(token))

    def dots(self, token: Token) -> terms.DotsMark:
        return terms.DotsMark()

    # statements
    def separators(self, *tokens: Token) -> tuple[Token, ...]:
        return tokens

    def separator(self, token: Token) -> Token:
        return token

    def body(self, *parts: Any) -> list[Any]:
        flat: list[Any] = []
        for part in parts:
            flat += part if isinstance(part, list) else [part]
        return flat

    def text(self, *parts: Any) -> Statements:
        flat = self.body(*parts)
        words = tuple(str(t) for p in flat if isinstance(p, tuple) for t in p if t.type == "TEXT")
        return Statements(tuple(p for p in flat if isinstance(p, Relations)), words)

    def statement(self, *parts: Any) -> Relations:
        signs = tuple(SYNONYMS.get(str(p), str(p)) for p in parts if isinstance(p, Token))
        return Relations(tuple(p for p in parts if not isinstance(p, Token)), signs)

    def expression(self, *parts: Any) -> Tree:
        members: list[Any] = []
        sign = 1
        for part in parts:
            if isinstance(part, Token):
                sign = -1 if part == "-" else 1
            else:
                members.append(part if isinstance(part, terms.DotsMark) else (sign, part))
        if any(isinstance(m, terms.DotsMark) for m in members):
            return self._sum_with_dots(members)
        if len(members) == 1 and members[0][0] == 1:
            return members[0][1]
        return Sum(tuple(members))

    def _sum_with_dots(self, members: list[Any]) -> Tree:
        if not all(isinstance(m, terms.DotsMark) or m[0] == 1 for m in members):
            raise UnreadableError("dots in a sum with minus signs")
        bare = [m if isinstance(m, terms.DotsMark) else m[1] for m in members]
        return Sum(tuple((1, t) for t in terms.with_dots(bare, "sum")))

    def term(self, *items: Any) -> Any:
        if len(items) == 1 and isinstance(items[0], terms.DotsMark):
            return items[0]
        return terms.term(list(items))

    # brackets
    def inner(self, content: Statements) -> Statements:
        return content

    def parentheses(self, content: Statements) -> Tree:
        items = tuple(only(s) for s in content.parts)
        if not items:
            raise UnreadableError("empty parentheses")
        return Group(items[0]) if len(items) == 1 else Tuple(items)

    def brackets(self, content: Statements) -> Any:
        if len(content.parts) > 1:
            return terms.Bracket(tuple(only(s) for s in content.parts))
        (statement,) = content.parts
        return Call("iverson", (statement,)) if statement.signs else Group(statement.sides[0])

    def absolute(self, _left: Token, body: Tree, _right: Token) -> Tree:
        return Call("abs", (body,))

    def norm(self, _left: Token, body: Tree, _right: Token) -> Tree:
        return Norm(body)

    def ceiling(self, _left: Token, body: Tree, _right: Token) -> Tree:
        return Call("ceil", (body,))

    def floor(self, _left: Token, body: Tree, _right: Token) -> Tree:
        return Call("floor", (body,))

    def inner_product(self, _left: Token, content: Statements, _right: Token) -> Tree:
        if len(content.parts) != 2:
            raise UnreadableError("an inner product has two arguments")
        return Call("inner", tuple(only(s) for s in content.parts))

    def fraction(self, _token: Token, numerator: Any, denominator: Any) -> Tree:
        return terms.fraction(value_of(numerator), value_of(denominator))

    def binomial(self, _token: Token, above: Any, below: Any) -> Tree:
        return Call("binom", (value_of(above), value_of(below)))

    def root(self, _token: Token, body: Any) -> Tree:
        return Call("sqrt", (value_of(body),))

    def braced(self, _token: Token, content: Statements) -> Brace:
        return Brace(value_of(content))

    def row(self, *entries: Any) -> tuple[Tree, ...]:
        return tuple(e for e in entries if not isinstance(e, Token))

    def matrix(self, *rows: Any) -> Tree:
        return Matrix(tuple(r for r in rows if isinstance(r, tuple)))

    # names and scripts
    def accented(self, token: Token, argument: Any) -> Tree:
        accent = ACCENTS.get(str(token), str(token))
        body = value_of(argument)
        if isinstance(body, Symbol):
            return Symbol(f"{accent} {body.name}", body.indices, "")
        return Symbol(f"{accent} {name_of(body)}")

    def styled(self, token: Token, content: Statements) -> Tree:
        body = value_of(content)
        style = r"\boldsymbol" if token in (r"\bm", r"\mathbf") else str(token)
        name = body.name if isinstance(body, Symbol) else name_of(body)
        return Symbol(f"{style}{{{name}}}")

    def below(self, content: Any) -> Below:
        return Below(content)

    def above(self, content: Any) -> Above:
        return Above(content)

    def prime(self, token: Token) -> Any:
        return token

    def scripted(self, base: Any, *scripts: Any) -> Any:
        if isinstance(base, Statements):
            base = Group(value_of(base))
        for script in scripts:
            base = with_script(base, script)
        if isinstance(base, Brace):
            return Group(base.body)
        return base
