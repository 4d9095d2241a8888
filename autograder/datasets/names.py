"""Family names of six languages: a part to learn from, and a reserve that only the checks draw from.

The names are those of the package faker (MIT licence), which has to be installed. Accents are folded, so that every
name is made of the letters a to z; a name that stands in two languages' lists is left out of both.
"""

import hmac
import importlib
import unicodedata
from collections import Counter
from functools import cache

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
LANGUAGES = ("Croatian", "Finnish", "French", "German", "Italian", "Spanish")
"""In the order of their labels, 0 to 5."""

_LOCALES = ("hr_HR", "fi_FI", "fr_FR", "de_DE", "it_IT", "es_ES")
_MOST = 400
"""Names of a language at most, so that no language outweighs the others by much."""
_RESERVE = 0.3
_PUBLIC = b"unrolled: which names are held back"


@cache
def part_to_learn_from() -> tuple[tuple[str, int], ...]:
    """(name, label) pairs in an order that has nothing to do with either: about seven names in ten."""
    return tuple(pair for pair in _all() if _share(_PUBLIC, pair[0]) >= _RESERVE)


@cache
def reserve() -> tuple[tuple[str, int], ...]:
    """The other pairs. No name of the part to learn from is among them."""
    return tuple(pair for pair in _all() if _share(_PUBLIC, pair[0]) < _RESERVE)


def held_out(secret: bytes, count: int) -> list[tuple[str, int]]:
    """`count` pairs of the reserve, chosen and ordered by a hash under the secret."""
    return sorted(reserve(), key=lambda pair: _share(secret, pair[0]))[:count]


def folded(name: str) -> str:
    """Lower case, without accents: "Núñez" becomes "nunez", "Groß" "gross"."""
    name = name.casefold().replace("đ", "d").replace("ø", "o").replace("æ", "ae").replace("œ", "oe")
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))


@cache
def _all() -> tuple[tuple[str, int], ...]:
    by_label: list[set[str]] = []
    for locale in _LOCALES:
        names = {folded(name) for name in _last_names(locale)}
        by_label.append({name for name in names if len(name) > 1 and set(name) <= set(ALPHABET)})
    languages = Counter(name for names in by_label for name in names)
    pairs = []
    for label, names in enumerate(by_label):
        own = sorted((name for name in names if languages[name] == 1), key=lambda name: _share(_PUBLIC + b"?", name))
        pairs += [(name, label) for name in own[:_MOST]]
    return tuple(sorted(pairs, key=lambda pair: _share(_PUBLIC + b"!", pair[0])))


def _last_names(locale: str) -> list[str]:
    try:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    except ImportError:
        raise ImportError("the names come from the package faker: pip install faker") from None
    return list(provider.last_names)


def _share(key: bytes, name: str) -> float:
    """A number from 0 to 1 that looks random and depends on the key and the name alone."""
    return int.from_bytes(hmac.digest(key, name.encode(), "sha256")[:8]) / 2**64
