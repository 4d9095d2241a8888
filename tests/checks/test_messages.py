"""What a learner reads: one right answer prints a line, everything else a learner can do has its own message."""

import warnings

import numpy as np
import pytest

from autograder import check
from autograder.checks import CheckFailure, observing
from autograder.checks.comparing import About, judge
from autograder.checks.failures import Verdict


def failure(answer, name="vanilla/step-backward", **options) -> CheckFailure:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, **options)
    return caught.value


def right(dh, x, h_prev, h, W, U):
    da = dh * (1 - h**2)
    return da @ W.T, da @ U.T, x.T @ da, h_prev.T @ da, da.sum(axis=0)


def test_a_right_answer_prints_one_line(capsys):
    check("vanilla/step-backward", right)
    out = capsys.readouterr()
    assert out.out.startswith("✓ vanilla/step-backward: right on 4 problems")
    assert out.out.count("\n") == 1
    assert out.err == ""


NAMES = ("dx", "dh_prev", "dW", "dU", "db")


@pytest.mark.parametrize("container", [tuple, list, lambda g: dict(zip(NAMES, g, strict=True))])
def test_any_container_will_do(container):
    check("vanilla/step-backward", lambda dh, x, h_prev, h, W, U: container(right(dh, x, h_prev, h, W, U)))


def test_other_argument_names_will_do():
    check("vanilla/step-forward", lambda inp, state, w, u, bias: np.tanh(inp @ w + state @ u + bias))


