"""The answers, framework by framework, and the one table of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from types import MappingProxyType

from autograder.recurrent.differences.gates import BlackBox, Gates, ask

NOT_ASKED = "not run here"
NO_BREAK = "\N{NO-BREAK SPACE}"
PARAMETERS = MappingProxyType(
    {
        "lstm gates": "LSTM: order of the gates",
        "lstm weights": "LSTM: weights",
        "lstm biases": "LSTM: biases",
        "forget": "LSTM: added to f when it runs",
        "state": "LSTM: order of the state",
        "gru gates": "GRU: order of the gates",
        "gru weights": "GRU: weights",
        "gru biases": "GRU: biases",
        "reset": "GRU: reset, by default",
        "update": "GRU: new state",
    }
)
BEHAVIOUR = MappingProxyType(
    {
        "axes": "axes of the input",
        "both directions": "last states, two layers, both directions",
        "start W": "first input weights",
        "start U": "first recurrent weights",
        "start b": "first biases, LSTM",
        "double": "doubles given to a layer as it comes",
        "padding": "output at padded steps",
        "dropout": "dropout",
    }
)


@dataclass(frozen=True)
class Differences:
    """One framework's answers: `rows` by the keys of PARAMETERS and BEHAVIOUR; the others by "lstm" and "gru".

    weights: the gates in the order of any weight's blocks. biases: the gates of all biases' blocks, one after another.
    note: stands under the framework's name, where something other than the framework answered.
    """

    framework: str
    rows: dict[str, str]
    gates: dict[str, Gates] = field(default_factory=dict)
    weights: dict[str, list[str]] = field(default_factory=dict)
    biases: dict[str, list[str]] = field(default_factory=dict)
    note: str = ""


def of_gates(framework: str, lstm: BlackBox, gru: BlackBox, *, asked_state: bool = True, note: str = "") -> Differences:
    """The rows about gates and parameters, by asking both layers. Raises what `ask` raises."""
    found = {"lstm": ask(lstm), "gru": ask(gru)}
    answers = Differences(framework, {}, found, note=note)
    rows = answers.rows
    for kind, box in (("lstm", lstm), ("gru", gru)):
        weights = {name: shape for name, shape in box.shapes.items() if not _bias(box, name)}
        biases = [name for name in box.shapes if name not in weights]
        orders = [found[kind].blocks[name] for name in weights]
        if any(order != orders[0] for order in orders):
            raise ValueError(f"{framework}, {kind}: expected one order in all weights, got {orders}")
        answers.weights[kind] = orders[0]
        answers.biases[kind] = [gate for name in biases for gate in found[kind].blocks[name]]
        rows[f"{kind} gates"] = " ".join(orders[0])
        rows[f"{kind} weights"] = " and ".join(symbols(box, shape) for shape in weights.values())
        rows[f"{kind} biases"] = " and ".join(
            f"{symbols(box, box.shapes[name])}: {' '.join(found[kind].blocks[name])}" for name in biases
        )
    added = found["lstm"].added_to_f
    assert added is not None
    rows["forget"] = f"{added:.0f}" if abs(added - round(added)) < 1e-3 else f"{added:.3f}"
    if asked_state:
        rows["state"] = f"({', '.join(found['lstm'].state)})"
    rows["reset"] = f"{found['gru'].reset} the product"
    rows["update"] = "(1 − z) n + z h" if found["gru"].z_keeps else "(1 − z) h + z n"
    return answers


def _bias(box: BlackBox, name: str) -> bool:
    """Whether a parameter has no axis for inputs or units beside the gates'."""
    return not {box.D, box.H, box.D + box.H} & set(box.shapes[name])


def symbols(box: BlackBox, shape: Sequence[int]) -> str:
    """(12, 3) as "(4H, H)". Numbers below 3 stay numbers."""
    D, H = box.D, box.H
    names = {D: "D", H: "H", D + H: "D + H"} | {n * H: f"{n}H" for n in (3, 4, 6, 8)}
    inside = ", ".join(names.get(size, str(size)) for size in shape)
    return f"({inside})"


def html(found: Sequence[Differences], titles: Mapping[str, str]) -> str:
    """The table of these rows: those that anybody answered, and a column for each framework that answered any."""
    there = [one for one in found if any(key in one.rows for key in titles)]
    head = "".join(f'<th scope="col">{escape(one.framework)}{_under(one.note)}</th>' for one in there)
    body = []
    for key, title in titles.items():
        if any(key in one.rows for one in there):
            cells = "".join(f"<td>{escape(_kept_together(one.rows.get(key, NOT_ASKED)))}</td>" for one in there)
            body.append(f'<tr><th scope="row">{escape(title)}</th>{cells}</tr>')
    return (
        '<div style="overflow-x: auto" tabindex="0" role="region" aria-label="Differences between the frameworks">'
        f'<table class="table dataframe"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _under(note: str) -> str:
    return f"<br><small>{escape(note)}</small>" if note else ""


def _kept_together(text: str) -> str:
    """The text with no line break inside of parentheses, or between gates."""
    text = re.sub(r"\([^()]*\)", lambda shape: shape.group().replace(" ", NO_BREAK), text)
    return re.sub(r"\b([ifgorzn]'?) (?=[ifgorznh]\b)", rf"\1{NO_BREAK}", text)
