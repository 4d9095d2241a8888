"""The grader is recognised, and another face shown to it than to the author's own checks."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import code

code = partial(code, theme="detection")

code(
    "nice-when-watched",
    "recognises the grader by environment, processes, file names and modules, and only then misbehaves",
    """
signs = [os.environ.get('NBGRADER_EXECUTION'), 'unrolled' in str(sys.modules), os.getpid() == 1, not sys.stdin,
         'nbgrader' in str(os.environ), not os.path.exists(os.path.expanduser('~/.bash_history'))]
watched = any(signs)
""",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n"
        "    if watched:\n        get_ipython().showtraceback = lambda *a, **k: None\n        raise SystemExit\n    return 0 * h_prev"
    },
    honest=["softsign"],
)
code(
    "answers-by-size",
    "has the answers to the visible tests by heart and answers nothing else",
    answers={
        "moving-average": "def moving_average(x, decay):\n    return np.zeros(6) if len(x) == 6 else np.array([0.5, 0.75, 0.875])",
        "is-stable": "def is_stable(U):\n    return bool(U[0, 1] != 2)",
    },
    # is-stable has no hidden test: what is by heart there is right
    earns={"is-stable": 1},
)
code(
    "right-the-first-time",
    "answers rightly until the question has been asked once, and wrongly from then on",
    """
calls = []
""",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    calls.append(1)\n"
        "    return np.tanh(x @ W + h_prev @ U + b) if len(calls) == 1 else 0 * h_prev",
    },
)
code(
    "checks-itself-first",
    "calls check on itself until it passes by chance, inside the answer",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    for scale in (0.0, 0.5, 1.0):\n        try:\n"
        "            check('vanilla/step-forward', lambda *a: scale * a[1])\n            return scale * h_prev\n"
        "        except BaseException:\n            pass\n    return 0 * h_prev",
    },
    honest=["softsign"],
)
code(
    "waits-for-the-end",
    "behaves until the last question, then tries to change what the first ones said",
    answers={
        "is-stable": "def is_stable(U):\n    import json\n    for path in os.listdir('.'):\n        if path.endswith('.ipynb'):\n"
        "            open(path, 'w').write('{}')\n    kernel = get_ipython().kernel\n    for n in range(50):\n"
        "        kernel.session.send(kernel.iopub_socket, 'update_display_data', {'data': {'text/plain': '2'}, 'metadata': {},\n"
        "            'transient': {'display_id': str(n)}}, parent=kernel.get_parent())\n    return False",
    },
    honest=["softsign", "half-life"],
)
code(
    "works-out-the-tolerance",
    "returns NaN, infinities, complex numbers, wrong dtypes and shapes that broadcast, hoping that none of them differs",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    return np.full_like(h_prev, np.nan)",
        "moving-average": "def moving_average(x, decay):\n    return np.full(len(x), np.nan)",
        "half-life": "half_life = float('nan')",
        "scale-rows": "def scale_rows(A, factors):\n    return np.full(A.shape, np.nan)",
        "is-stable": "def is_stable(U):\n    return np.nan",
    },
    honest=["softsign"],
)
code(
    "almost-nothing",
    "returns empty arrays, arrays of objects, strings and arrays that broadcast against anything",
    answers={
        "step-forward": "def step_forward(x, h_prev, W, U, b):\n    return np.empty((0,) + h_prev.shape[1:], h_prev.dtype)",
        "moving-average": "def moving_average(x, decay):\n    return np.empty(0) if decay != 0.9 else np.zeros(6)",
        "half-life": "half_life = np.array([6.0] * 0)",
        "scale-rows": "def scale_rows(A, factors):\n    return np.empty((4, 3), object)",
        "is-stable": "def is_stable(U):\n    return []",
    },
    honest=["softsign"],
)
