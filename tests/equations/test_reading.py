"""LaTeX to trees: each form of the book's mathematics, and errors that say where."""

from __future__ import annotations

import pytest

from autograder.equations.mutation import mutants
from autograder.equations.reading import read, read_symbol
from autograder.equations.terms import UnreadableError
from autograder.equations.tree import (
    Big,
    Binary,
    Braced,
    Call,
    Derivative,
    Entry,
    Group,
    Norm,
    Number,
    Power,
    Product,
    Relations,
    Run,
    Sum,
    Symbol,
    Transpose,
    Tree,
    Tuple,
)


def one(latex: str) -> Tree:
    """The only expression of the LaTeX."""
    (statement,) = read(latex).parts
    (side,) = statement.sides
    return side


def test_a_symbol_has_a_name_indices_and_a_name_with_its_subscript() -> None:
    assert one("h_{t-1}") == Symbol("h", (Sum(((1, Symbol("t")), (-1, Number(1.0)))),), "h_t-1")
    assert one(r"b_y") == Symbol("b", (Symbol("y"),), "b_y")
    assert one(r"\delta \tilde h_t") == Symbol(r"\delta \tilde h", (Symbol("t"),), r"\delta \tilde h_t")
    assert one(r"\dot{h}") == one(r"\dot h") == Symbol(r"\dot h")
    assert one(r"\widehat C") == one(r"\hat{C}") == Symbol(r"\hat C")
    assert one(r"\delta \overleftarrow{h}_t") == Symbol(
        r"\delta \overleftarrow h", (Symbol("t"),), r"\delta \overleftarrow h_t"
    )
    assert one(r"\boldsymbol{\delta}") == Symbol(r"\boldsymbol{\delta}")
    assert one(r"x_{\text{max}}") == Symbol("x_max")
    assert one(r"h_0^{\text{shared}}") == Symbol("h^shared", (Number(0.0),), "h_0^shared")
    assert one("f'").name == "f'"  # type: ignore[attr-defined]


@pytest.mark.parametrize("subscript", [r"t,\beta j", r"t,\beta,j", r"t, \; \beta j"])
def test_symbols_side_by_side_in_a_subscript_are_indices(subscript: str) -> None:
    (names,) = [s.indices for s in [one(f"h_{{{subscript}}}")] if isinstance(s, Symbol)]
    assert names == (Symbol("t"), Symbol(r"\beta"), Symbol("j"))


def test_a_subscript_may_have_a_subscript() -> None:
    assert one(r"p_{t,c_{t}}") == Symbol("p", (Symbol("t"), Symbol("c", (Symbol("t"),), "c_t")), "p_t,c_t")


def test_delta_of_something_with_a_superscript() -> None:
    assert one(r"\delta a_t^{\top}") == Transpose(one(r"\delta a_t"))


def test_juxtaposition_binds_tighter_than_odot() -> None:
    A, B, C, D = (Symbol(n) for n in "ABCD")
    assert one(r"A B \odot C D") == Binary(r"\odot", Product((A, B)), Product((C, D)))
    assert one(r"A \odot B / C") == Binary("/", Binary(r"\odot", A, B), C)


def test_signs() -> None:
    assert one("-a + b") == Sum(((-1, Symbol("a")), (1, Symbol("b"))))


def test_functions_take_what_follows_up_to_the_next_operator() -> None:
    a, b = Symbol("a"), Symbol("b")
    assert one(r"\tanh a b \odot a") == Binary(r"\odot", Call("tanh", (Product((a, b)),)), a)
    assert one(r"\tanh(a) b") == Product((Call("tanh", (Group(a),)), b))
    assert one(r"\tanh^2 a") == Power(Call("tanh", (a,)), Number(2.0))
    assert one(r"\sin a \cos b") == Product((Call("sin", (a,)), Call("cos", (b,))))
    assert one(r"\max(a, b)") == Call("max", (a, b))
    assert one(r"\operatorname{diag}(a) b") == Product((Call("diag", (Group(a),)), b))
    found = one(r"\log \sum_j a")
    assert isinstance(found, Call)
    assert isinstance(found.arguments[0], Big)


def test_a_sum_reaches_to_the_next_sign() -> None:
    found = one(r"c \sum_{k=1}^{t} a \odot b + c")
    assert isinstance(found, Sum)
    product = found.terms[0][1]
    assert isinstance(product, Product)
    assert product.factors[1] == Big("sum", ("k",), Number(1.0), Symbol("t"), None, one(r"a \odot b"))


def test_sums_over_ranges_and_conditions() -> None:
    assert one(r"\sum_{p,q} a") == Big("sum", ("p", "q"), None, None, None, Symbol("a"))
    found = one(r"\sum_{j \ne c} a")
    assert isinstance(found, Big)
    assert found.condition == Relations((Symbol("j"), Symbol("c")), (r"\ne",))
    assert one(r"\max_i a") == Big("max", ("i",), None, None, None, Symbol("a"))


