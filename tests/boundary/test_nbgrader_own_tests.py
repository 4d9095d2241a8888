"""nbgrader's own tests of autograding, which come with it, against what is put in its place here."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

CONFIG = """\
from autograder.boundary.nbgrader_reading import protect
{imports}
c = get_config()
protect(c{execute})
"""
STEPS = {
    "stock": CONFIG.format(imports="", execute=""),
    "across": CONFIG.format(
        imports="from autograder.boundary.execution import ExecuteAcross", execute=", execute=ExecuteAcross"
    ),
}
# What they ask for and must not get: names, and why.
CONTRADICT = {
    "test_grade_empty_timestamp": "a time stamp that is not a time must not stop grading; they want it to",
    "test_no_execute": "--no-execute grades by the outputs that were handed in; here a test that is not run has failed",
    "test_missing_source_kernelspec": "the kernel that a submission names is not used; they want it to fail",
    "test_handle_failure": "a notebook that is not the assignment's gets a zero and stops nothing; they want an error",
    "test_handle_failure_single_notebook": "as above",
}
CONTRADICT_ACROSS = {
    "test_incorrect_source_kernelspec": "the kernels are this package's own, whatever a notebook names",
    "test_side_effects": "a file that a cell writes stays in its kernel's private folder and goes with it",
}


def results(folder, config: str, only: str = "") -> dict[str, str]:
    """Run nbgrader's tests of autograding with a configuration; for each test passed, failed or skipped."""
    (folder / "config").mkdir()
    (folder / "config" / "nbgrader_config.py").write_text(config)
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", f"--rootdir={folder}"]
    command += ["--pyargs", "nbgrader.tests.apps.test_nbgrader_autograde", f"--junitxml={report}"]
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(folder / "config"), "HOME": str(folder)}
    command += ["-k", only] if only else []
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=3600)
    assert report.exists(), done.stdout + done.stderr
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        found[case.attrib["name"]] = "failed" if kinds & {"failure", "error"} else "skipped" if kinds else "passed"
    return found


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
def test_all_pass_but_for_those_that_ask_for_what_must_not_be(tmp_path, step):
    """Takes minutes: each of them is a course of its own."""
    found = results(tmp_path, STEPS[step])
    failed = {name for name, result in found.items() if result == "failed"}
    expected = set(CONTRADICT) | (set(CONTRADICT_ACROSS) if step == "across" else set())
    assert failed == expected
    assert sum(result == "passed" for result in found.values()) >= 30
