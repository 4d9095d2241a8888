"""Which pairs of submissions share passages that nothing given explains, and how much that says.

What counts is passages that are in neither the release nor the reference, by how *rare* they are in the class: one that
two have counts 1, one that COMMON of the class have 0, with the logarithm in between. Of a pair, `size` is the sum over
the passages that both have, in words of code, and `share` what part that is of the sum over all own passages of the
one who has less. What share honest right answers have was measured; the tests repeat it: the largest of a class grows
with the number of its pairs, and so does the share from which on a pair is listed (`least_share`).
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from autograder.grading.similarity.fingerprints import Fingerprints, fingerprints
from autograder.grading.similarity.reading import Submission
from autograder.grading.similarity.words import words

COMMON = 0.5
"""From this share of the class on, a passage says nothing."""
FEWEST_COMMON = 3
"""As many may have the same before it says nothing, in a class of any size."""
LEAST_CODE = 60.0
"""Who has less rare code than this, in words, some seven lines, is taken to have so much: it is too little to judge."""
MUCH = 400.0
"""A pair that shares so much, some fifty lines, is listed whatever part it is: padding hides no copy."""
SAME_SIZE = 120
"""Two notebooks that are word for word the same are listed from so many words on, however many share them."""


@dataclass(frozen=True)
class Pair:
    """Two submissions of a notebook, `first` and `second` by name, that a person should look at side by side.

    `size` is the shared code in words, rare ones counting most; `share` the part it is of the own code of the one who
    has less; `others` how many more of the class have a passage of it, the median. `same_file`: byte for byte the same;
    `same_code`: word for word. `same_results` and `same_texts` name questions with the same wrong result, of a kind
    that few have, and with the same written answer.
    """

    notebook: str
    first: str
    second: str
    size: float
    share: float
    others: float
    same_file: bool = False
    same_code: bool = False
    same_results: tuple[str, ...] = ()
    same_texts: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[object, ...]:
        """What the list is sorted by: the same file, the same code, how much of how much, how much else is the same."""
        same = len(self.same_texts) + len(self.same_results)
        weight = -round(self.size * self.share, 6)
        return (not self.same_file, not self.same_code, weight, -same, self.first, self.second)


@dataclass(frozen=True)
class Given:
    """The passages that are explained, sorted."""

    passages: Fingerprints

    @classmethod
    def of(cls, sources: Iterable[str]) -> "Given":
        """The passages of the code that everybody was given."""
        found = [fingerprints(words(source)) for source in sources]
        return cls(np.unique(np.concatenate([np.empty(0, np.uint64), *found])))

    def explains(self, passages: Fingerprints) -> NDArray[np.bool_]:
        """Which of the passages are among them."""
        places = np.searchsorted(self.passages, passages)
        found = np.zeros(len(passages), bool)
        inside = places < len(self.passages)
        found[inside] = self.passages[places[inside]] == passages[inside]
        return found

    def own(self, submission: Submission) -> Fingerprints:
        """The passages of a submission that are not explained, each once, sorted."""
        found = [fingerprints(words(cell.source)) for cell in submission.cells]
        passages = np.unique(np.concatenate([np.empty(0, np.uint64), *found]))
        return passages[~self.explains(passages)]


@dataclass(frozen=True)
class Index:
    """The own passages of a class's notebooks, by number, and who has each.

    passages: (P,) uint64, sorted; count: (P,) how many have it; weight: (P,) float64 from 0 to 1, what it says;
    of[i]: the passages of notebook i, as numbers into `passages`; owners[start[p]:start[p + 1]]: who has passage p.
    """

    passages: Fingerprints
    count: NDArray[np.int64]
    weight: NDArray[np.float64]
    of: Sequence[NDArray[np.int64]]
    start: NDArray[np.int64]
    owners: NDArray[np.int64]

    @classmethod
    def made(cls, own: Sequence[Fingerprints]) -> "Index":
        """The index of the own passages of each notebook. Time and memory grow with the passages, not the pairs."""
        every = np.concatenate([np.empty(0, np.uint64), *own])
        passages, number, count = np.unique(every, return_inverse=True, return_counts=True)
        lengths = np.array([len(one) for one in own], np.int64)
        owner = np.repeat(np.arange(len(own)), lengths)
        order = np.argsort(number, kind="stable")
        start = np.concatenate([[0], np.cumsum(count)])
        of = np.split(number.astype(np.int64), np.cumsum(lengths)[:-1]) if own else []
        return cls(passages, count, rarity(count, len(own)), of, start, owner[order])

    def code(self, notebook: int) -> float:
        """All own code of a notebook, rare passages counting most, and at least LEAST_CODE."""
        return max(LEAST_CODE, float(self.weight[self.of[notebook]].sum()))

    def shared(self, first: int, second: int) -> NDArray[np.int64]:
        """The passages that both have, as numbers."""
        return np.intersect1d(self.of[first], self.of[second], assume_unique=True)

    def partners(self, notebook: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Which later notebooks share rare passages with this one, and the sum of the passages' weights."""
        rare = self.of[notebook]
        rare = rare[(self.weight[rare] > 0) & (self.count[rare] > 1)]
        runs = [self.owners[self.start[p] : self.start[p + 1]] for p in rare]
        if not runs:
            return np.empty(0, np.int64), np.empty(0)
        who = np.concatenate(runs)
        weights = np.repeat(self.weight[rare], self.count[rare])
        sums = np.bincount(who[who > notebook], weights[who > notebook], minlength=notebook + 1)
        found = np.flatnonzero(sums)
        return found.astype(np.int64), sums[found].astype(np.float64)


