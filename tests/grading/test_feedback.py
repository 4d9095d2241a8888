"""Feedback pages are made self-contained whatever a learner has written into the notebook."""

from autograder.grading.csv_files import write_table
from autograder.grading.feedback import self_contained


def test_scripts_and_outside_things_go_and_mathematics_stays():
    page = """<html><head><link rel="stylesheet" href="https://example.org/a.css"><script src="x.js"></script></head>
    <body onload="steal()"><p>Let $a < b_1$ and $$\\delta h = G + \\delta a U^{\\top}$$ cost $5 and $6.</p>
    <img src="https://example.org/a.png" onerror="steal()"><img src="data:image/png;base64,AAAA">
    <a href="javascript:steal()">x</a><pre>$kept$ as it is</pre><iframe src="https://example.org"></iframe></body></html>"""
    clean = self_contained(page)
    for gone in ("script", "example.org", "onload", "onerror", "javascript:", "iframe", "steal"):
        assert gone not in clean
    assert clean.count("<math") == 2
    assert "$kept$ as it is" in clean
    assert "data:image/png" in clean
    assert 'lang="en"' in clean


def test_a_formula_that_cannot_be_read_is_shown_as_it_is():
    assert "\\left(" in self_contained("<p>$\\left( x$ is broken</p>") or "<math" in self_contained(
        "<p>$\\left( x$</p>"
    )


def test_text_that_a_spreadsheet_would_run_is_quoted(tmp_path):
    path = tmp_path / "grades.csv"
    write_table(path, ("student", "score", "reason"), [("=cmd()", -1.5, "-1+1"), ("", 2.0, "")], mark=True)
    assert path.read_text(encoding="utf-8-sig").splitlines()[1:] == ["'=cmd(),-1.5,'-1+1", ",2.0,"]
