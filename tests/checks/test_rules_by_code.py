"""The rules of a task, read off the code: every disguise is found, and nothing honest is."""

from __future__ import annotations

import linecache
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest

from autograder import check
from autograder.checks import CheckFailure
from autograder.checks.rules import Program, breaches, program_of, told_in_place
from autograder.checks.rules.forbidden import OWN_CLIPPING, OWN_CODE, OWN_DERIVATIVE, OWN_RECURRENCE
from autograder.checks.rules.sources import from_text

RULES = (OWN_RECURRENCE, OWN_DERIVATIVE, OWN_CLIPPING, OWN_CODE)


def read(text: str, rules=RULES) -> list[str]:
    """What is said of the answer called `answer` in a notebook's joined code."""
    program = from_text(textwrap.dedent(text), "answer")
    assert program is not None, "the answer is not found"
    return [f"{b.expected} @ {b.where}" for b in breaches(program, rules)]


LAYERS = {
    "by its name": "import torch\ndef answer(x): return torch.nn.LSTM(2, 3)(x)",
    "module alias": "import torch.nn as x\ndef answer(a): return x.GRU(2, 3)(a)",
    "renamed": "from torch.nn import LSTM as Linear\ndef answer(a): return Linear(2, 3)(a)",
    "star": "from torch.nn import *\ndef answer(a): return LSTMCell(2, 3)(a)",
    "imported inside": "def answer(a):\n    from torch import nn as layers\n    return layers.RNN(2, 3)(a)",
    "alias of an alias": "import torch\nm = torch\nn = m.nn\ndef answer(a): return n.RNNCell(2, 3)(a)",
    "a pair of aliases": "import torch, math\nm, k = torch, math\ndef answer(a): return m.lstm_cell(a)",
    "walrus": "import torch\ndef answer(a): return (m := torch).rnn_tanh(a)",
    "either": "import torch\ndef answer(a, k): return (torch if k else torch).gru(a)",
    "subclass": "import torch\nclass answer(torch.nn.GRU):\n    pass",
    "subclass of a subclass": "import torch\nclass Mine(torch.nn.RNNBase):\n    pass\nclass answer(Mine):\n    pass",
    "getattr": "import torch\ndef answer(a): return getattr(torch.nn, 'LSTM')(2, 3)(a)",
    "getattr in pieces": "import torch\nK = 'LS'\ndef answer(a): return getattr(torch.nn, f'{K}TM')(2, 3)(a)",
    "vars": "import torch\ndef answer(a): return vars(torch)['gru_cell'](a)",
    "dict": "import torch\ndef answer(a): return torch.nn.__dict__['GRU'](2, 3)(a)",
    "attrgetter": "import torch, operator\ndef answer(a): return operator.attrgetter('nn.LSTM')(torch)(2, 3)(a)",
    "import_module": "import importlib\ndef answer(a): return importlib.import_module('torch.nn').LSTM(2, 3)(a)",
    "import_module renamed": "from importlib import import_module as get\ndef answer(a): return get('torch').lstm(a)",
    "__import__": "def answer(a): return __import__('torch').nn.GRU(2, 3)(a)",
    "__import__ with a list": "def answer(a): return __import__('torch.nn', fromlist=['x']).GRU(2, 3)(a)",
    "sys.modules": "import sys\ndef answer(a): return sys.modules['torch'].lstm(a)",
    "globals": "import torch\ndef answer(a): return globals()['torch'].lstm(a)",
    "eval": "def answer(a): return eval('nn.LSTM(2, 3)')(a)",
    "exec": "def answer(a):\n    exec('import torch\\nr = torch.nn.GRU(2, 3)')\n    return a",
    "a function it calls": "import torch\ndef help(a): return torch._VF.lstm(a)\ndef answer(a): return help(a)",
    "a method elsewhere": """
        import torch
        class M:
            def run(self, a): return torch.gru(a)
        def answer(a): return M().run(a)""",
    "an instance outside": "import torch\nnet = torch.nn.GRU(2, 3)\ndef answer(a): return net(a)",
    "a table": "import torch\nT = {}\nT['r'] = torch.nn.RNN\ndef answer(a): return T['r'](2, 3)(a)",
    "a list that grows": "import torch\nT = []\nT.append(torch.nn.RNN)\ndef answer(a): return T[0](2, 3)(a)",
    "put in later": "import torch\nclass answer(torch.nn.Module):\n    pass\nanswer.forward = torch.nn.GRU.forward",
    "by setattr": """
        import torch
        class answer(torch.nn.Module):
            pass
        setattr(answer, 'forward', torch.nn.GRU.forward)""",
    "an attribute": """
        class answer:
            def __init__(self): self.k = nn
            def forward(self, a): return self.k.GRU(2, 3)(a)""",
    "a default": "import torch\ndef answer(a, run=torch.rnn_relu): return run(a)",
    "a decorator": "import torch\ndef answer(a): return a\nanswer = torch.nn.LSTM",
    "a lambda": "import torch\nanswer = lambda a: torch.nn.LSTM(2, 3)(a)",
    "a comprehension": "import torch\ndef answer(a): return [f(a) for f in (torch.tanh, torch.gru_cell)]",
    "partial": "import torch, functools\ndef answer(a): return functools.partial(torch.lstm, a)()",
    "aten": "import torch\ndef answer(a): return torch.ops.aten.lstm.input(a)",
    "private": "import torch\ndef answer(a): return torch._thnn_fused_lstm_cell(a)",
    "quantized": "import torch\ndef answer(a): return torch.ao.nn.quantized.dynamic.LSTM(2, 3)(a)",
    "keras": "import keras\ndef answer(a): return keras.layers.SimpleRNN(3)(a)",
    "keras in tensorflow": "import tensorflow as tf\ndef answer(a): return tf.keras.layers.LSTM(3)(a)",
    "a keras cell": "from keras.layers import GRUCell as C\ndef answer(a): return C(3)(a)",
    "raw operations": "import tensorflow as tf\ndef answer(a): return tf.raw_ops.BlockLSTM(x=a)",
    "of version 1": "import tensorflow as tf\ndef answer(a): return tf.compat.v1.nn.dynamic_rnn(a)",
    "nothing imported here": "def answer(a): return nn.LSTM(2, 3)(a)",
    "in a try": """
        try:
            from torch.nn import LSTM as Q
        except ImportError:
            Q = None
        def answer(a): return Q(2, 3)(a)""",
}