def test_a_python_number_is_a_fine_loss():
    def softmax_loss(Y, targets, mask):
        shifted = Y - Y.max(axis=-1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        one_hot = np.eye(Y.shape[-1], dtype=Y.dtype)[targets]
        loss = -(mask * (log_p * one_hot).sum(axis=-1)).sum() / mask.sum()
        return float(loss), mask[..., None] * (np.exp(log_p) - one_hot) / mask.sum()

    check("vanilla/softmax-loss", softmax_loss)


def test_right_and_wrong_outputs_are_told_apart_and_no_value_is_shown():
    def wrong_dU(dh, x, h_prev, h, W, U):
        dx, dh_prev, dW, _, db = right(dh, x, h_prev, h, W, U)
        return dx, dh_prev, dW, h.T @ (dh * (1 - h**2)), db

    error = failure(wrong_dU)
    assert {v.output for v in error.verdicts if not v.right} == {"dU"}
    text = str(error)
    assert "dU" in text.splitlines()[0]
    assert "differs everywhere; largest relative error" in text
    assert "not with the one that came out" in text
    assert "See equation (3." in text
    assert "array(" not in text


FINDINGS = {
    "wrong sign": (lambda g: (-g[0], *g[1:]), "has the wrong sign"),
    "factor": (lambda g: (3 * g[0], *g[1:]), "is 3 times what it should be"),
    "transposed": (lambda g: (*g[:2], g[2].T, *g[3:]), "it is transposed"),
    "not summed": (lambda g: (*g[:4], np.broadcast_to(g[4], (2, *g[4].shape))), "one axis has not been summed over"),
    "transpose of square": (lambda g: (*g[:3], g[3].T, g[4]), "is the transpose of what it should be"),
    "zero": (lambda g: (*g[:4], 0 * g[4]), "is zero everywhere"),
    "nan": (lambda g: (np.nan * g[0], *g[1:]), "contains NaN"),
    "inf": (lambda g: (g[0] / 0.0, *g[1:]), "contains infinite values"),
    "none inside": (lambda g: (None, *g[1:]), "is None"),
    "a list of strings": (lambda g: (["a"], *g[1:]), "not of real numbers"),
    "an object array": (lambda g: (np.array([object()]), *g[1:]), "not of real numbers"),
    "float64 for float32": (lambda g: (g[0].astype("float64"), *g[1:]), "has dtype float64, expected float32"),
}


@pytest.mark.parametrize(("spoil", "finding"), FINDINGS.values(), ids=FINDINGS)
def test_findings(spoil, finding):
    assert finding in str(failure(lambda dh, x, h_prev, h, W, U: spoil(right(dh, x, h_prev, h, W, U))))


def test_time_findings():
    def H_of(X, h_0, W, U, b, mask):
        states, h = [], h_0
        for x, m in zip(X, mask[..., None], strict=True):
            h = m * np.tanh(x @ W + h @ U + b) + (1 - m) * h
            states.append(h)
        return np.stack(states)

    def last_step_wrong(X, h_0, W, U, b, mask):
        H = H_of(X, h_0, W, U, b, mask)
        H[-1] += 1
        return H

    def ignores_mask(X, h_0, W, U, b, mask):
        return H_of(X, h_0, W, U, b, np.ones_like(mask))

    def zeroes_masked(X, h_0, W, U, b, mask):
        return H_of(X, h_0, W, U, b, mask) * mask[..., None]

    def reversed_in_time(X, h_0, W, U, b, mask):
        return H_of(X, h_0, W, U, b, mask)[::-1]

    name = "vanilla/sequence-forward"
    assert "differs only at the last time step" in str(failure(last_step_wrong, name, seed=1))
    assert "differs only where the mask is 0" in str(failure(zeroes_masked, name))
    assert "reversed in time" in str(failure(reversed_in_time, name))
    assert "The mask is not used" in str(failure(ignores_mask, name))


def test_what_is_not_an_answer():
    assert "got an int" in str(failure(7))
    assert "got a ndarray" in str(failure(np.zeros(3)))
    assert "Did you mean 'vanilla/step-backward'?" in str(failure(right, "vanilla/step-bakward"))
    assert "there is no check of this name" in str(failure(right, "no-such/check"))
    assert "there is no check of this name" in str(failure(right, 3))
    assert 'Write the name first: check("vanilla/step-backward", right)' in str(failure("vanilla/step-backward", right))
    assert "framework='torch' is not one of" in str(failure(right, framework="torch"))


def test_calls_that_cannot_fit():
    assert "takes 2 arguments (x, W), the task calls it with 6" in str(failure(lambda x, W: 0))
    assert "the task's order is (dh, x," in str(failure(lambda x, dh, h_prev, h, W, U: 0))


def test_returns_that_cannot_fit():
    assert "returned None, expected 5 values" in str(failure(lambda dh, x, h_prev, h, W, U: None))
    assert "returned 2 values, expected 5" in str(failure(lambda dh, x, h_prev, h, W, U: (dh, x)))
    assert "returned a ndarray, expected 5" in str(failure(lambda dh, x, h_prev, h, W, U: dh))


def test_not_written_yet():
    def step_backward(dh, x, h_prev, h, W, U):
        raise NotImplementedError()

    text = str(failure(step_backward))
    assert "step_backward is not written yet" in text
    assert "run that cell, then run this one again" in text


def test_an_exception_is_shown_with_the_learners_line():
    def step_backward(dh, x, h_prev, h, W, U):
        return dh @ W

    text = str(failure(step_backward))
    assert "step_backward raised ValueError: matmul" in text
    assert "of your code in step_backward: `return dh @ W`" in text
    assert failure(step_backward).__cause__ is None


def test_leaving_the_interpreter_is_an_exception_like_any_other():
    def step_backward(dh, x, h_prev, h, W, U):
        raise SystemExit

    assert "raised SystemExit" in str(failure(step_backward))


def test_a_stub_that_another_answer_calls_is_named():
    def slope(h):
        raise NotImplementedError()

    def step_backward(dh, x, h_prev, h, W, U):
        return right(dh * slope(h), x, h_prev, h, W, U)

    assert "slope is not written yet" in str(failure(step_backward))


def test_an_endless_loop_ends_and_the_next_check_works(monkeypatch):
    monkeypatch.setattr(observing, "SECONDS", 0.2)

    def step_backward(dh, x, h_prev, h, W, U):
        while True:
            try:
                while True:
                    pass
            except Exception:  # must not swallow the time limit
                pass

    text = str(failure(step_backward))
    assert "did not return within" in text
    line = step_backward.__code__.co_firstlineno + 1
    assert f"loop that never ends? It was at line {line} of your code in step_backward: `while True:`" in text
    check("vanilla/step-backward", right)


def test_where_an_endless_loop_was_is_no_chance(monkeypatch):
    """The outermost loop of the outermost function that loops, wherever the code was when its time was up."""
    monkeypatch.setattr(observing, "SECONDS", 0.05)

    def all_steps(h):
        for _ in range(3):
            h = h + 1
        return [h for _ in range(3)]

    def step_backward(dh, x, h_prev, h, W, U):
        for _ in range(2):
            h = h + 0
        while h is not None:
            for _ in range(2):
                all_steps(h)
            all_steps(h)

    line = step_backward.__code__.co_firstlineno + 3
    told = {str(failure(step_backward)).partition("It was at")[2].splitlines()[0] for _ in range(8)}
    assert told == {f" line {line} of your code in step_backward: `while h is not None:`."}


def test_changing_an_argument_is_named():
    def step_backward(dh, x, h_prev, h, W, U):
        dh *= 1 - h**2
        return dh @ W.T, dh @ U.T, x.T @ dh, h_prev.T @ dh, dh.sum(axis=0)

    text = str(failure(step_backward))
    assert "changes its argument dh in place" in text
    assert "Your line `dh *= 1 - h ** 2` writes into it: write `dh = dh * (1 - h ** 2)`, or work on a copy." in text


def test_prints_and_warnings_are_kept_short_and_off_standard_error(capsys):
    def step_backward(dh, x, h_prev, h, W, U):
        warnings.warn("careful", stacklevel=1)
        print("\n".join(f"line {i}" for i in range(1000)))
        return right(dh, x, h_prev, h, W, U)

    check("vanilla/step-backward", step_backward)
    out = capsys.readouterr()
    assert out.err == ""
    assert "careful" in out.out
    assert "more lines" in out.out
    assert len(out.out.splitlines()) < 20


def test_overflow_is_found_by_the_large_problems():
    def naive(Y, targets, mask):
        with np.errstate(all="ignore"):
            p = np.exp(Y) / np.exp(Y).sum(-1, keepdims=True)
            one_hot = np.eye(Y.shape[-1], dtype=Y.dtype)[targets]
            loss = -(np.log((p * one_hot).sum(-1)) * mask).sum() / mask.sum()
            return loss, (p - one_hot) * mask[..., None] / mask.sum()

    text = str(failure(naive, "vanilla/softmax-loss"))
    assert "NaN" in text
    assert "logits in the thousands" in text


def test_a_notebook_shows_the_message_and_no_frames_of_ours():
    from IPython.core.interactiveshell import InteractiveShell

    error = failure(lambda dh, x, h_prev, h, W, U: None)
    shown = []
    shell = InteractiveShell.instance()
    shell._showtraceback = lambda etype, value, stb: shown.extend(stb)  # type: ignore[method-assign]
    try:
        raise error
    except CheckFailure:
        shell.showtraceback()
    assert "\n".join(shown) == str(error)


def findings(expected, got, **about):
    return judge("dW", got, expected, allowed=1e-12, about=About(**about)).finding


def test_a_factor_is_named_by_what_it_is():
    dW = np.random.default_rng(0).normal(size=(4, 6))
    sizes = {"T": 5, "B": 3, "D": 4, "H": 6}
    assert "3 times what it should be, everywhere: that is B; a sum" in findings(dW, 3 * dW, sizes=sizes)
    assert "that is 1/T; a mean where a sum belongs?" in findings(dW, dW / 5, sizes=sizes)
    assert "that is T·B" in findings(dW, 15 * dW, sizes=sizes)
    assert findings(dW, 0.7 * dW, sizes=sizes).endswith("everywhere")


def test_the_gate_that_is_wrong_is_named():
    dW = np.random.default_rng(0).normal(size=(3, 8))
    wrong = dW.copy()
    wrong[:, 2:4] *= 1.5
    assert "differs only in the block of f;" in findings(dW, wrong, blocks="ifgo")
    wrong[:, 7] += 1
    assert "differs only in the blocks of f and o;" in findings(dW, wrong, blocks="ifgo")
    assert "differs everywhere" in findings(dW, dW + 1, blocks="ifgo")


def test_a_notebook_gets_html_and_the_grade_its_error(tmp_path):
    """In a real kernel: the message as HTML and as text, and an error that keeps the whole text for the grader."""
    import nbformat
    from nbclient import NotebookClient

    source = (
        "from autograder import check\n"
        "def step_backward(dh, x, h_prev, h, W, U):\n"
        "    da = dh * (1 - h**2)\n"
        "    return da @ W.T, da @ U.T, x.T @ da, h.T @ da, da.sum(axis=0)\n"
        'check("vanilla/step-backward", step_backward)'
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, allow_errors=True, kernel_name="python3").execute(cwd=str(tmp_path))
    shown, error = notebook.cells[0].outputs
    html, text = shown.data["text/html"], shown.data["text/plain"]
    assert text == error.evalue
    assert "dU pairs δa_t with the state that went *into* the step" in text
    assert '<a href="https://' in html
    assert "#equation-eq-rnn-du" in html
    assert "<td" in html
    assert error.ename == "CheckFailure"
    assert error.traceback == [text.splitlines()[0]]


def test_a_name_that_the_kernel_has_lost(tmp_path):
    """Only in a call of check; other NameErrors are shown as ever, and both are errors for the grade."""
    import nbformat
    from nbclient import NotebookClient

    sources = (
        "from autograder import check",
        'check("vanilla/step-backward", step_backward)',
        'check(\n    "vanilla/step-backward",\n    step_backward,\n)',
        "something_else",
        "1 / 0",
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, allow_errors=True, kernel_name="python3").execute(cwd=str(tmp_path))
    first, second, other, unrelated = (cell.outputs[0] for cell in notebook.cells[1:])
    for error in (first, second):
        assert error.ename == "NameError"
        assert "step_backward is not defined here: its cell has not been run" in error.traceback[0]
        assert len(error.traceback) == 2
    assert other.ename == "NameError"
    assert "Traceback" in "".join(other.traceback)
    assert unrelated.ename == "ZeroDivisionError"


def test_html_is_escaped():
    error = CheckFailure("a<b>", "<script>", verdicts=[Verdict("<i>", False, "&")], advice="<a>", see="no-such-label")
    for raw in ("<b>", "<script>", "<i>", "<a>"):
        assert raw not in error.html()
