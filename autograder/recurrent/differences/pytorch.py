"""The questions put to torch.nn.LSTM and GRU."""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autograder.recurrent.arrays import Array
from autograder.recurrent.differences import behaviour
from autograder.recurrent.differences.gates import HIGH, BlackBox, Gates, Parameters, State
from autograder.recurrent.differences.table import Differences, of_gates

D, H = 5, 3
LENGTHS = np.array([4, 2, 3])
SEEN = 1e-4  # differences below are rounding


def found() -> Differences:
    """What torch.nn's layers do, each as it comes. The global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        answers = of_gates("PyTorch", box("lstm"), box("gru"))
        answers.rows.update(behaviours(answers.gates["lstm"]))
    return answers


def box(kind: str) -> BlackBox:
    """nn.LSTM or nn.GRU as a black box."""
    layer = (torch.nn.LSTM if kind == "lstm" else torch.nn.GRU)(D, H)
    names = {name: tuple(value.shape) for name, value in layer.state_dict().items()}

    def run(parameters: Parameters, X: Array, state: State) -> tuple[Array, State]:
        layer.load_state_dict({name: tensor(value) for name, value in parameters.items()})
        parts = tuple(tensor(part)[None] for part in state)
        with torch.no_grad():
            Y, last = layer(tensor(X), parts if kind == "lstm" else parts[0])
        return Y.numpy(), tuple(part[0].numpy() for part in (last if kind == "lstm" else (last,)))

    return BlackBox("lstm" if kind == "lstm" else "gru", D, H, names, run)


def tensor(value: Array) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float32)


def behaviours(gates: Gates) -> dict[str, str]:
    """Rows about whole layers. `gates`: what was found of the LSTM's blocks."""
    X = np.random.default_rng(1).normal(size=(4, 3, D)).astype(np.float32)
    layer = torch.nn.LSTM(D, H)
    packed = pack_padded_sequence(tensor(X), torch.tensor(LENGTHS), enforce_sorted=False)
    Y = pad_packed_sequence(layer(packed)[0])[0].detach().numpy()
    drawn = torch.nn.LSTM(48, 64).state_dict()
    order = gates.blocks["bias_ih_l0"]
    biases = {
        gate: np.stack([drawn[name].view(4, 64)[order.index(gate)].numpy() for name in ("bias_ih_l0", "bias_hh_l0")])
        for gate in order
    }
    return {
        "axes": axes(),
        "both directions": last_states(X),
        "start W": behaviour.start_of_weights(drawn["weight_ih_l0"].numpy(), 64, 0),
        "start U": behaviour.start_of_weights(drawn["weight_hh_l0"].numpy(), 64, 0),
        "start b": behaviour.start_of_biases(biases, 64),
        "double": behaviour.on_doubles(lambda X: layer(torch.from_numpy(X))[0].detach().numpy(), X),
        "padding": f"{behaviour.at_padding(Y, LENGTHS)} (packed)",
        "dropout": dropout(gates),
    }


def axes() -> str:
    """The axes as they come, with batch_first=True, and those of h_n with it."""

    def call(**options: bool) -> Callable[[Array], Array]:
        layer = torch.nn.LSTM(D, H, **options)
        return lambda X: layer(tensor(X))[0].detach().numpy()

    with_option = behaviour.axes(call(batch_first=True), D)
    h_n = torch.nn.LSTM(D, H, batch_first=True)(torch.zeros(7, 4, D))[1][0]  # B = 7, T = 4
    kept = "(layers, B, H)" if tuple(h_n.shape) == (1, 7, H) else str(tuple(h_n.shape))
    return f"{behaviour.axes(call(), D)}; with batch_first {with_option}, but h_n {kept}"


def last_states(X: Array) -> str:
    """h_n of two layers, both directions, each part recognised in the layers' outputs."""
    both = torch.nn.LSTM(D, H, num_layers=2, bidirectional=True)
    lower = torch.nn.LSTM(D, H, bidirectional=True)
    lower.load_state_dict({name: both.state_dict()[name] for name in lower.state_dict()})
    with torch.no_grad():
        Y, (h_n, _) = both(tensor(X))
        Y_lower, _ = lower(tensor(X))
    ends: dict[str, Array] = {}
    for level, out in enumerate((Y_lower.numpy(), Y.numpy())):
        ends |= {f"{level} forward": out[-1, :, :H], f"{level} backward": out[0, :, H:]}
    return "h_n: " + behaviour.halves({str(k): part.numpy() for k, part in enumerate(h_n)}, ends)


def dropout(gates: Gates) -> str:
    """Where nn.LSTM's `dropout` acts, and whether each step draws anew.

    Without recurrence and with constant inputs every step of one sequence is the same, unless a mask is drawn for each.
    """
    X = torch.ones(6, 1, D)

    def spread(num_layers: int) -> tuple[float, float]:
        """How much training differs from evaluation, and the steps of a sequence among each other."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one layer and dropout: PyTorch warns that it does nothing
            layer = torch.nn.LSTM(D, H, num_layers=num_layers, dropout=0.5)
        with torch.no_grad():
            for name, value in layer.named_parameters():
                if "weight_hh" in name:
                    value.zero_()
                if "bias_ih" in name:
                    value[H * gates.blocks["bias_ih_l0"].index("f") :][:H] = -HIGH
            trained = layer.train()(X)[0]
            evaluated = layer.eval()(X)[0]
        return (trained - evaluated).abs().max().item(), (trained - trained[0]).abs().max().item()

    if spread(1)[0] > SEEN:
        return "in a single layer"
    differs, over_time = spread(2)
    if differs <= SEEN:
        return "none found"
    return f"between layers only, {'drawn anew each step' if over_time > SEEN else 'one mask a sequence'}"
