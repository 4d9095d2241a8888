"""What is asked in `names`, on which problems, and what is expected: computed name by name, as the task puts it."""

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from autograder.checks.drawing import cast, gaps, lengths, say, sizes
from autograder.checks.names import answers
from autograder.checks.names.mistakes import MISTAKES
from autograder.checks.names.training import TRAIN_AND_PREDICT
from autograder.checks.names.variants import VARIANTS
from autograder.checks.question import Problem, Question, everywhere, function
from autograder.checks.training import Training

Generator = np.random.Generator
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _encode_problem(rng: Generator, remark: str, *, unknown: bool, capital: bool, empty: bool, B: int = 0) -> Problem:
    alphabet = "".join(rng.permutation(list(LETTERS))[:12])
    T, B = int(rng.integers(6, 9)), B or int(rng.integers(4, 6))
    longest_first = [T, *rng.choice(np.arange(2, T), size=B - 1, replace=False)]
    names = ["".join(rng.choice(list(alphabet), size=length)) for length in longest_first]
    names[0] = alphabet[0] + names[0][1:]
    if unknown:
        strange = next(c for c in LETTERS if c not in alphabet)
        names = [f"{name[0]}{' ' if i else strange}{name[2:]}" for i, name in enumerate(names)]
    if capital:
        names = [name.capitalize() for name in names]
    order = rng.permutation(B)
    names = [names[i] for i in order]
    if B > 2 and len(names[0]) < len(names[-1]):
        names = names[::-1]  # so that sorting them by length would be seen
    if empty:
        names.insert(1, "")
    ids = np.zeros((T, len(names)), np.int64)
    for beta, name in enumerate(names):
        for t, letter in enumerate(name.lower()):
            ids[t, beta] = alphabet.find(letter) + 1 or len(alphabet) + 1
    expected = {"ids": ids, "lengths": np.array([len(name) for name in names])}
    values = {"text": np.array("\n".join(names)), "alphabet": np.array(alphabet), "one": np.array(1.0)}
    given = f"the names {', '.join(map(repr, names))} and the alphabet {alphabet!r}{remark and ', ' + remark}"
    return Problem(given, values, expected, terms=1, sizes={"T": T, "B": len(names)})


def _encode_problems(rng: Generator) -> Iterator[Problem]:
    yield _encode_problem(rng, "", unknown=False, capital=False, empty=False)
    yield _encode_problem(rng, "an empty line", unknown=False, capital=False, empty=True)
    yield _encode_problem(rng, "unknown letters", unknown=True, capital=False, empty=False)
    yield _encode_problem(rng, "capitals", unknown=False, capital=True, empty=False)
    yield _encode_problem(rng, "all of this", unknown=True, capital=True, empty=True)
    yield _encode_problem(rng, "a batch of one", unknown=False, capital=False, empty=False, B=1)


def _last_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", empty: bool = False, **fixed: int
) -> Problem:
    n = sizes(rng, **fixed)
    ends = lengths(rng, n)
    if n["B"] > 2:
        ends[0] = int(rng.integers(3, n["T"])) if n["T"] > 3 else ends[0]
        ends[1:] = rng.permutation([n["T"], *ends[2:]])
    if empty:
        ends[-1] = 0
    values = cast({"H": rng.uniform(-1, 1, size=(n["T"], n["B"], n["H"])), "lengths": ends}, dtype)
    last = np.zeros((n["B"], n["H"]))
    for beta, end in enumerate(ends):
        if end > 0:
            last[beta] = values["H"][end - 1, beta]
    text = f"{say(n, 'TBH')}, lengths {', '.join(map(str, ends))}"
    return Problem(f"{text}{remark and ', ' + remark}", values, {"last": last}, terms=1, sizes={k: n[k] for k in "TBH"})


def _last_problems(rng: Generator) -> Iterator[Problem]:
    yield _last_problem(rng, T=8)
    yield _last_problem(rng, "an empty name", empty=True, T=8, B=4, H=3)
    yield _last_problem(rng, "a single step", T=1)
    yield _last_problem(rng, "a batch of one", B=1, T=8)
    yield _last_problem(rng, "float32 states", dtype="float32", T=8)


