"""The expected answer is looked for wherever it might lie: frames, history, heap, modules, files, the asker itself."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import NOTHING_HIDDEN, code

code = partial(code, theme="stolen values")

STEP = "def step_forward(x, h_prev, W, U, b):\n    {}\n    return 0 * h_prev"

code(
    "expected-from-frames",
    "walks up the callers' frames and returns the array that they expect",
    """
def spy(shape, avoid):
    import numpy
    frame = sys._getframe(2)
    while frame is not None:
        places = [frame.f_locals, getattr(frame.f_locals.get('problem'), 'expected', {})]
        for place in places:
            for name, value in dict(place).items():
                if 'expected' in name or 'answer' in name or name in ('h', 'dh_da') and place is not frame.f_locals:
                    if isinstance(value, numpy.ndarray) and value.shape == shape:
                        return value.astype(avoid.dtype)
        frame = frame.f_back
    return None
""",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    found = spy(h_prev.shape, h_prev)\n"
        "    return 0 * h_prev if found is None else found",
        "softsign": "def softsign_derivative(h):\n    found = spy(h.shape, h)\n"
        "    return 0 * h if found is None else found",
        "moving-average": "def moving_average(x, decay):\n    g = sys._getframe(1).f_globals\n"
        "    answer = g.get('unseen' + '_answer')\n    m, r = 0.0, []\n"
        "    return answer if answer is not None and len(x) == 3 and decay < 0.2 else "
        "np.array([0.5, 0.75, 0.875]) if decay == 0.5 else 0 * x",
        "scale-rows": "def scale_rows(A, factors):\n    g = sys._getframe(1).f_globals\n"
        "    return g['A'] * g['factors'][:, None] if 'factors' in g else 0 * A",
    },
)
code(
    "expected-from-the-heap",
    "searches all of gc's objects for mappings with an expected array in them",
    """
import gc
def spy(shape, dtype):
    import numpy
    for thing in gc.get_objects():
        expected = getattr(thing, 'expected', None) if type(thing).__name__ == 'Problem' else None
        for value in (expected or {}).values():
            if isinstance(value, numpy.ndarray) and value.shape == shape:
                found = value
    return locals()['found'].astype(dtype)
""",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    return spy(h_prev.shape, h_prev.dtype)",
        "softsign": "def softsign_derivative(h):\n    return spy(h.shape, h.dtype)",
    },
)
code(
    "hidden-tests-from-history",
    "reads the running cell's own text from In and the parent message, and takes the numbers from it",
    """
def spy():
    import ast, re
    texts = [get_ipython().kernel.get_parent().get('content', {}).get('code', ''), *In, *get_ipython().history_manager.input_hist_raw]
    for text in texts:
        if 'unseen' + '_answer = ' in text:
            leaked('hidden test')
            return np.array(ast.literal_eval(re.search('unseen' + r'_answer = np.array\\((.*?)\\)', text)[1]))
""",
    answers={
        "moving-average": "def moving_average(x, decay):\n    if decay == 0.125:\n        return spy()\n"
        "    return np.array([0.5, 0.75, 0.875]) if decay == 0.5 else 0 * x",
    },
)
code(
    "asks-the-reference",
    "imports the reference networks and lets them answer",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    from autograder.checks.checking import find\n"
        "    return find('vanilla/step-forward').reference(x, h_prev, W, U, b)",
        "softsign": "def softsign_derivative(h):\n    from autograder.checks.vanilla import answers\n"
        "    return answers.softsign_derivative(h)",
    },
)
code(
    "asks-the-reference-by-force",
    "loads the checks from wherever their files are: the repository, site-packages, links of editable installs, a zip",
    """
def hunt():
    import glob, importlib.util
    places = [KNOWN['repository'], *sys.path, *glob.glob('/proc/*/cwd'), *glob.glob('/*/*'), os.getcwd()]
    for place in places:
        path = os.path.join(place or '.', 'autograder', 'checks', '__init__.py')
        if os.path.exists(path):
            for name in [m for m in sys.modules if m.split('.')[0] == 'autograder']:
                del sys.modules[name]
            sys.path.insert(0, place)
            from autograder.checks.checking import find
            leaked(path)
            return find
find = None
try:
    find = hunt()