@pytest.mark.parametrize("text", LAYERS.values(), ids=LAYERS)
def test_ready_made_recurrence_is_found(text):
    found = read(text)
    assert found, "not found"
    assert all("your own recurrence; this one uses" in line for line in found)


DERIVATIVES = {
    "backward": "def answer(loss): loss.backward()",
    "of an expression": "def answer(a): (a * a).sum().backward(retain_graph=True)",
    "grad": "import torch\ndef answer(a): return torch.autograd.grad(a.sum(), a)",
    "renamed": "from torch.autograd import grad as g\ndef answer(a): return g(a.sum(), a)",
    "func": "from torch.func import vjp\ndef answer(a): return vjp(abs, a)",
    "functional": "import torch.autograd.functional as F\ndef answer(a): return F.jacobian(abs, a)",
    "tape": "import tensorflow as tf\ndef answer(a):\n    with tf.GradientTape() as tape:\n        pass",
    "a tape by another name": """
        from tensorflow import GradientTape as T
        def answer(a):
            with T() as t:
                return t""",
    "gradients": "import tensorflow as tf\ndef answer(a): return tf.gradients(a, a)",
    "jax": "import jax\ndef answer(a): return jax.grad(abs)(a)",
}


@pytest.mark.parametrize("text", DERIVATIVES.values(), ids=DERIVATIVES)
def test_derivatives_by_machine_are_found(text):
    assert any("a gradient written by hand" in line for line in read(text))
    assert not read(text, (OWN_RECURRENCE,)), "where they are allowed, nothing is said"