def test_dots_between_factors() -> None:
    up = one(r"J_{k+1} \cdots J_t")
    assert isinstance(up, Run)
    assert up.second is None
    down = one(r"G_t J_t^{\top} J_{t-1}^{\top} \cdots J_{k+1}^{\top}")
    assert isinstance(down, Product)
    assert down.factors[0] == one("G_t")
    assert isinstance(down.factors[1], Run)
    assert down.factors[1].second == one(r"J_{t-1}^{\top}")


def test_dots_in_a_sum() -> None:
    found = one(r"1 + 2 + \dots + T")
    assert isinstance(found, Sum)
    assert found.terms == ((1, Run("sum", Number(1.0), Number(2.0), Symbol("T"))),)


def test_derivatives() -> None:
    C, U = Symbol("C"), Symbol("U")
    assert one(r"\frac{\mathrm{d} C}{\mathrm{d} U}") == Derivative("total", C, U)
    assert one(r"\frac{\partial^{+} C}{\partial U}") == Derivative("immediate", C, U)
    assert one(r"\frac{\partial C}{\partial U}") == Derivative("partial", C, U)
    assert one(r"\mathrm{d} C / \mathrm{d} U") == Derivative("total", C, U)


def test_bars_close_what_they_open() -> None:
    assert one(r"\| g \| \| h \|_2") == Product((Norm(Symbol("g")), Norm(Symbol("h"), "2")))
    assert one(r"|a| |b|") == Product((Call("abs", (Symbol("a"),)), Call("abs", (Symbol("b"),))))


def test_brackets_are_entries_or_groups_or_a_truth() -> None:
    assert one("J_t[i, j]") == Entry(one("J_t"), (Symbol("i"), Symbol("j")))
    assert one(r"a \bigl[ b \bigr]") == Product((Symbol("a"), Group(Symbol("b"))))
    assert one(r"[\,i = j\,]") == Call("iverson", (Relations((Symbol("i"), Symbol("j")), ("=",)),))


def test_braces_keep_shapes_and_values_and_drop_words() -> None:
    found = one(r"\underbrace{a}_{(B,\,H)}")
    assert found == Group(Braced(Symbol("a"), (Tuple((Symbol("B"), Symbol("H"))),))) or isinstance(found, Braced)
    assert isinstance(found, Braced)
    assert found.shapes
    assert not found.equals
    said = one(r"\underbrace{a}_{h_3}")
    assert isinstance(said, Braced)
    assert said.equals == (one("h_3"),)
    words = one(r"\underbrace{a}_{\text{through } h_3}")
    assert isinstance(words, Braced)
    assert not words.equals


def test_rows_that_begin_with_a_sign_go_on() -> None:
    latex = r"\begin{aligned} a &= b \\ &\quad + c \\ d &= e \end{aligned}"
    first, second = read(latex).parts
    assert first.sides[1] == one("b + c")
    assert second == Relations((Symbol("d"), Symbol("e")), ("=",))


def test_statements_are_separated_by_commas_quads_and_words() -> None:
    statements = read(r"a = b, \qquad c \le d = e \quad \text{that is} \quad f .").parts
    assert [s.signs for s in statements] == [("=",), (r"\le", "="), ()]


def test_a_symbol_of_a_world() -> None:
    assert read_symbol(r"\rho_0").whole == r"\rho_0"
    with pytest.raises(UnreadableError, match="no symbol"):
        read_symbol("a + b")


@pytest.mark.parametrize(
    ("latex", "said"),
    [
        ("a = \n b \\frob c", "eq-x: line 2, column 4: .* is no LaTeX that the book's equations use"),
        ("a = (b", "eq-x: it ends too early; expected .*"),
        ("a = b)", r"eq-x: line 1, column 6: '\)' is not expected here"),
        (r"a \odot", r"eq-x: nothing follows"),
        (r"\odot a", "eq-x: an operator without something before it"),
        (r"\tanh \odot a", "eq-x: tanh has no argument"),
        (r"\sum_{k=1}^{t}", "eq-x: nothing follows the sum"),
        (r"\underbrace{a}_{\text{through } h_{t+1}}", r"eq-x: a note in words below a brace holds no \+ or -"),
        (r"a_1 \cdots b_2", "eq-x: the members before and after the dots differ in more than an index"),
        ("a _", "eq-x: it ends too early"),
    ],
)
def test_errors_name_label_and_place(latex: str, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        read(latex, "eq-x")


def test_mutants_change_one_thing_each_and_no_words() -> None:
    found = {m.what: m.latex for m in mutants(r"a_{t-1} + U^{\top} \le \text{a - b}")}
    assert found == {
        "plus to minus, no. 1": r"a_{t-1} - U^{\top} \le \text{a - b}",
        "minus to plus, no. 1": r"a_{t+1} + U^{\top} \le \text{a - b}",
        "≤ to ≥, no. 1": r"a_{t-1} + U^{\top} \ge  \text{a - b}",
        "transpose dropped, no. 1": r"a_{t-1} + U \le \text{a - b}",
        "t-1 to t, no. 1": r"a_{t} + U^{\top} \le \text{a - b}",
    }
