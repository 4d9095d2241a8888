"""Frameworks, plots and the usual tools of a notebook work in an isolated kernel that was forked."""

import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

from autograder import kernels
from autograder.kernels import nursery, surroundings, tiers

CELLS = {
    "numpy": {
        "linear algebra": "import numpy as np; a = np.eye(300) * 2; print(np.linalg.solve(a, a).trace())",
        "eigenvalues": "print(round(np.linalg.eigvalsh(a).sum()))",
        "temporary file": "import tempfile; f = tempfile.TemporaryFile(); f.write(b'abc'); f.seek(0); print(f.read())",
        "timing": "%timeit -n1 -r1 a.sum()",
        "thread": "from concurrent.futures import ThreadPoolExecutor as P; print(list(P(4).map(abs, [-1, 2])))",
        "async": "import asyncio; await asyncio.sleep(0); print('waited')",
        "zip": "import sqlite3, zlib, lzma; print(sqlite3.connect(':memory:').execute('select 1').fetchone())",
        "user": "import getpass, os; print(getpass.getuser(), os.path.expanduser('~') == os.getcwd())",
        "help": "help(len)",
    },
    "pytorch": {
        "backward": "import torch; x = torch.ones(9, 9, requires_grad=True); (x @ x).sum().backward(); print(x.grad)",
        "lstm": "out, _ = torch.nn.LSTM(3, 4)(torch.zeros(5, 2, 3)); out.sum().backward(); print(tuple(out.shape))",
        "threads": "torch.set_num_threads(2); print((torch.ones(500, 500) @ torch.ones(500, 500)).sum())",
        "loader": "d = torch.utils.data.DataLoader([1, 2, 3, 4], batch_size=2); print(len(list(d)))",
    },
    "tensorflow": {
        "operation": "import tensorflow as tf; print(float(tf.reduce_sum(tf.ones((200, 200)) @ tf.ones((200, 200)))))",
        "gradient": "v = tf.Variable(3.0)\nwith tf.GradientTape() as t: y = v * v\nprint(float(t.gradient(y, v)))",
        "function": "print(float(tf.function(lambda x: x + 1)(tf.constant(1.0))))",
        "layer": "print(tf.keras.layers.LSTM(4)(tf.zeros((2, 5, 3))).shape)",
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("tier", tiers.TIERS)
@pytest.mark.parametrize("framework", CELLS)
def test_frameworks_work_inside(session, run_async, framework, tier):
    for module in kernels.launching.FRAMEWORKS[framework]:
        pytest.importorskip(module)
    if all(tiers.failure(way) for way in tiers.ways() if way.tier == tier):
        pytest.skip(f"this machine does not give {tier}")

    async def main():
        async with session(frameworks=(framework,), isolation=tier, limits=kernels.Limits()) as kernel:
            for what, code in CELLS[framework].items():
                status, text = await kernel.run(code, 60)
                assert status == "ok", (what, text)
                assert text.strip(), what

    run_async(main)


def test_plots_are_shown(session, run_async):
    pytest.importorskip("matplotlib")

    async def main():
        async with session() as kernel:
            text = await kernel.value("import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()")
            assert "Figure" in text

    run_async(main)


def test_nbclient_finds_the_kernel_by_name(monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", "")
    kernels.register()
    cell = nbformat.v4.new_code_cell("import os; print(os.getcwd()); [1, 2]")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbclient.execute(notebook, kernel_name="unrolled-numpy", cwd=str(Path.cwd()))
    printed, shown = notebook.cells[0].outputs
    assert str(Path.cwd()) not in printed["text"]
    assert shown["data"]["text/plain"] == "[1, 2]"


def test_the_package_is_hidden_where_it_is_installed(monkeypatch, session, run_async):
    """As if this repository's package lay among the environment's, as after an ordinary installation."""
    inside = Path(surroundings.search_path()[-1]) / "IPython" / "lib"
    monkeypatch.setattr(surroundings, "hidden_paths", lambda visible: [str(inside)])

    async def main():
        for tier in ("strict", "contained"):
            async with session(isolation=tier) as kernel:
                status, text = await kernel.run(f"print(open({str(inside / '__init__.py')!r}).read())")
                assert status == "error", text
                await kernel.value("import IPython.testing")

    run_async(main)


def test_hidden_is_only_what_could_be_seen():
    package = str(Path(nursery.__file__).resolve().parents[1])
    assert surroundings.hidden_paths(["/usr", sys.prefix]) == []
    assert surroundings.hidden_paths([str(Path(package).parent)]) == [package]