def test_clipping_and_the_courses_own_networks_are_found():
    assert "your own clipping" in read("import torch\ndef answer(g): torch.nn.utils.clip_grad_norm_(g, 1)")[0]
    assert "your own clipping" in read("import tensorflow as tf\ndef answer(g): return tf.clip_by_global_norm(g, 1)")[0]
    assert "your own code" in read("from autograder.recurrent import GRU\ndef answer(a): return GRU(a)")[0]
    assert "your own code" in read("from autograder.checks.gru import answers as m\ndef answer(a): return m.step(a)")[0]


UNREADABLE = {
    "eval": "def answer(a): return eval(a)",
    "exec of a join": "def answer(a): exec(''.join(reversed('x')))",
    "compile": "def answer(a): exec(compile(open('x').read(), 'x', 'exec'))",
    "getattr of a framework": "import torch\ndef answer(a, k): return getattr(torch, k[::-1])(a)",
    "import of a computed name": "import importlib\ndef answer(a, k): return importlib.import_module(k)",
    "sys.modules": "import sys\ndef answer(a, k): return sys.modules[k].lstm(a)",
    "globals of a function": "def answer(a): return check.__globals__['torch']",
    "a closure": "def answer(a): return a.__closure__",
    "frames": "import sys\ndef answer(a): return sys._getframe(1)",
    "frames by inspect": "from inspect import currentframe\ndef answer(a): return currentframe()",
    "the collector": "import gc\ndef answer(a): return gc.get_objects()",
    "ctypes": "import ctypes\ndef answer(a): return ctypes.pythonapi",
    "subclasses": "def answer(a): return object.__subclasses__()",
    "another process": "import subprocess\ndef answer(a): return subprocess.run(['python'])",
    "a text that grows": "import torch\ndef answer(a):\n    k = 'ls'\n    k += 'tm'\n    return getattr(torch, k)(a)",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused_where_nobody_needs_it(text):
    assert any("code that can be read" in line for line in read(text))


HONEST = {
    "comments and docstrings": '''
        import torch
        def answer(x):
            """Not torch.nn.LSTM, and no loss.backward()."""
            # nn.GRU(2, 3) would do it
            print("nn.LSTM")
            return torch.tanh(x)''',
    "a variable of that name": """
        def answer(x):
            lstm = x + 1
            gru, rnn = lstm, lstm
            return lstm * gru * rnn""",
    "a class of that name": "class LSTM:\n    def forward(self, x): return x\ndef answer(x): return LSTM().forward(x)",
    "an attribute of that name": """
        class answer(nn.Module):
            def forward(self, x): return self.lstm(x) + self.gru.rnn(x)""",
    "modules and parameters": """
        class answer(nn.Module):
            def __init__(self):
                self.W = nn.Parameter(torch.zeros(2))""",
    "another question's need": "import torch\ndef other(a): return torch.nn.LSTM(2, 3)(a)\ndef answer(a): return a",
    "an unused import": "from torch.nn import LSTM, GRU\nfrom torch.autograd import grad\ndef answer(a): return a",
    "played with": "import torch\ntheirs = torch.nn.GRU(2, 3)\nours = theirs(torch.zeros(2))\ndef answer(a): return a",
    "replaced since": "import torch\ndef answer(a): return torch.lstm(a)\ndef answer(a): return a",
    "annotations": "def answer(x: nn.LSTM) -> nn.GRU:\n    y: nn.RNN = x\n    return y",
    "isinstance": "def answer(x): return not isinstance(x, nn.LSTM) and x",
    "packing": "def answer(x): return nn.utils.rnn.pad_sequence(x)",
    "own attributes by name": "class answer:\n    def f(self, g): return getattr(self, f'W_{g}') + getattr(self, g)",
    "one of some functions": "def answer(x, name='tanh'): return getattr(torch, name)(x)",
    "own backward": "class L:\n    def backward(self): return 1\ndef answer(x):\n    m = L()\n    return m.backward()",
    "a list of own layers": """
        class answer:
            def back(self):
                for part in self.parts:
                    part.backward(self.dh)""",
    "own function of autograd": """
        class answer(torch.autograd.Function):
            @staticmethod
            def backward(ctx, dh): return dh""",
    "custom gradient": """
        import tensorflow as tf
        @tf.custom_gradient
        def answer(x):
            return x, lambda dh: tf.stop_gradient(dh)""",
    "evaluation mode": "def answer(model, x):\n    model.eval()\n    return model(x)",
    "regular expressions": "import re\ndef answer(x): return re.compile(x)",
    "compiled": "import torch\n@torch.compile\ndef answer(x): return torch.tanh(x)",
    "einsum and scan": "import tensorflow as tf\ndef answer(x): return tf.scan(lambda h, v: tf.tanh(h + v), x)",
    "magics": "%matplotlib inline\n!pip list\nimport torch\nf?\nx = %time 3\ndef answer(x): return torch.tanh(x)",
    "a cell that cannot run": "import torch\ndef other(:\n    torch.lstm(\ndef answer(x): return torch.tanh(x)",
    "shadowed": "import torch\ndef answer(torch): return torch.lstm",
    "kinds of text": "def answer(x): return {'lstm': x, 'torch.nn.LSTM': x}",
}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_honest_code_is_left_alone(text):
    assert read(text) == []


def test_the_line_and_what_is_asked_are_told():
    found = read("import torch\nclass answer(nn.Module):\n    def forward(self, x):\n        return torch.gru(x)[0]")
    told, where = "your own recurrence; this one uses PyTorch's gru, which is the task", "`return torch.gru(x)[0]`"
    assert found == [f"{told} @ {where} in answer.forward"]


def handle(text: str, name: str, run) -> object:
    """What stands for a learner's function while grading: it can be called, and brings the learner's code along."""

    def call(*arguments):
        return run(*arguments)

    call.__name__ = name
    call.__unrolled_source__ = textwrap.dedent(text)
    return call


def test_while_grading_the_text_that_comes_with_the_answer_is_read():
    def right(x, h_prev, W, U, b):
        return np.tanh(x @ W + h_prev @ U + b)

    honest = handle("def step_forward(x, h_prev, W, U, b):\n    return 0", "step_forward", right)
    check("vanilla/step-forward", honest)
    cheat = handle("import torch\ndef step_forward(*a):\n    return torch.rnn_tanh_cell(*a)", "step_forward", right)
    with pytest.raises(CheckFailure) as caught:
        check("vanilla/step-forward", cheat)
    assert "expected your own recurrence; this one uses PyTorch's rnn_tanh_cell" in str(caught.value)
    assert "`return torch.rnn_tanh_cell(*a)` in step_forward" in str(caught.value)
    assert "Write the steps yourself" in str(caught.value)


def in_cells(*cells: str) -> dict:
    """The names after these cells have run, as in a kernel: each has a file of its own, whose lines are remembered."""
    names: dict = {}
    for number, cell in enumerate(cells):
        file = f"<cell {number} of {id(names)}>"
        source = textwrap.dedent(cell)
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), names)
    return names


