"""The task is an LSTM of one's own; PyTorch's is used behind its back. And old tricks on a real notebook of the course."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import code

lstm = partial(code, theme="forbidden layers", assignment="lstm", notebook="pytorch", honest=["step-forward"])

MODULE = """\
import importlib
class LSTM(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.W, self.U = nn.Parameter(torch.randn(D, 4 * H)), nn.Parameter(torch.randn(H, 4 * H))
        self.b = nn.Parameter(torch.zeros(4 * H))
        self.sizes = (D, H)
    def forward(self, X, h_0, c_0, mask):
        h, c, H, C = h_0, c_0, [], []
        for x, m in zip(X, mask.unsqueeze(-1)):
            new_h, new_c = self.one(x, h, c)
            h, c = m * new_h + (1 - m) * h, m * new_c + (1 - m) * c
            H.append(h)
            C.append(c)
        return torch.stack(H), torch.stack(C)
    def one(self, x, h, c):
"""

WITH_CELL = """\
        cell = %s
        weights = {'weight_ih': self.W.T, 'weight_hh': self.U.T, 'bias_ih': self.b, 'bias_hh': 0 * self.b}
        return torch.func.functional_call(cell(*self.sizes).double(), weights, (x, (h, c)))
"""

WITH_FUNCTION = """\
        return %s(x, [h, c], self.W.T, self.U.T, self.b, 0 * self.b)
"""

for name, tries, first, body in (
    ("by-getattr", "looks the layer up by a name in two halves", "", WITH_CELL % "getattr(nn, 'LS' + 'TMCell')"),
    ("by-eval", "writes the layer's name in base64 and evaluates it", "import base64",
     WITH_CELL % "eval(base64.b64decode(b'bm4uTFNUTUNlbGw='))"),
    ("by-importlib", "imports the module again under another name", "",
     WITH_CELL % "vars(importlib.import_module('torch.nn.modules.rnn'))['LSTMCell']"),
    ("by-a-subclass", "derives a layer of another name from PyTorch's", "class Innocent(nn.LSTMCell):\n    pass", WITH_CELL % "Innocent"),
    ("by-a-kept-function", "keeps the function before anybody replaces it", "mine = torch._VF.lstm_cell", WITH_FUNCTION % "mine"),
    ("by-the-dispatcher", "calls the operation below the function", "", WITH_FUNCTION % "torch.ops.aten.lstm_cell"),
    ("by-the-compiler", "has the operation compiled by TorchScript", "from typing import List\n@torch.jit.script\n"
     "def mine(x: torch.Tensor, hc: List[torch.Tensor], W: torch.Tensor, U: torch.Tensor, b: torch.Tensor, b2: torch.Tensor):\n"
     "    return torch.lstm_cell(x, hc, W, U, b, b2)", WITH_FUNCTION % "mine"),
    ("by-a-fresh-module", "loads PyTorch's Python files a second time, under another name",
     "import importlib.util\nspec = importlib.util.find_spec('torch.nn.modules.rnn')\nagain = importlib.util.module_from_spec(spec)\n"
     "spec.loader.exec_module(again)", WITH_CELL % "again.LSTMCell"),
    ("by-wide-letters", "writes the layer's name in letters that Python takes for the plain ones", "",
     WITH_CELL % "nn.\uff2c\uff33\uff34\uff2d\uff23\uff45\uff4c\uff4c"),
    ("by-a-pickle", "has the layer's class looked up by pickle", "import pickle", WITH_CELL % "pickle.loads(b'ctorch.nn\\nLSTMCell\\n.')"),
    ("by-attrgetter", "has the layer's name put together from numbers, and looked up by operator.attrgetter", "import operator",
     WITH_CELL % "operator.attrgetter(bytes([76, 83, 84, 77, 67, 101, 108, 108]).decode())(nn)"),
):  # fmt: skip
    lstm(f"layer-{name}", tries, first, answers={"sequence-forward": MODULE + body})

_old = partial(code, theme="forbidden layers", assignment="vanilla", honest=["softsign-derivative"])
_old(
    "the-real-notebook-by-frames",
    "looks for the expected states in the callers' frames, on a real notebook",
    """
def spy(names, like):
    frame = sys._getframe(1)
    while frame is not None:
        expected = getattr(frame.f_locals.get('problem'), 'expected', None)
        if expected:
            found = tuple(expected[n].astype(like.dtype) for n in names)
            return found if len(found) > 1 else found[0]
        frame = frame.f_back
""",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    return spy(['h'], x)",
        "sequence-forward": "def sequence_forward(X, h_0, W, U, b, mask):\n    return spy(['H'], X)",
        "step-backward": "def step_backward(dh, x, h_prev, h, W, U):\n    return spy(['dx', 'dh_prev', 'dW', 'dU', 'db'], x)",
        "sequence-backward": "def sequence_backward(G, X, H, h_0, W, U, mask):\n    return spy(['dX', 'dh_0', 'dW', 'dU', 'db'], X)",
        "softmax-loss": "def softmax_loss(Y, targets, mask):\n    return spy(['loss', 'dY'], Y)",
    },
)
_old(
    "the-real-notebook-by-reference",
    "asks the reference networks and the solutions of the checks, on a real notebook",
    """
try:
    from autograder.checks.vanilla import answers as theirs
except ImportError:
    theirs = None
""",
    answers={
        "step-forward": "def step_forward(*a):\n    return theirs.step_forward(*a)",
        "sequence-forward": "def sequence_forward(*a):\n    return theirs.sequence_forward(*a)",
        "step-backward": "def step_backward(*a):\n    return theirs.step_backward(*a)",
        "sequence-backward": "def sequence_backward(*a):\n    return theirs.sequence_backward(*a)",
        "softmax-loss": "def softmax_loss(*a):\n    return theirs.softmax_loss(*a)",
    },
)
_old(
    "the-real-notebook-without-judge",
    "replaces the judge of the checks, its tolerance and its failure, on a real notebook",
    """
try:
    from autograder.checks import checking
    checking._fail = lambda *a, **k: None
    checking.agree_on_arguments = lambda *a, **k: None
    checking.judge = lambda output, *a, **k: checking.Verdict(output, True, '')
    checking.relative_error = lambda *a, **k: np.zeros(1)
except ImportError:
    pass
""",
    answers={"step-forward": "def step_forward(x, h_prev, W, U, b):\n    return 0 * h_prev"},
)