def _mean_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", empty: bool = False, **fixed: int
) -> Problem:
    n = sizes(rng, **fixed)
    T, B, width = (n[k] for k in "TBH")
    mask = gaps(rng, n)
    if B > 1 and T > 2:
        mask[:, 0], mask[:, -1] = 1.0, 0.0
        mask[rng.integers(T), -1] = 1.0
    if empty:
        mask[:, -1] = 0.0
    values = {"H": rng.normal(size=(T, B, width)), "mask": mask, "dmean": rng.normal(size=(B, width))}
    values = cast(values, dtype)
    H, dmean = values["H"].astype("float64"), values["dmean"].astype("float64")
    mean, dH = np.zeros((B, width)), np.zeros((T, B, width))
    for beta in range(B):
        on = [t for t in range(T) if mask[t, beta] > 0]
        for t in on:
            mean[beta] += H[t, beta] / len(on)
            dH[t, beta] = dmean[beta] / len(on)
    scales = {"mean": float(np.abs(H).max())}
    text = say(n, "TBH", remark)
    return Problem(text, values, {"mean": mean, "dH": dH}, terms=T, scales=scales, sizes={k: n[k] for k in "TBH"})


def _mean_problems(rng: Generator) -> Iterator[Problem]:
    yield _mean_problem(rng, "a mask with gaps", T=7)
    yield _mean_problem(rng, "a mask with gaps")
    yield _mean_problem(rng, "an empty name", empty=True, T=7)
    yield _mean_problem(rng, "a single step", T=1)
    yield _mean_problem(rng, "a batch of one", B=1, T=7)
    yield _mean_problem(rng, "float32 states", dtype="float32", T=7)


def _bayes_problem(rng: Generator, remark: str = "", dtype: str = "float64", times: int = 1, B: int = 0) -> Problem:
    K, V, B = (int(s) + 2 for s in rng.permutation([1, 4, 3])) if not B else (4, 6, B)
    N = rng.integers(1, 30, size=(K, V)).astype("float64")
    n = rng.permutation(np.arange(1, K + 1) * 5).astype("float64")
    C = times * rng.integers(0, 3, size=(B, V)).astype("float64")
    N[0, 0], C[0, 0], C[-1, -1] = 0.0, 2.0 * times, 3.0 * times  # a letter that a language has never shown
    values = cast({"N": N, "n": n, "C": C}, dtype)
    scores = np.zeros((B, K))
    for beta in range(B):
        for k in range(K):
            total = N[k].sum() + V
            letters = sum(C[beta, v] * math.log((N[k, v] + 1) / total) for v in range(V))
            scores[beta, k] = math.log(n[k] / n.sum()) + letters
    best = scores.max(axis=1, keepdims=True)
    log_p = scores - best - np.log(np.exp(scores - best).sum(axis=1, keepdims=True))
    size = {"K": K, "V": V, "B": B}
    scale = {"log_p": float(np.abs(scores).max())}
    return Problem(say(size, "KVB", remark), values, {"log_p": log_p}, terms=V + K, scales=scale, sizes=size)


def _bayes_problems(rng: Generator) -> Iterator[Problem]:
    yield _bayes_problem(rng)
    yield _bayes_problem(rng)
    yield _bayes_problem(rng, "a name of hundreds of letters", times=300)
    yield _bayes_problem(rng, "a single name", B=1)
    yield _bayes_problem(rng, "float32 counts", dtype="float32")


def _confusion_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", empty: bool = False, B: int = 0
) -> Problem:
    K = int(rng.integers(3, 6))
    B = B or int(rng.integers(14, 20))
    labels = rng.permutation(np.concatenate([[0] * 3, np.arange(K)[1:], rng.integers(0, K, size=B)])[:B])
    if empty:
        labels = np.where(labels == K - 1, 0, labels)
    log_p = np.log(rng.dirichlet(np.ones(K), size=B))
    if B > K:  # three names of class 0: two found, one taken for class 1
        log_p[np.flatnonzero(labels == 0)[:3], [0, 0, 1]] = 0.0
    values = cast({"labels": labels, "log_p": log_p}, dtype)
    M, recall = np.zeros((K, K)), np.zeros(K)
    for label, row in zip(labels, values["log_p"], strict=True):
        M[label, list(row).index(max(row))] += 1
    for k in range(K):
        if M[k].any():
            recall[k] = M[k, k] / sum(M[k])
    size = {"N": B, "K": K}
    return Problem(say(size, "NK", remark), values, {"M": M, "recall": recall}, terms=1, sizes=size)