def live(*cells: str) -> list[str]:
    program = program_of(in_cells(*cells)["answer"])
    assert program is not None
    return [f"{b.expected} @ {b.where}" for b in breaches(program, RULES)]


def test_in_a_notebook_names_are_what_they_stand_for_now():
    fake = "from types import SimpleNamespace as S\ntorch = S(lstm=abs, tanh=abs)"
    assert live(fake, "def answer(a): return torch.lstm(a)") == [], "the learner's own object, whatever it is called"
    assert live("import inspect", "k = inspect", "def f(a): return k.stack()", "def answer(a): return f(a)")
    assert live("def f(a): return eval(a)", "def answer(a): return f(a)", "def f(a): return a") == []
    assert live("def f(a): return a", "def answer(a): return f(a)", "def f(a): return eval(a)")
    assert live("class A:\n    def f(self): return eval(self.x)", "class answer(A):\n    def g(self): return self.f()")
    assert live(
        "def make():\n    import gc as k\n    def answer(a): return k.get_objects()\n    return answer",
        "answer = make()",
    )
    assert live("import functools\ndef f(a, b): return eval(a)", "answer = functools.partial(f, b=1)")
    assert live("answer = lambda a: eval(a)")
    assert live("class C:\n    def __call__(self, a): return eval(a)\nanswer = C()")