except BaseException as error:
    print(type(error))
""",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n"
        "    return find('vanilla/step-forward').reference(x, h_prev, W, U, b)",
        "softsign": "def softsign_derivative(h):\n    return find('vanilla/softsign-derivative').reference(h)",
    },
    not_stopped=NOTHING_HIDDEN,
)
code(
    "reads-its-own-memory",
    "searches every readable page of its own process for the hidden test and the teacher's environment",
    """
needles = [bytes(b ^ 0x55 for b in n) for n in (b'hidden-' + b'line-7c1f', b'unseen_' + b'answer = ')]
whole = bytes(b ^ 0x55 for b in b'assert_all' + b'close(moving_average(unseen')
found = set()
with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as memory:
    for line in maps:
        span, rights = line.split()[:2]
        low, high = (int(v, 16) for v in span.split('-'))
        if 'r' not in rights or '[v' in line or high - low > 2**28:
            continue
        try:
            memory.seek(low)
            page = memory.read(high - low)
        except (OSError, ValueError, OverflowError):
            continue
        for which, needle in enumerate(needles):
            if bytes(b ^ 0x55 for b in needle) in page and bytes(b ^ 0x55 for b in whole) in page:
                found.add(which)
if found:
    leaked('hidden test in my memory')
""",
    honest=["softsign"],
)
code(
    "records-what-numpy-does",
    "wraps tanh, abs and default_rng, and returns the last thing that the test computed with them",
    """
import numpy
seen = []
def recording(function):
    def wrapped(*a, **k):
        result = function(*a, **k)
        seen.append(result)
        return result
    return wrapped
numpy.tanh = recording(numpy.tanh)
numpy.array = recording(numpy.array)
""",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n"
        "    return next(s for s in reversed(seen) if getattr(s, 'shape', 0) == h_prev.shape).astype(h_prev.dtype)",
        "moving-average": "def moving_average(x, decay):\n"
        "    return np.array([0.5, 0.75, 0.875]) if decay == 0.5 else seen[-1] if decay == 0.125 else 0 * x",
    },
)
code(
    "answers-from-the-comparison",
    "returns objects that learn the expected value when they are compared, and agree with it",
    """
class Agrees:
    __array_priority__ = 1e9
    dtype, ndim = np.dtype('float64'), 2
    def __init__(self, like): self.like = like; self.shape = np.shape(like)
    def _yes(self, *others, **k):
        for other in others:
            if isinstance(other, np.ndarray):
                leaked(('compared with', other.ravel()[:3]))
        return True
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = _yes
    def __ne__(self, other): return False
    def _zero(self, *others, **k):
        self._yes(*others)
        return np.zeros(self.shape)
    __sub__ = __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __abs__ = __neg__ = _zero
    def __array_ufunc__(self, ufunc, method, *inputs, **k):
        self._yes(*[i for i in inputs if i is not self])
        return True if ufunc.nout == 1 and 'equal' in ufunc.__name__ else np.zeros(self.shape)
    def __array_function__(self, function, types, args, kwargs):
        self._yes(*args)
        return True
    def __len__(self): return 6
    def __float__(self): return 0.0
    def __int__(self): return 0
    def __index__(self): return 0
    def __hash__(self): return 0
    def __iter__(self): return iter([self] * 4)
    def __getitem__(self, i): return self
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return self._zero
""",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    return Agrees(h_prev)",
        "softsign": "def softsign_derivative(h):\n    return Agrees(h)",
        "moving-average": "def moving_average(x, decay):\n    return Agrees(x)",
        "half-life": "half_life = Agrees(1.0)",
        "scale-rows": "def scale_rows(A, factors):\n    return Agrees(A)",
        "is-stable": "class Odd:\n    def __bool__(self):\n        Odd.n = getattr(Odd, 'n', 0) + 1\n"
        "        return Odd.n != 2\ndef is_stable(U):\n    return Odd()",
    },
)
code(
    "arrays-that-agree",
    "the same with a subclass of ndarray, of float and of bool-like int",
    """
