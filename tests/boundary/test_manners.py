"""A cell runs, shows and fails over a line as it does over Jupyter's channels, whatever it does."""

import asyncio
import re

import nbformat
import pytest
from manners import MANNERS, sides

from autograder.boundary.shown import Kept
from autograder.kernels import Limits

pytestmark = pytest.mark.slow

CELLS = {
    "nothing": "",
    "result": "6 * 7",
    "silenced": "6 * 7;",
    "none": "None",
    "printed": "print('a'); import sys; print('b', file=sys.stderr); print('ü ∂ \\ud800'.encode('utf-8', 'replace'))",
    "much printed": "for i in range(3000): print(i)",
    "printed and result": "print('first'); 1 / 4",
    "syntax error": "def f(:\n    pass",
    "error": "def f():\n    return 1 / 0\n\nprint('before')\nf()",
    "chained": "try:\n    {}['k']\nexcept KeyError:\n    raise ValueError('because') from None",
    "error in representation": "class R:\n    def __repr__(self):\n        raise OSError('no')\nR()",
    "html": "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))\nHTML('<i>y</i>')",
    "figure": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "figure at the end": "import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1)); plt.plot([3, 1]);",
    "latex": "from IPython.display import Latex, Math\nMath('x^2')",
    "cleared": "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('here')",
    "cleared later": "print('gone')\nclear_output(wait=True)\nprint('there')",
    "capture": "%%capture kept\nprint('hidden')",
    "captured": "kept.stdout",
    "magic": "%precision 3\n3.14159",
    "program": "import subprocess; print(subprocess.run(['echo', 'x'], capture_output=True).stdout)",
    "input": "try:\n    input('name?')\nexcept Exception as e:\n    print(type(e), e)",
    "password": "import getpass\ntry:\n    getpass.getpass()\nexcept Exception as e:\n    print(type(e), e)",
    "another window": "%matplotlib tk",
    "awaited": "import asyncio\nawait asyncio.sleep(0.01)\n'waited'",
    "a loop runs": "asyncio.get_running_loop().is_running()",
    "no second loop": "c = asyncio.sleep(0)\ntry:\n    asyncio.run(c)\nexcept RuntimeError as e:\n    e\nc.close()",
    "underscores": "21 * 2\n_ if False else In[1]",
    "history": "len(In), sorted(Out)[:2]",
    "shell class": "get_ipython().__class__.__name__, 'IPKernelApp' in get_ipython().config",
    "kernel": "get_ipython().kernel is not None",
    "main": "__name__, __import__('__main__').CELLS_HAVE if 'CELLS_HAVE' in dir(__import__('__main__')) else 'none'",
    "pickled": "import pickle\nclass P:\n    pass\ntype(pickle.loads(pickle.dumps(P()))).__name__",
    "system exit": "raise SystemExit(3)",
    "warning": "import warnings; warnings.warn('careful')",
    "thread": "import threading\nt = threading.Thread(target=print, args=('from a thread',)); t.start(); t.join()",
    "logging": "import logging; logging.warning('logged')",
    "docs": "len?",
    "isatty": "sys.stdout.isatty(), sys.stdout.writable(), sys.stdout.encoding.lower()",
    "numbers": "import numpy as np\nnp.arange(3.0)",
    "deleted": "del np",
    "signals": "import signal\nsignal.getsignal(signal.SIGINT) is not None",
    "environment": "import os; sorted(k for k in os.environ if k in ('TERM', 'PAGER', 'HOME', 'MPLBACKEND'))",
}


SOCKETS = (
    "import os, stat\n"
    "ends = [n for n in range(3, 60) if os.path.exists(f'/proc/self/fd/{n}') and stat.S_ISSOCK(os.fstat(n).st_mode)]\n"
    "print(len(ends) > 0)"
)
"""A cell that finds the lines of its kernel."""


def told(text):
    """What must be equal: not addresses, process ids, times, and numbers of temporary files."""
    text = re.sub(r"0x[0-9a-f]+|\(\d+\.py|ipykernel_\d+/\d+\.py|iVBOR[\w+/=\\]+", "…", text)
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


async def shown(manner):
    side = sides(manner, Limits(wall_seconds=200))["learner"]
    await side.start()
    try:
        found = {}
        for name, source in CELLS.items():
            ran = await side.run(source, seconds=30, keep=Kept(text_bytes=5000))
            found[name] = (
                ran.status,
                [
                    told(
                        nbformat.v4.writes(
                            nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(id="x", outputs=ran.outputs)])
                        )
                    ),
                    told(str(dict(ran.error))),
                ],
            )
        return found
    finally:
        await side.stop()


def test_every_kind_of_cell_is_the_same_in_both():
    jupyter, cells = (asyncio.run(shown(manner)) for manner in MANNERS)
    different = [name for name in CELLS if jupyter[name] != cells[name]]
    assert different == [], "\n".join(f"{n}\n  {jupyter[n]}\n  {cells[n]}" for n in different)
    statuses = {name: status for name, (status, _) in cells.items()}
    failing = ["syntax error", "error", "chained", "error in representation", "another window", "system exit"]
    assert [name for name, status in statuses.items() if status != "ok"] == failing