def rarity(count: NDArray[np.int64], notebooks: int) -> NDArray[np.float64]:
    """What a passage says that `count` of the class's notebooks have: 1 for two or one, 0 from COMMON on."""
    most = max(FEWEST_COMMON, math.ceil(COMMON * notebooks))
    weight = np.log((most + 1) / np.maximum(count, 2)) / math.log((most + 1) / 2)
    return np.clip(weight, 0.0, 1.0)


def least_share(notebooks: int) -> float:
    """The share from which on a pair is listed: 0.57 among 16, 0.67 among a hundred, 0.88 among 5,000."""
    pairs = max(1, notebooks * (notebooks - 1) // 2)
    return min(0.9, 0.45 + 0.06 * math.log10(pairs))


@dataclass(frozen=True)
class Compared:
    """The pairs of one notebook, most telling first; how many more there were; and how many notebooks were compared.

    `shared` maps the names of a pair to the passages that both have; `notes` tell what is not a matter of pairs.
    """

    pairs: list[Pair]
    left_out: int
    notebooks: int
    shared: dict[tuple[str, str], Fingerprints]
    notes: tuple[str, ...] = ()


def compare(
    handed_in: Sequence[Submission],
    given: Given,
    *,
    wrong: Mapping[str, Mapping[str, str]] | None = None,
    given_texts: Iterable[str] = (),
    least: float | None = None,
    most: int = 200,
) -> Compared:
    """The pairs among submissions of one notebook, at most `most` of them.

    `least` is the share from which on they are listed, by default that of `least_share`.
    `wrong` maps students to what went wrong in a question, in words that are the same for the same error. Of a group
    with the same file, code or text, everybody is paired with its first.
    """
    index = Index.made([given.own(submission) for submission in handed_in])
    signs = _signs(handed_in, index, wrong or {}, set(given_texts))
    keys = set(_alike(index, least_share(len(handed_in)) if least is None else least))
    notes = []
    for kind in ("file", "code", "text"):
        for (_, question, _), members in _groups(signs, kind).items():
            if kind == "text" and len(members) > FEWEST_COMMON:
                names = ", ".join(handed_in[member].student for member in members[:20])
                more = f" and {len(members) - 20} more" if len(members) > 20 else ""
                notes.append(f"{len(members)} have the same written answer to {question}: {names}{more}.")
            else:
                keys |= {(members[0], other) for other in members[1:]}
    few = [members for members in _groups(signs, "wrong").values() if len(members) <= FEWEST_COMMON]
    twice = Counter(pair for members in few for pair in combinations(members, 2))
    keys |= {pair for pair, times in twice.items() if times >= 2}
    having = Counter(sign for own in signs for sign in own)
    found = [(_pair(handed_in, index, signs, having, key), key) for key in keys]
    found.sort(key=lambda pair_and_key: pair_and_key[0].order)
    shared = {(pair.first, pair.second): index.passages[index.shared(*key)] for pair, key in found[:most]}
    return Compared([pair for pair, _ in found[:most]], max(0, len(found) - most), len(handed_in), shared, tuple(notes))


def _alike(index: Index, least: float) -> Iterator[tuple[int, int]]:
    """The pairs that share enough of their own code."""
    code = np.array([index.code(notebook) for notebook in range(len(index.of))])
    for first in range(len(index.of)):
        partners, sums = index.partners(first)
        for second in partners[(sums >= least * np.minimum(code[first], code[partners])) | (sums >= MUCH)]:
            yield first, int(second)


_Sign = tuple[str, str, str]
"""A kind ("file", "code", "text", "wrong"), a question or "", and a hash or a text: equal for what is the same."""


def _signs(
    handed_in: Sequence[Submission], index: Index, wrong: Mapping[str, Mapping[str, str]], given_texts: set[str]
) -> list[set[_Sign]]:
    """What can be the same in two submissions as a whole, for each of them."""
    found = []
    for number, submission in enumerate(handed_in):
        signs: set[_Sign] = {("wrong", *item) for item in wrong.get(submission.student, {}).items()}
        signs |= {("text", question, text) for question, text in submission.texts.items() if text not in given_texts}
        if submission.file:
            signs.add(("file", "", submission.file))
        if len(index.of[number]) >= SAME_SIZE:
            signs.add(("code", "", sha256(index.of[number].tobytes()).hexdigest()))
        found.append(signs)
    return found


def _groups(signs: Sequence[set[_Sign]], kind: str) -> dict[_Sign, list[int]]:
    """Who has each sign of a kind, where more than one has it; in order."""
    groups: dict[_Sign, list[int]] = {}
    for number, own in enumerate(signs):
        for sign in own:
            if sign[0] == kind:
                groups.setdefault(sign, []).append(number)
    return {sign: members for sign, members in groups.items() if len(members) > 1}


def _pair(
    handed_in: Sequence[Submission],
    index: Index,
    signs: Sequence[set[_Sign]],
    having: Mapping[_Sign, int],
    key: tuple[int, int],
) -> Pair:
    first, second = key
    shared = index.shared(first, second)
    weights = index.weight[shared]
    whole = min(index.code(first), index.code(second))
    same = signs[first] & signs[second]
    few = max(FEWEST_COMMON, math.ceil(COMMON * len(handed_in)))
    return Pair(
        handed_in[first].notebook,
        handed_in[first].student,
        handed_in[second].student,
        size=float(weights.sum()),
        share=float(weights.sum() / whole),
        others=float(np.median(index.count[shared[weights > 0]])) - 2 if np.any(weights > 0) else 0.0,
        same_file=any(kind == "file" for kind, *_ in same),
        same_code=any(kind == "code" for kind, *_ in same),
        same_results=tuple(sorted(sign[1] for sign in same if sign[0] == "wrong" and having[sign] <= few)),
        same_texts=tuple(sorted(sign[1] for sign in same if sign[0] == "text")),
    )
