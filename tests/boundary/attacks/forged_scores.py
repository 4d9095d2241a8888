"""Points without answers: the score itself is forged, or the test is kept from failing."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import attack, cell_of, code, fill, insert

code = partial(code, theme="forged scores")
attack = partial(attack, theme="forged scores")

SPEAK = """
def speak(kind, content):
    kernel = get_ipython().kernel
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent(), ident=kernel._topic(kind))
"""

STEP = "def step_forward(x, h_prev, W, U, b):\n    {}\n    return 0 * h_prev"
AVERAGE = "def moving_average(x, decay):\n    {}\n    return 0 * x"


def both(line: str) -> dict[str, str]:
    """A line that runs when the test calls the answers to the first and the third question."""
    return {"step-forward": STEP.format(line), "moving-average": AVERAGE.format(line)}


def result_of(value: str) -> str:
    return f"speak('execute_result', {{'data': {{'text/plain': '{value}'}}, 'metadata': {{}}, 'execution_count': 1}})"


code(
    "forged-partial-credit",
    "sends an execute_result of 2 while the test runs, which nbgrader reads as partial credit",
    SPEAK,
    answers=both(result_of("2")),
    honest=["softsign"],
)
code(
    "forged-credit-of-200",
    "the same with 200 points, more than there are",
    SPEAK,
    answers=both(result_of("200")),
    honest=["softsign"],
)
code(
    "forged-credit-nan",
    "the same with nan, which is neither too many nor too few",
    SPEAK,
    answers=both(result_of("nan")),
    honest=["softsign"],
)
code(
    "clears-the-error",
    "a thread clears the outputs of the test cell after the error is there",
    SPEAK
    + """
def later():
    parent = get_ipython().kernel.get_parent()
    def clear():
        kernel = get_ipython().kernel
        for _ in range(40):
            time.sleep(0.01)
            kernel.session.send(kernel.iopub_socket, 'clear_output', {'wait': False}, parent=parent)
    threading.Thread(target=clear, daemon=True).start()
""",
    answers=both("later()"),
    honest=["softsign"],
)
code(
    "run-cell-says-ok",
    "the shell reports success whatever happened, and shows no traceback",
    """
shell, before = get_ipython(), get_ipython().run_cell_async
async def run_cell_async(*a, **k):
    result = await before(*a, **k)
    result.error_in_exec = result.error_before_exec = None
    return result
shell.run_cell_async = run_cell_async
shell.showtraceback = shell._showtraceback = lambda *a, **k: None
""",
    honest=["softsign"],
)
code(
    "runs-nothing-says-ok",
    "from the first question on, the shell runs no cell at all",
    """
from IPython.core.interactiveshell import ExecutionResult
shell, before = get_ipython(), get_ipython().run_cell_async
async def run_cell_async(source, *a, **k):
    if 'check(' in source or 'assert' in source:
        source = ''
    return await before(source, *a, **k)
shell.run_cell_async = run_cell_async
shell.run_cell = lambda *a, **k: ExecutionResult(None)
""",
    honest=["softsign"],
    spared=["softsign"],
)
code(
    "output-widget-takes-the-errors",
    "opens the comm of an output widget that takes over the outputs of the running test cell",
    SPEAK
    + """
shell = get_ipython()
def hide():
    state = {'_model_module': '@jupyter-widgets/output', '_model_name': 'OutputModel',
             'msg_id': shell.kernel.get_parent()['header']['msg_id'], 'outputs': []}
    speak('comm_open', {'comm_id': 'x', 'target_name': 'jupyter.widget', 'data': {'state': state}})
before = shell.run_cell_async
async def run_cell_async(*a, **k):
    hide()
    result = await before(*a, **k)
    result.error_in_exec = None
    return result
shell.run_cell_async = run_cell_async
""",
    answers=both("hide()"),
    honest=["softsign"],
)
code(
    "forged-reply-and-idle",
    "answers the request itself with status ok and says idle, before the test fails",
    SPEAK
    + """