@pytest.fixture
def line():
    """Runs cells in one learner's kernel over a line: (status, text that was shown)."""
    loop = asyncio.new_event_loop()
    side = sides("cells", Limits(wall_seconds=100))["learner"]
    loop.run_until_complete(side.start())

    def run(source, seconds=20.0):
        ran = loop.run_until_complete(side.run(source, seconds=seconds))
        return ran.status, "".join(o.get("text", "") for o in ran.outputs)

    yield run
    loop.run_until_complete(side.stop())
    loop.close()


def test_what_c_code_and_programs_print_is_shown(line):
    assert line("import os\nos.system('echo one')\nos.write(1, b'two')\n'';") == ("ok", "one\ntwo")
    assert line("!echo from a shell") == ("ok", "from a shell\n")
    assert line("kept = !echo kept\nprint(kept)") == ("ok", "['kept']\n")
    status, text = line("os.system('yes | head -c 300000')\nNone")
    assert status == "ok"
    assert text.startswith("y\ny\n")


def test_an_interrupted_cell_leaves_the_kernel_in_order(line):
    assert line("import time\nprint('begun')\ntime.sleep(60)", 1.0) == ("late", "begun\n")
    assert line("while True:\n    print('x' * 50); time.sleep(0.001)", 1.0)[0] == "late"
    assert line("print(1)") == ("ok", "1\n")
    assert (
        line("while True:\n    try:\n        time.sleep(1)\n    except KeyboardInterrupt:\n        pass", 1.0)[0]
        == "hung"
    )


def test_a_cell_that_ignores_interrupts_spoils_itself_alone(line):
    assert line("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nNone")[0] == "ok"
    assert line("import time\ntime.sleep(60)", 1.0)[0] == "late"


def test_an_interrupt_at_the_very_end_of_a_cell_does_not_end_the_kernel(line):
    """One that comes while the last word is on its way, or after it."""
    assert line("import os, signal, threading\nserver = get_ipython().kernel\nNone") == ("ok", "")
    late = (
        "before = type(server.line).send\n"
        "def send(connection, kind, *rest):\n"
        "    if kind == b'd':\n        server.line.sending = True\n        server.line.on_interrupt(2, None)\n"
        "    before(server.line, connection, kind, *rest)\n"
        "server.line.send = send"
    )
    assert line(late)[0] == "ok"
    assert line("os.kill(os.getpid(), signal.SIGINT)")[0] == "error"
    assert line("print(2)") == ("ok", "2\n")


def test_surrogates_are_shown_as_they_can_be(line):
    assert line("print('x\\ud800y')") == ("ok", "x?y\n")


def test_what_is_shown_between_two_cells_is_of_neither(line):
    later = "import threading\nthreading.Timer(0.5, print, ['late']).start()"
    assert line(later) == ("ok", "")
    asyncio.run(asyncio.sleep(1.0))
    assert line("print('next')") == ("ok", "next\n")


def test_a_child_of_a_cell_is_no_second_kernel(line):
    assert line("import os\nif os.fork() == 0:\n    print('child')\nelse:\n    os.wait()\n    print('parent')") == (
        "ok",
        "parent\n",
    )
    assert line("print(7)") == ("ok", "7\n")


def test_exit_ends_the_kernel_after_its_cell(line):
    assert line("print('bye')\nexit()") == ("ok", "bye\n")
    assert line("1")[0] == "dead"


def test_lies_on_the_line_end_the_kernel_and_nothing_else(line):
    """The learner's code finds the socket and writes what it likes."""
    assert line(SOCKETS) == ("ok", "True\n")
    assert line("for n in ends:\n    os.write(n, b'r' + b'\\xff' * 64)")[0] == "dead"


def test_a_forged_answer_needs_the_requests_token(line):
    line(SOCKETS)
    forged = (
        "import json, struct\npayload = json.dumps({'status': 'ok', 'expressions': {}}).encode()\n"
        "for n in ends:\n    os.write(n, struct.pack('!cI8s', b'd', len(payload), b'12345678') + payload)\n"
        "print('still here')\nraise ValueError"
    )
    assert line(forged) == ("error", "still here\n")


@pytest.mark.parametrize("said", ["b'd' * 100", "b's' + b'\\x00' * 4 + b'x' * 4", "bytes(range(256)) * 4000"])
def test_noise_before_and_after(line, said):
    status, _ = line(
        f"import os\nfor n in range(3, 40):\n    try:\n        os.write(n, {said})\n    except OSError:\n        pass"
    )
    assert status in ("ok", "dead")


def test_the_process_that_ends_is_dead(line):
    assert line("import os\nprint('last')\nos._exit(3)") == ("dead", "")
