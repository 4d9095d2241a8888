"""LaTeX in, tree out; and errors that say where."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedToken, VisitError

from autograder.equations import terms
from autograder.equations.layout import Layout
from autograder.equations.terms import UnreadableError
from autograder.equations.tree import (
    Braced,
    Call,
    Group,
    Matrix,
    Norm,
    Number,
    Power,
    Relations,
    Statements,
    Sum,
    Symbol,
    Transpose,
    Tree,
    Tuple,
)

SYNONYMS = {r"\leq": r"\le", r"\geq": r"\ge", r"\neq": r"\ne", r"\lt": "<", r"\gt": ">"}
ACCENTS = {r"\widehat": r"\hat", r"\widetilde": r"\tilde", r"\overline": r"\bar"}


class Script:
    """A sub- or superscript: what stands in it."""

    def __init__(self, content: Any, source: str):
        self.content, self.source = content, source


class Below(Script):
    pass


class Above(Script):
    pass


class Words(str):
    pass


class Brace:
    def __init__(self, body: Tree):
        self.body = body


def compact(source: str) -> str:
    """A piece of LaTeX without spaces and braces, to name things by."""
    return re.sub(r"\\(text|textit)\{([^{}]*)\}", r"\2", source).translate(str.maketrans("", "", "{} \n")).strip()


@v_args(inline=True)
class _Builder(Transformer):
    """Lark's nodes to trees. Methods are named after the rules of latex.lark."""

    def __init__(self, source: str):
        super().__init__()
        self.source = source

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
        items = tuple(_only(s) for s in content.parts)
        if not items:
            raise UnreadableError("empty parentheses")
        return Group(items[0]) if len(items) == 1 else Tuple(items)

    def brackets(self, content: Statements) -> Any:
        if len(content.parts) > 1:
            return terms.Bracket(tuple(_only(s) for s in content.parts))
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
        return Call("inner", tuple(_only(s) for s in content.parts))

    def fraction(self, _token: Token, numerator: Any, denominator: Any) -> Tree:
        return terms.fraction(_value(numerator), _value(denominator))

    def binomial(self, _token: Token, above: Any, below: Any) -> Tree:
        return Call("binom", (_value(above), _value(below)))

    def root(self, _token: Token, body: Any) -> Tree:
        return Call("sqrt", (_value(body),))

    def braced(self, _token: Token, content: Statements) -> Brace:
        return Brace(_value(content))

    def row(self, *entries: Any) -> tuple[Tree, ...]:
        return tuple(e for e in entries if not isinstance(e, Token))

    def matrix(self, *rows: Any) -> Tree:
        return Matrix(tuple(r for r in rows if isinstance(r, tuple)))

    # names and scripts
    def accented(self, token: Token, argument: Any) -> Tree:
        accent = ACCENTS.get(str(token), str(token))
        body = _value(argument)
        if isinstance(body, Symbol):
            return Symbol(f"{accent} {body.name}", body.indices, "")
        return Symbol(f"{accent} {_name_of(body)}")

    def styled(self, token: Token, content: Statements) -> Tree:
        body = _value(content)
        style = r"\boldsymbol" if token in (r"\bm", r"\mathbf") else str(token)
        name = body.name if isinstance(body, Symbol) else _name_of(body)
        return Symbol(f"{style}{{{name}}}")

    def below(self, content: Any) -> Below:
        return Below(content, "")

    def above(self, content: Any) -> Above:
        return Above(content, "")

    def prime(self, token: Token) -> Any:
        return token

    def scripted(self, base: Any, *scripts: Any) -> Any:
        if isinstance(base, Statements):
            base = Group(_value(base))
        for script in scripts:
            base = _with_script(base, script)
        if isinstance(base, Brace):
            return Group(base.body)
        return base


def _only(statement: Relations) -> Tree:
    if statement.signs:
        raise UnreadableError("a relation stands where a value should")
    return statement.sides[0]