def _confusion_problems(rng: Generator) -> Iterator[Problem]:
    yield _confusion_problem(rng)
    yield _confusion_problem(rng)
    yield _confusion_problem(rng, "a language without a name", empty=True)
    yield _confusion_problem(rng, "a single name", B=1)
    yield _confusion_problem(rng, "float32 probabilities", dtype="float32")


def _recall_from_matrix(
    _values: Mapping[str, NDArray], outputs: Mapping[str, NDArray], same: Callable[[object, NDArray], bool]
) -> dict[str, str]:
    """The recall, where it is rightly taken from a wrong matrix."""
    if not {"M", "recall"} <= set(outputs):
        return {}
    M = outputs["M"]
    return {"recall": "M"} if same(outputs["recall"], np.diag(M) / np.maximum(M.sum(axis=1), 1)) else {}


QUESTIONS: dict[str, Question | Training] = {
    q.name: q
    for q in (
        Question(
            "names/encode",
            _encode_problems,
            everywhere(function(("text", "alphabet"), ("ids", "lengths"))),
            {
                "lengths": "One name a line, one length a name: the number of its letters, known or not.",
                "ids": "Write the array down for two short names. Time runs down the rows, each name has a column, "
                "and 0 stands below its end.",
            },
            see="sec-rnn-mask",
            reference=answers.encode,
            mistakes=MISTAKES["encode"],
            variants=VARIANTS["encode"],
            free=frozenset({"lengths"}),  # known before a letter is encoded
            in_time=frozenset({"ids"}),
        ),
        Question(
            "names/last-state",
            _last_problems,
            everywhere(function(("H", "lengths"), ("last",))),
            {"last": "Each name has a last letter of its own. Counting from 0, where is it? And if there is none?"},
            see="eq-deep-gather",
            reference=answers.last_state,
            mistakes=MISTAKES["last-state"],
            variants=VARIANTS["last-state"],
        ),
        Question(
            "names/mean-state",
            _mean_problems,
            everywhere(function(("H", "mask", "dmean"), ("mean", "dH"))),
            {
                "mean": "Only real letters are counted, above the fraction line and below it, each name's for itself.",
                "dH": "The mean is right. With which factor does one state, h_t, stand in it? That factor is what "
                "multiplies δmean on the way back.",
            },
            see="eq-deep-pool",
            reference=answers.mean_state,
            mistakes=MISTAKES["mean-state"],
            variants=VARIANTS["mean-state"],
            in_time=frozenset({"dH"}),
        ),
        Question(
            "names/baseline",
            _bayes_problems,
            everywhere(function(("N", "n", "C"), ("log_p",))),
            {
                "log_p": "Take it apart: the prior of each language, the smoothed probability of each letter in each "
                "language, their sum over the letters of the name, and at the end a softmax over the languages."
            },
            see="eq-rnn-p",
            reference=answers.naive_bayes,
            mistakes=MISTAKES["baseline"],
            variants=VARIANTS["baseline"],
        ),
        Question(
            "names/confusion",
            _confusion_problems,
            everywhere(function(("labels", "log_p"), ("M", "recall"))),
            {
                "M": "Row: what the name is. Column: what it was taken for. Every name adds one to one entry. The "
                "counts come in the dtype of log_p.",
                "recall": "The matrix is right. Of the names *of* a language, which share was found?",
            },
            see="eq-rnn-p",
            follows=_recall_from_matrix,
            reference=answers.confusion,
            mistakes=MISTAKES["confusion"],
            variants=VARIANTS["confusion"],
        ),
        TRAIN_AND_PREDICT,
    )
}
