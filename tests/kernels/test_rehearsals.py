"""What has been rehearsed before a fork goes on after it: functions, data sets, training, in the forked process."""

import asyncio
import subprocess
import sys

import pytest

from autograder.boundary import learner_package
from autograder.boundary.agent_text import MODULE
from autograder.boundary.sides import Side
from autograder.kernels.cells import CellKernel
from autograder.kernels.launching import Wanted

pytestmark = pytest.mark.slow

TENSORFLOW = {
    "function": "f = tf.function(lambda x: tf.reduce_sum(x @ x)); assert float(f(tf.ones((300, 300)))) == 27e6",
    "loop in a function": (
        "@tf.function\ndef g(n):\n    s = 0\n    for i in tf.range(n):\n        s += i\n    return s\n"
        "assert int(g(tf.constant(10))) == 45"
    ),
    "compiled": "h = tf.function(lambda x: tf.tanh(x) * 2, jit_compile=True); assert h(tf.zeros(3)).shape == (3,)",
    "data": (
        "d = tf.data.Dataset.range(100).map(lambda x: x * 2, num_parallel_calls=4).shuffle(10).batch(8).prefetch(2)\n"
        "assert len(list(d)) == 13"
    ),
    "training": (
        "m = tf.keras.Sequential([tf.keras.layers.LSTM(4), tf.keras.layers.Dropout(0.1), tf.keras.layers.Dense(1)])\n"
        "m.compile('adam', 'mse'); m.fit(tf.random.normal((64, 5, 3)), tf.zeros((64, 1)), verbose=0, epochs=2)"
    ),
    "convolution": "tf.nn.conv2d(tf.ones((4, 64, 64, 3)), tf.ones((3, 3, 3, 8)), 1, 'SAME'); None",
    "map": "assert tf.map_fn(lambda x: x + 1, tf.range(50)).shape == (50,)",
    "sorted": "tf.sort(tf.random.normal((500000,))); tf.linalg.svd(tf.random.normal((100, 100))); None",
    "large copies": (
        "x = tf.ones((2000, 2000)); y = tf.tensor_scatter_nd_update(x, [[1]], tf.zeros((1, 2000)))\n"
        "assert float(tf.reduce_sum(y)) == 2000 * 1999\n"
        "v = tf.Variable(x); v.assign_add(x); v[1:].assign(x[1:] * 2); v.scatter_nd_update([[0]], [x[0]])\n"
        "assert float(v[0, 0]) == 1 and float(v[1, 0]) == 2\n"
        "tf.concat([x, x], 0)[1:3000, 1:]; tf.stack([x, x], 1); tf.pad(x, [[1, 1], [2, 2]]); tf.transpose(x); None\n"
        "z = tf.cumsum(tf.tile(x, [2, 1])); tf.gather(z, [5, 7]); tf.sort(z); tf.where(z > 0); None"
    ),
    "threads": "import threading\nt = threading.Thread(target=lambda: tf.ones(3) + 1); t.start(); t.join(20)\n"
    "assert not t.is_alive()",
    "seeds": "tf.random.set_seed(3); a = tf.random.normal((3,)); tf.random.set_seed(3)\n"
    "assert bool(tf.reduce_all(a == tf.random.normal((3,))))",
    "more threads": "tf.config.threading.get_intra_op_parallelism_threads()",
}
PYTORCH = {
    "training": (
        "m = torch.nn.LSTM(3, 4); o = torch.optim.Adam(m.parameters())\n"
        "m(torch.randn(5, 2, 3))[0].sum().backward(); o.step()"
    ),
    "large copies": (
        "x = torch.ones(2000, 2000); y = torch.cat([x, x]).T.contiguous().cumsum(0); y[:, 1:] = y[:, :-1].clone()\n"
        "x.index_put_((torch.tensor([1]),), torch.zeros(2000)); assert float(x.sum()) == 2000 * 1999\n"
        "torch.stack([x, x], 1).sort(); torch.nn.functional.pad(x, (1, 2)); (x @ x).exp().sum(); None"
    ),
    "threads": "torch.set_num_threads(2); torch.randn(500, 500) @ torch.randn(500, 500); None",
    "compiled": "torch.jit.script(torch.nn.Tanh())(torch.zeros(3)); None",
    "second derivative": (
        "x = torch.ones(2, requires_grad=True); g, = torch.autograd.grad((x ** 3).sum(), x, create_graph=True)\n"
        "g.sum().backward(); assert x.grad.tolist() == [6, 6]"
    ),
    "checkpoint": (
        "from torch.utils.checkpoint import checkpoint\nx = torch.ones(2, requires_grad=True)\n"
        "checkpoint(torch.tanh, x, use_reentrant=True).sum().backward()"
    ),
}


def wanted(framework, side="learner"):
    package = (learner_package.built(),) if side == "learner" else ()
    modules = (MODULE, "autograder.checks.drivers.across") if side == "learner" else ("autograder",)
    return Wanted(
        side,
        "cells",
        frameworks=("numpy", framework),
        modules=modules,
        folders=package,
        rehearsals=("autograder.checks.drivers.rehearsal",),
    )


async def ran(kernel, cells):
    side = Side(lambda: CellKernel(kernel))
    await side.start()
    try:
        return {name: (await side.run(source, seconds=90)) for name, source in cells.items()}
    finally:
        await side.stop()


@pytest.mark.parametrize("side", ["learner", "examiner"])
@pytest.mark.parametrize(
    ("framework", "name", "cells"), [("pytorch", "torch", PYTORCH), ("tensorflow", "tensorflow", TENSORFLOW)]
)
def test_a_forked_process_goes_on(framework, name, cells, side):
    pytest.importorskip(name, reason=f"{name} is not installed")
    kernel = wanted(framework, side)
    short = {"tensorflow": "import tensorflow as tf", "pytorch": "import torch"}[framework]
    for _ in range(2):  # the second from a process that was forked in advance
        found = asyncio.run(ran(kernel, {"import": short, **cells}))
        wrong = {n: (r.status, r.error.get("evalue")) for n, r in found.items() if r.status != "ok"}
        assert wrong == {}


@pytest.mark.parametrize("framework", ["numpy", "pytorch", "tensorflow"])
def test_a_rehearsal_runs_to_its_end(framework):
    """In a template a rehearsal that fails is passed over."""
    module = {"pytorch": "torch"}.get(framework, framework)
    pytest.importorskip(module, reason=f"{module} is not installed")
    code = f"import {module}\nfrom autograder.checks.drivers import rehearsal\nrehearsal.rehearse_{framework}()"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=100)


def test_the_version_is_the_one_that_is_installed():
    """Whoever changes the version of TensorFlow is to see that what is above still holds."""
    tensorflow = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    from autograder.checks.drivers.rehearsal import TENSORFLOW as tested

    assert tensorflow.__version__ == tested