def _value(content: Any) -> Tree:
    """The one expression of a group."""
    if isinstance(content, Statements):
        if len(content.parts) != 1:
            raise UnreadableError("several expressions stand where one should")
        return _only(content.parts[0])
    if isinstance(content, Tree):
        return content
    raise UnreadableError(f"{content} stands where a value should")


def _name_of(tree: Tree) -> str:
    """A name for a symbol made of something larger, such as a derivative under a hat."""
    return re.sub(r"\s+", "", repr(tree))


def _indices(content: Any) -> tuple[Tree, ...]:
    r"""`t`, `t-1`, `t,\beta`, `\beta j`, `t,\beta j`: symbols side by side are indices of their own."""
    if not isinstance(content, Statements):
        return (content,)
    found: list[Tree] = []
    for part in content.parts:
        tree = _only(part)
        factors = getattr(tree, "factors", ())
        found += factors if factors and all(isinstance(f, Symbol) for f in factors) else [tree]
    return tuple(found)


def _print(tree: Tree) -> str:
    """A subscript in short, for names such as k_1."""
    match tree:
        case Number():
            return f"{tree.value:g}"
        case Symbol():
            return tree.name + (f"_{','.join(map(_print, tree.indices))}" if tree.indices else "")
        case Sum():
            return "".join(("+" if s > 0 else "-") + _print(t) for s, t in tree.terms).removeprefix("+")
    return "?"


def _with_script(base: Any, script: Any) -> Any:
    if isinstance(script, Token):  # a prime
        if isinstance(base, terms.FunctionMark):
            return terms.FunctionMark(base.name + str(script), base.power, base.below)
        if not isinstance(base, Symbol):
            raise UnreadableError("a prime must follow a symbol")
        return Symbol(base.name + str(script), base.indices, base.whole)
    content = script.content
    words = content if isinstance(content, Words) else _words_of(content)
    below = isinstance(script, Below)
    match base:
        case Brace():
            return _annotated(base.body, content, words)
        case terms.FunctionMark():
            if below:
                return terms.FunctionMark(base.name, base.power, _indices(content))
            return terms.FunctionMark(base.name, _value(content), base.below)
        case terms.BigMark():
            return _bounded(base, content, below)
        case Norm() if below:
            return Norm(base.body, words or _print(_value(content)))
    if below:
        if not isinstance(base, Symbol):
            raise UnreadableError("a subscript must follow a symbol")
        if words:
            return Symbol(f"{base.name}_{words}", base.indices, "")
        indices = _indices(content)
        return Symbol(base.name, base.indices + indices, f"{base.name}_{','.join(map(_print, indices))}")
    if not isinstance(base, Tree):
        raise UnreadableError("a superscript must follow a value")
    if words and isinstance(base, Symbol):
        return Symbol(f"{base.name}^{words}", base.indices, f"{base.whole}^{words}" if base.whole else "")
    exponent = _value(content)
    if exponent == Symbol(r"\top"):
        return Transpose(base)
    if exponent == Sum(((-1, Symbol(r"\top")),)):
        return Transpose(Power(base, Number(-1.0)))
    return Power(base, exponent)


def _words_of(content: Any) -> str:
    """The text in a script that is nothing but text, or a function's name used as one (`_{\\max}`)."""
    if isinstance(content, Statements) and content.words and not content.parts:
        return "".join(re.sub(r"\\\w+\{(.*)\}", r"\1", w) for w in content.words).strip()
    return ""


def _bounded(mark: terms.BigMark, content: Any, below: bool) -> terms.BigMark:
    if not below:
        return terms.BigMark(mark.operator, mark.variables, mark.lower, _value(content), mark.condition)
    if not isinstance(content, Statements):
        content = Statements((Relations((_value(content),)),))
    first = content.parts[0]
    names: list[str] = []
    for part in content.parts:
        for index in _indices(Statements((Relations((part.sides[0],)),))):
            if not isinstance(index, Symbol):
                raise UnreadableError("a sum runs over symbols")
            names.append(index.name)
    if first.signs == ("=",) and len(content.parts) == 1:
        return terms.BigMark(mark.operator, tuple(names), first.sides[1], mark.upper, None)
    if first.signs:
        return terms.BigMark(mark.operator, tuple(names), None, None, first)
    return terms.BigMark(mark.operator, tuple(names), None, None, None)


