"""Layout before grammar: what rows, ampersands and bars mean depends on their neighbours."""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token

_CONTINUES = {"SIGN", "RELATION", "OPERATOR"}
_BARS = {"BAR": ("LBAR", "RBAR"), "DOUBLE_BAR": ("LNORM", "RNORM")}
_OPENS = {"LPAR", "LBRACE", "LSQB", "LBAR", "LNORM", "LANGLE", "LCEIL", "LFLOOR"}
_CLOSES = {"RPAR", "RBRACE", "RSQB", "RBAR", "RNORM", "RANGLE", "RCEIL", "RFLOOR"}


def _outside_matrices(tokens: list[Token]) -> list[Token]:
    """Drop ampersands, and rows that only break a line: one that begins or ends with a sign goes on."""
    kept: list[Token] = []
    matrix = 0
    for place, token in enumerate(tokens):
        matrix += (token.type == "MATRIX") - (token.type == "END")
        if not matrix and token.type == "AMP":
            continue
        if not matrix and token.type == "ROW":
            after = next((t for t in tokens[place + 1 :] if t.type not in ("AMP", "QUAD", "TEXT")), None)
            before = next((t for t in reversed(kept) if t.type not in ("AMP", "QUAD")), None)
            if after is not None and after.type in _CONTINUES and _no_words_before(tokens, place, after):
                while kept and kept[-1].type == "QUAD":
                    kept.pop()
                continue
            if before is not None and before.type in _CONTINUES:
                continue
        if token.type == "QUAD" and kept and kept[-1].type in _CONTINUES:
            continue
        kept.append(token)
    # a quad directly before a sign is layout too: `&\quad + x`
    return [t for t, after in zip(kept, [*kept[1:], None], strict=True) if not _idle_quad(t, after)]


def _no_words_before(tokens: list[Token], place: int, after: Token) -> bool:
    between = tokens[place + 1 : tokens.index(after, place)]
    return all(t.type != "TEXT" for t in between)


def _idle_quad(token: Token, after: Token | None) -> bool:
    return token.type == "QUAD" and after is not None and after.type in {"SIGN", "OPERATOR", "RELATION"}


class Layout:
    """Lark's hook between its lexer and its parser."""

    always_accept = ("AMP", "BAR", "DOUBLE_BAR")

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        opened: list[str] = []
        for token in _outside_matrices(list(stream)):
            if token.type in _BARS:
                left, right = _BARS[token.type]
                closing = bool(opened) and opened[-1] == left
                token = token.update(type=right if closing else left)
            if token.type in _OPENS:
                opened.append(token.type)
            elif token.type in _CLOSES and opened:
                opened.pop()
            yield token
