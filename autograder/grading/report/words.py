"""How pages write things: points, shares and times, and other people's words made safe to show."""

import re
import textwrap

from markupsafe import Markup, escape

from autograder.boundary.words import visible

_SUBSCRIPT = re.compile(r"(?<!\w)(δ?[A-Za-zθ])_(\w|\{[\w−+-]+\})(?![A-Za-z0-9_])")


def prose(text: str) -> Markup:
    """A check's words as HTML: escaped, with `code`, *emphasis* and subscripts, as in h_t, marked as such."""
    pieces = re.split(r"`([^`\n]+)`", str(escape(visible(text))))
    words = (re.sub(r"\*(\w[^*\n]*)\*", r"<em>\1</em>", _SUBSCRIPT.sub(_subscript, piece)) for piece in pieces[::2])
    pieces[::2] = words
    pieces[1::2] = (f"<code>{piece}</code>" for piece in pieces[1::2])
    return Markup("".join(pieces))


def _subscript(match: re.Match[str]) -> str:
    return f"{match[1]}<sub>{match[2].strip('{}')}</sub>"


def upper_first(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """The text with a full stop, if it has no end yet."""
    text = text.strip()
    return text if not text or text[-1] in ".!?:" else f"{text}."


def wrapped(text: str, first: str = "") -> str:
    """The text as one paragraph of lines for a mail, each as far in as the first; a word that is longer stays whole."""
    words = one_line(text)
    return textwrap.fill(
        words,
        76,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def one_line(text: str) -> str:
    return " ".join(visible(str(text)).split())


def points(value: float) -> str:
    """Points as people write them: 3, 1.75."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def percent(value: float) -> str:
    """A share as whole percent; neither 0% nor 100% where it is not."""
    whole = round(100 * value)
    if whole == 0 and value > 0:
        return "< 1%"
    if whole == 100 and value < 1:
        return "> 99%"
    return f"{whole}%"


def duration(seconds: float) -> str:
    """Seconds in words: 4.2 s, 3 min, 2 h 5 min, 3 days 4 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} {'day' if days == 1 else 'days'}" + (f" {hours} h" if hours else "")


def number(value: int) -> str:
    """A whole number with a thin space for each thousand."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


FILTERS = (prose, sentence, wrapped, one_line, visible, upper_first, points, percent, duration, number)
"""What templates call, by name."""