@pytest.mark.slow
def test_in_a_notebook_with_frameworks():
    assert live("import torch.nn as q", "def answer(a): return q.LSTM(2, 3)(a)")
    assert live("from torch.nn import LSTM as Linear", "def answer(a): return Linear(2, 3)(a)")
    assert live("from torch import lstm as tanh", "def answer(a): return tanh(a)")
    assert live("import torch\nnet = torch.nn.GRU(2, 3)", "def answer(a): return net(a)")
    assert live("import torch\nnets = [torch.nn.GRU(2, 3)]", "def answer(a): return nets[0](a)")
    assert live("from torch.func import grad as g", "def answer(a): return g(abs)(a)")
    assert live("from torch.autograd import grad", "def answer(a): return grad(a, a)")
    assert live(
        "import keras", "class answer(keras.layers.Layer):\n    def call(self, x): return keras.layers.GRU(2)(x)"
    )
    assert live("from tensorflow import GradientTape as T", "def answer(a):\n    with T() as t:\n        return t")
    assert live("import torch\nX = torch.zeros(3)", "def answer(a): return torch.tanh(X @ a)") == []
    assert (
        live("from torch import nn", "class answer(nn.Module):\n    def forward(self, x): return nn.functional.relu(x)")
        == []
    )


def test_code_that_is_nowhere_is_watched_only():
    names: dict = {}
    exec("def answer(x, h_prev, W, U, b):\n    import numpy as np\n    return np.tanh(x @ W + h_prev @ U + b)", names)
    assert program_of(names["answer"]) is None
    check("vanilla/step-forward", names["answer"])
    assert program_of(np.tanh) is None


def test_code_nested_beyond_reading_is_watched_only():
    def right(x, h_prev, W, U, b):
        return np.tanh(x @ W + h_prev @ U + b)

    deep = "def step_forward(x):\n    return " + "-" * 5000 + "x"
    check("vanilla/step-forward", handle(deep, "step_forward", right))


def test_the_notebooks_cells_are_read_where_a_class_has_no_code(monkeypatch):
    cells = ["", "import torch", "class answer(torch.nn.GRU):\n    pass"]
    shell = SimpleNamespace(user_ns={"In": cells})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    program = program_of(type("answer", (), {}))
    assert program is not None
    assert "PyTorch's GRU" in next(breaches(program, RULES)).expected


IN_PLACE = {
    "dh *= 1 - h**2": "Your line `dh *= 1 - h ** 2` writes into it: write `dh = dh * (1 - h ** 2)`, or work on a copy.",
    "dh -= h": "write `dh = dh - h`",
    "dh[0] = 0": "Your line `dh[0] = 0` writes into it: work on a copy, or make a new array.",
    "dh[:, 1] += h": "Your line `dh[:, 1] += h` writes into it: work on a copy",
    "np.add(dh, h, out=dh)": "Your line `np.add(dh, h, out=dh)` writes into it",
    "dh.mul_(h)": "Your line `dh.mul_(h)` writes into it",
    "g = dh; g += h": "`+=`, `*=` and their like, `x[…] = …`, `out=` and methods whose names end in _",
}


@pytest.mark.parametrize(("line", "told"), IN_PLACE.items(), ids=IN_PLACE)
def test_the_line_that_writes_into_an_argument_is_told(line, told):
    program = from_text(f"def answer(dh, h):\n    {line}\n    return dh", "answer")
    assert told in told_in_place(program, ("dh", "h"), frozenset({"dh"}))


def test_the_learners_own_names_are_used():
    program = from_text(
        "class answer:\n    def forward(ctx, grad, s):\n        grad /= s\n        return grad", "answer"
    )
    assert "write `grad = grad / s`" in told_in_place(program, ("dh", "h"), frozenset({"dh"}))
    assert "`dh = dh + …`" in told_in_place(Program(), ("dh", "h"), frozenset({"dh"}))
    assert "`dh = dh + …`" in told_in_place(None, ("dh", "h"), frozenset({"dh"}))
