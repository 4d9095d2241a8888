"""`from autograder import check` is light: a learner's environment is not loaded with ours."""

import subprocess
import sys

HEAVY = ("torch", "tensorflow", "keras", "nbgrader", "dask", "IPython", "matplotlib", "jupytext", "nbformat")


def test_importing_check_loads_numpy_and_nothing_heavy():
    code = (
        "import sys; from autograder import check; "
        f"print([m for m in {HEAVY!r} if m in sys.modules], 'numpy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[] True"
    assert run.stderr == ""
