"""The book's side: marks and the table, and a build that stops when an equation is not tested as it stands."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from autograder.equations import record
from autograder.equations.fingerprints import equations_of, fingerprint

EXTENSIONS = Path(__file__).parents[2] / "book" / "_ext"
PAGE = r"""# A chapter

$$
h_t = \tanh a_t
$$ (eq-a)

$$
1 = 2
$$

$$
\begin{aligned}
x &= y \\
z &= x
\end{aligned}
$$ (eq-b)

```text
$$
not = mathematics
$$ (eq-c)
```
"""
TABLE = "# The table\n\n```{equation-table}\n```\n"


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    (tmp_path / "conf.py").write_text(
        "extensions = ['myst_parser', 'equation_marks']\nmyst_enable_extensions = ['dollarmath']\n"
        "source_suffix = {'.md': 'markdown'}\n"  # Sphinx's default is one object for all builds of a process
        "equation_record = 'equations.json'\n"
    )
    (tmp_path / "index.md").write_text("# A book\n\n```{toctree}\nchapter\nappendix\n```\n")
    (tmp_path / "chapter.md").write_text(PAGE)
    (tmp_path / "appendix.md").write_text(TABLE)
    entries: dict[str, record.Entry] = {}
    for label, latex in equations_of(PAGE).items():
        errors = {"pytorch": 3e-16, "tensorflow": None, "complex step": 0.0}
        entries[label] = {"page": "chapter.md", "kind": "read", "outcome": "passed", "errors": errors}
        entries[label] |= {"fingerprint": fingerprint(latex), "test": "tests/equations/test_x.py::test_equation[l]"}
    entries["eq-b"]["kind"] = "definition"
    record.merge(entries, path=tmp_path / "equations.json")
    return tmp_path


def change(book: Path, label: str, **fields: Any) -> None:
    record.merge({label: fields}, path=book / "equations.json")


def build(book: Path) -> str:
    """Build, and return the warnings."""
    warnings = io.StringIO()
    out = str(book / "html")
    with patch_docutils(), docutils_namespace():
        app = Sphinx(str(book), str(book), out, str(book / "trees"), "html", status=None, warning=warnings)
        app.build()
    sys.modules.pop("equation_marks", None)
    return re.sub(r"\x1b\[[\d;]*m", "", warnings.getvalue())


def test_equations_of_a_page() -> None:
    assert list(equations_of(PAGE)) == ["eq-a", "eq-b"]


def test_a_tested_equation_has_a_mark_that_leads_to_its_row(book: Path) -> None:
    assert build(book) == ""
    page = BeautifulSoup((book / "html" / "chapter.html").read_text(), "html.parser")
    (link,) = page.select(".equation-mark a")
    assert "tested: largest error 3e-16" in link["aria-label"]
    assert link["href"] == "appendix.html#test-eq-a"
    table = BeautifulSoup((book / "html" / "appendix.html").read_text(), "html.parser")
    cells = [c.get_text(strip=True) for c in table.select_one("tr#test-eq-a").select("td")]
    assert cells[1:] == ["eq-a", "read", "3e-16", "–", "0", "test_x.py"]
    assert table.select_one("tr#test-eq-a a")["href"] == "chapter.html#equation-eq-a"
    assert table.select_one("tr#test-eq-b")
    assert "Of 2 numbered equations, 1 are read" in table.get_text()


def test_an_edited_equation_stops_the_build_also_when_built_again(book: Path) -> None:
    build(book)
    (book / "chapter.md").write_text(PAGE.replace(r"\tanh a_t", r"-\tanh a_t"))
    for _ in range(2):
        warnings = build(book)
        assert "chapter.md" in warnings
        assert "equation eq-a was changed after its test: `make equations`" in warnings
        assert len(warnings.strip().splitlines()) == 1


def test_spaces_may_change(book: Path) -> None:
    (book / "chapter.md").write_text(PAGE.replace(r"h_t = \tanh a_t", "h_t\n  = \\tanh  a_t"))
    assert build(book) == ""


@pytest.mark.parametrize("outcome", ["failed", "did not run"])
def test_a_test_that_failed_or_did_not_run_stops_the_build(book: Path, outcome: str) -> None:
    change(book, "eq-a", outcome=outcome)
    assert f"equation eq-a: its test {outcome}" in build(book)


def test_a_new_equation_stops_the_build(book: Path) -> None:
    (book / "chapter.md").write_text(PAGE + "\n$$\na = b\n$$ (eq-new)\n")
    assert "equation eq-new is neither tested nor declared a definition" in build(book)


def test_without_a_record_one_line_says_what_to_do(book: Path) -> None:
    (book / "equations.json").unlink()
    warnings = build(book)
    assert "there is no record of tested equations" in warnings
    assert "make equations" in warnings
    assert len(warnings.strip().splitlines()) == 1


def test_runs_of_a_part_update_only_their_labels(tmp_path: Path) -> None:
    path = tmp_path / "there" / "equations.json"
    record.merge({"eq-a": {"outcome": "passed"}, "eq-b": {"outcome": "failed"}}, path=path)
    record.merge({"eq-b": {"outcome": "passed"}}, path=path)
    assert record.load(path) == {"eq-a": {"outcome": "passed"}, "eq-b": {"outcome": "passed"}}