def _annotated(body: Tree, content: Any, words: str) -> Tree:
    """What stands under a brace: shapes are kept, and values where no words stand beside them."""
    if not isinstance(content, Statements):
        content = Statements((Relations((_value(content),)),)) if isinstance(content, Tree) else Statements(())
    sides = [_only(p) for p in content.parts]
    if content.words and any(_has_sign(s) for s in sides):
        raise UnreadableError("a note in words below a brace holds no + or -, for nothing would test it")
    shapes = tuple(s for s in sides if is_shape(s))
    equals = () if content.words else tuple(s for s in sides if not is_shape(s))
    return Braced(body, shapes, equals)


def _has_sign(tree: Any) -> bool:
    if isinstance(tree, Sum):
        return True
    if isinstance(tree, tuple):
        return any(_has_sign(t) for t in tree)
    return is_dataclass(tree) and any(_has_sign(getattr(tree, f.name)) for f in fields(tree))


SIZES = frozenset("TBDHKNLn") | {"1", "2", "4"}


def is_shape(tree: Tree) -> bool:
    """(B, H) or (TB, D) or (H): parentheses that hold nothing but sizes."""
    items = tree.items if isinstance(tree, Tuple) else (tree.body,) if isinstance(tree, Group) else ()
    return bool(items) and all(_is_size(i) for i in items)


def _is_size(tree: Tree) -> bool:
    match tree:
        case Number():
            return tree.value == int(tree.value)
        case Symbol():
            return tree.name in SIZES and not tree.indices
        case Sum():
            return all(_is_size(t) for _, t in tree.terms)
    factors = getattr(tree, "factors", ())
    return bool(factors) and all(_is_size(f) for f in factors)


@cache
def _grammar() -> Lark:
    path = Path(__file__).with_name("latex.lark")
    return Lark(path.read_text(encoding="utf-8"), start="text", parser="lalr", lexer="basic", postlex=Layout())


NAMES = {
    "COMMA": "a comma",
    "RBRACE": "}",
    "RPAR": ")",
    "SIGN": "+ or -",
    "RELATION": "a relation sign",
    "$END": "the end",
}


@lru_cache(maxsize=4096)
def read(latex: str, label: str = "equation") -> Statements:
    """The statements of an equation's LaTeX. Raises UnreadableError with label, place and what was expected."""
    try:
        return _Builder(latex).transform(_grammar().parse(latex))
    except UnexpectedInput as error:
        raise UnreadableError(f"{label}: {_where(latex, error)}") from None
    except VisitError as error:
        if isinstance(error.orig_exc, UnreadableError):
            raise UnreadableError(f"{label}: {error.orig_exc}") from None
        raise
    except UnreadableError as error:
        raise UnreadableError(f"{label}: {error}") from None


def _where(latex: str, error: UnexpectedInput) -> str:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return f"it ends too early; expected {_expected(error)}"
    place = error.pos_in_stream or 0
    line, column = latex.count("\n", 0, place) + 1, place - latex.rfind("\n", 0, place)
    what = "no LaTeX that the book's equations use" if isinstance(error, UnexpectedCharacters) else "not expected here"
    wanted = f"; expected {_expected(error)}" if isinstance(error, UnexpectedToken) else ""
    return f"line {line}, column {column}: {latex[place : place + 20].splitlines()[0]!r} is {what}{wanted}"


def _expected(error: UnexpectedToken) -> str:
    names = sorted({NAMES[n] for n in error.expected if n in NAMES})
    return " or ".join(names) if names else "something else"


def read_symbol(latex: str) -> Symbol:
    """A single symbol, as worlds name it."""
    tree = read(latex, latex).parts[0].sides[0]
    if not isinstance(tree, Symbol):
        raise UnreadableError(f"{latex} is no symbol")
    return tree