def done():
    kernel = get_ipython().kernel
    content = {'status': 'ok', 'execution_count': 1, 'user_expressions': {}, 'payload': []}
    ident = kernel._parent_ident['shell']
    kernel.session.send(kernel.shell_stream, 'execute_reply', content, parent=kernel.get_parent(), ident=ident)
    kernel.shell_stream.flush()
    speak('status', {'execution_state': 'idle'})
    time.sleep(0.3)
""",
    answers=both("done()"),
    honest=["softsign"],
)
code(
    "ast-transformer",
    "an AST transformer removes assert statements and calls of check",
    """
import ast
class Meek(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
    def visit_Expr(self, node):
        text = ast.unparse(node)
        return ast.Pass() if text.startswith(('check', 'np.testing', 'assert')) else node
get_ipython().ast_transformers.append(Meek())
""",
    honest=["softsign"],
)
code(
    "input-transformer",
    "an input transformer makes test cells empty",
    """
def empty(lines):
    text = ''.join(lines)
    return [] if 'check(' in text or 'assert' in text else lines
get_ipython().input_transformers_cleanup.append(empty)
get_ipython().input_transformers_post.append(empty)
""",
    honest=["softsign"],
)
code(
    "check-replaced",
    "defines a check of its own that is always content, everywhere a test could find one",
    """
import autograder, builtins
def check(name, *a, **k):
    print('✓', name)
autograder.check = builtins.check = check
for module in list(sys.modules.values()):
    if hasattr(module, 'check') and getattr(module, '__name__', '').startswith('autograder'):
        module.check = check
""",
    answers={"step-forward": STEP.format("pass") + "\ndef check(*a, **k): print('✓')"},
)
code(
    "shadowed-builtins",
    "defines abs, len, float, print, isinstance, AssertionError of its own in the notebook, and np and near besides",
    """
class Yes:
    shape, ndim = (4, 3), 2
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __bool__(self): return True
    def __lt__(self, other): return True
    def __gt__(self, other): return True
    def __eq__(self, other): return True
    def __abs__(self): return 0.0
    def __getitem__(self, i): return self
    __mul__ = __rmul__ = __truediv__ = __sub__ = __rsub__ = __array_wrap__ = __call__
yes = Yes()
""",
    answers={
        "half-life": "half_life = 42.0\nabs = lambda *a: 0.0\nlen = lambda *a: 6\nnear = all = any = lambda *a: True\n"
        "assert_allclose = isinstance = check = print = lambda *a, **k: True",
        "moving-average": "def moving_average(x, decay):\n    return 0 * x\nlen = lambda x: 6\nnear = lambda *a: True\n"
        "np = np_ = yes",
        "scale-rows": "def scale_rows(A, factors):\n    return 0\nassert_allclose = near = lambda *a, **k: True\nA = yes",
    },
)
code(
    "shadowed-star-import",
    "defines anew what the teacher's own cell has imported with a star",
    answers={"half-life": "half_life = 42.0\nnorm = eigvals = lambda *a, **k: 0.0\nabs = lambda *a: 0.0"},
    honest=["softsign"],
)
code(
    "stops-the-iteration",
    "raises StopIteration, which ends the loops in which tests call it without a word",
    answers={
        "is-stable": "def is_stable(U):\n    if len(U) == 3 and is_stable.calls:\n        return True\n"
        "    is_stable.calls.append(1)\n    raise StopIteration\nis_stable.calls = []",
        "step-forward": STEP.format("raise StopIteration"),
        "moving-average": AVERAGE.format("raise StopAsyncIteration"),
    },
    honest=["softsign"],
)
code(
    "changes-its-arguments",
    "sets the test's arrays to zero in place, so that the answer worked out from them afterwards is zero too",
    answers={
        "scale-rows": "def scale_rows(A, factors):\n    A[:] = 0\n    factors[:] = 0\n    return A",
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    for a in (x, h_prev, W, U, b):\n        a[:] = 0\n"
        "    return 0 * h_prev",
    },
)
code(
    "retry-until-lucky",
    "kills its kernel whenever it is asked, hoping that the question is dropped or asked again more kindly",
    answers={
        "step-forward": STEP.format("os._exit(0)"),
        "moving-average": AVERAGE.format("os.kill(os.getpid(), 9)"),
        "is-stable": "def is_stable(U):\n    sys.exit(0)",
    },
    honest=["softsign"],
)
code(
    "exceptions-that-mean-well",
    "raises what test runners take for a skip, an exit or an interrupt",
    answers={
        "step-forward": "import unittest\ndef step_forward(x, h_prev, W, U, b):\n    raise unittest.SkipTest('not today')",
        "moving-average": "def moving_average(x, decay):\n    raise SystemExit(0)",
        "scale-rows": "def scale_rows(A, factors):\n    raise KeyboardInterrupt",
        "is-stable": "def is_stable(U):\n    raise GeneratorExit",
    },
    honest=["softsign"],
)
code(
    "tells-its-own-traceback",
    "raises an exception that renders its own traceback, as nothing",
    answers=both(
        "raise type('Fine', (Exception,), {'_render_traceback_': lambda self: [], '__str__': lambda self: ''})()"
    ),
    honest=["softsign"],
)
code(
    "exits-for-good",
    "asks the kernel to exit politely before the tests",
    "get_ipython().ask_exit()\nget_ipython().exit_now = True",
    honest=["softsign"],
    spared=["softsign"],
)


@attack("skip-execution-tag", "tags every test cell so that it is not run", honest=["softsign"])
def skip_execution(notebook, known):
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception", "remove_cell", "remove_input"]
    return notebook


@attack("results-already-there", "hands in test cells with the outputs of success, and hand marks", honest=["softsign"])
def results_already_there(notebook, known):
    import nbformat

    for cell in notebook.cells:
        if cell.cell_type == "code":
            result = nbformat.v4.new_output("execute_result", {"text/plain": "200"}, execution_count=1)
            cell.outputs = [result]
            cell.execution_count = 1
        cell.metadata["nbgrader_score"] = cell.metadata["score"] = 200
    notebook.metadata["nbgrader"] = {"score": 200, "manual_score": 200}
    return notebook


@attack("points-edited", "multiplies the points and unlocks, retypes and re-flags the test cells", honest=["softsign"])
def points_edited(notebook, known):
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader")
        if settings and settings.get("grade"):
            settings["points"] = 200
            settings["locked"] = False
            if cell.cell_type == "code" and settings["grade_id"] != "softsign":
                settings["solution"] = True
                cell.source = "pass"
    return notebook


@attack(
    "tests-edited", "replaces the source of each test cell by pass, and claims its old checksum", honest=["softsign"]
)
def tests_edited(notebook, known):
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            cell.source = "pass"
    return notebook


@attack("bonus-question", "adds a graded cell of 100 points, with a grade_id of its own", honest=["softsign"])
def bonus_question(notebook, known):
    settings = dict(cell_of(notebook, "softsign").metadata["nbgrader"], grade_id="bonus", points=100)
    insert(notebook, "softsign", "1 + 1").metadata["nbgrader"] = settings
    return notebook


@attack("tests-before-answers", "moves all test cells to the top and leaves copies that pass", honest=["softsign"])
def tests_before_answers(notebook, known):
    tests = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade") and c.cell_type == "code"]
    others = [c for c in notebook.cells if c not in tests]
    notebook.cells = [*tests, *others]
    return notebook


@attack("answers-in-test-cells", "swaps grade_ids: an answer carries the test's id and the test the answer's")
def answers_in_test_cells(notebook, known):
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader")
        if settings and cell.cell_type == "code":
            name = settings["grade_id"]
            settings["grade_id"] = name.removesuffix("-answer") if name.endswith("-answer") else f"{name}-answer"
    return notebook


@attack("tests-deleted", "deletes the test cells of what it cannot answer", honest=["softsign"])
def tests_deleted(notebook, known):
    keep = {"softsign", "remarks"}
    notebook.cells = [
        c
        for c in notebook.cells
        if not c.metadata.get("nbgrader", {}).get("grade") or c.metadata["nbgrader"]["grade_id"] in keep
    ]
    return notebook


@attack("half-an-answer-cell", "an answer cell whose last line is a continuation that swallows what follows")
def half_a_cell(notebook, known):
    fill(
        notebook,
        {"step-forward": "%%writefile step.py\ncheck = print", "half-life": 'half_life = """', "softsign": "if 0:\\"},
    )
    return notebook