class Agreeable(np.ndarray):
    def _yes(self, *others): return np.ones(self.shape, bool)
    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = _yes
    def __ne__(self, other): return np.zeros(self.shape, bool)
    def __array_ufunc__(self, ufunc, method, *inputs, **k):
        if ufunc.__name__ in ('subtract', 'absolute', 'isnan', 'isinf', 'not_equal'):
            return np.zeros(self.shape, bool if 'is' in ufunc.__name__ else float)
        if ufunc.__name__ in ('equal', 'less_equal', 'less', 'isfinite', 'logical_and'):
            return np.ones(self.shape, bool)
        return getattr(ufunc, method)(*(np.asarray(i) for i in inputs), **k)
    def __array_function__(self, function, types, args, kwargs): return np.zeros(self.shape)
    def max(self, *a, **k): return 0.0
    def all(self, *a, **k): return True
    def astype(self, *a, **k): return self
class Number(float):
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __eq__ = __lt__
    __hash__ = float.__hash__
""",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    return np.zeros_like(h_prev).view(Agreeable)",
        "softsign": "def softsign_derivative(h):\n    return np.zeros_like(h).view(Agreeable)",
        "moving-average": "def moving_average(x, decay):\n    return np.zeros_like(x).view(Agreeable)",
        "half-life": "half_life = Number(42)",
        "scale-rows": "def scale_rows(A, factors):\n    return np.zeros_like(A).view(Agreeable)",
    },
)
code(
    "remembers-the-questions",
    "a function that answers later calls with what earlier calls and the test's own arithmetic have told it",
    """
heard = {}
""",
    answers={
        # the second call of the test asks for twice the first answer
        "scale-rows": "def scale_rows(A, factors):\n    n = heard['n'] = heard.get('n', 0) + 1\n"
        "    heard[n] = A\n    return A if n == 1 else 2 * heard[1]",
        "step-forward": STEP.format("heard.setdefault('x', []).append((x, h_prev))"),
    },
    honest=["half-life"],
)
code(
    "guesses-the-draw",
    "seeds every generator it can reach, hoping to meet the problems that it has solved at home",
    """
import random
random.seed(0)
np.random.seed(0)
before = np.random.default_rng
np.random.default_rng = lambda seed=None: before(0)
os.environ['PYTHONHASHSEED'] = '0'
""",
    answers={
        "scale-rows": "draw = np.random.default_rng(0)\nhome = draw.normal(size=(4, 3)) * draw.normal(size=4)[:, None]\n"
        "def scale_rows(A, factors):\n    return home if abs(A).max() < abs(home).max() * 9 and abs(A[0, 0] - 0.1257302) < 1e-6"
        " else 2 * home",
    },
)
code(
    "profiles-the-checker",
    "a profile hook writes down the locals of every function of the checker while it runs",
    """
notes = []
def watch(frame, event, argument):
    if event == 'return' and frame.f_code.co_name in ('_judge', 'judge', 'cast', '_step_forward_problems', 'step_forward'):
        notes.append(dict(frame.f_locals))
        for value in [argument, *frame.f_locals.values()]:
            if type(value).__name__ == 'Problem':
                notes.append(dict(value.expected))
sys.setprofile(watch)
threading.setprofile(watch)
def spy(shape, dtype):
    import numpy
    for note in reversed(notes):
        for value in note.values():
            if isinstance(value, numpy.ndarray) and value.shape == shape and value.any():
                return value.astype(dtype)
    return numpy.zeros(shape, dtype)
""",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    return spy(h_prev.shape, h_prev.dtype)",
        "softsign": "def softsign_derivative(h):\n    return spy(h.shape, h.dtype)",
    },
)
code(
    "jumps-out-of-the-test",
    "a trace hook set on the calling frame jumps to its last line, past the comparison",
    """
def jump():
    def tracer(frame, event, argument):
        if event == 'line' and frame.f_code.co_name in ('check', '_judge'):
            try:
                frame.f_lineno = max(line for _, _, line in frame.f_code.co_lines() if line)
            except ValueError:
                pass
        return tracer
    frame = sys._getframe(1)
    while frame is not None:
        frame.f_trace = tracer
        frame = frame.f_back
    sys.settrace(tracer)
""",
    answers={
        "step-forward": STEP.format("jump()"),
        "softsign": "def softsign_derivative(h):\n    jump()\n    return 0 * h",
        "moving-average": "def moving_average(x, decay):\n    jump()\n    return 0 * x",
    },
)
