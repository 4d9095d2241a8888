"""The build is strict: errors and warnings stop it, with the book's own settings."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from stderr import without_chatter

from autograder.equations import record
from autograder.equations.fingerprints import fingerprint

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

HEAD = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
# A chapter

## A section

$$
a = b
$$ (eq-a)

"""


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A book of two pages with the settings, extensions and styles of this one."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    config["sphinx"]["config"]["chapter_numbers"] = {"book/chapter": 7}
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(config))
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nparts:\n- caption: P\n  chapters:\n  - file: book/chapter\n"
    )
    for folder in ("_ext", "_static"):
        shutil.copytree(
            ROOT / "book" / folder, tmp_path / "book" / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copyfile(ROOT / "book" / "references.bib", tmp_path / "book" / "references.bib")
    (tmp_path / "book" / "index.md").write_text("# A book\n\nSee {eq}`eq-a`.\n")
    (tmp_path / "book" / "chapter.md").write_text(HEAD)
    tested = {"kind": "read", "outcome": "passed", "fingerprint": fingerprint("a = b"), "errors": {}}
    record.merge({"eq-a": tested}, path=tmp_path / "_build" / "equations.json")
    return tmp_path


def build(book: Path) -> tuple[int, str]:
    """Build as `make course` does; return the exit status and all that was printed."""
    done = subprocess.run(
        [Path(sys.executable).with_name("jupyter-book"), "build", ".", "-W", "--keep-going"],
        cwd=book,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def add_cell(book: Path, code: str, tags: str = "[]") -> None:
    with (book / "book" / "chapter.md").open("a") as chapter:
        chapter.write(f"```{{code-cell}} python\n:tags: {tags}\n\n{code}\n```\n\n")


def test_a_sound_book_builds(scratch):
    for tag in ("numpy", "pytorch", "tensorflow"):
        add_cell(scratch, f"print('{tag}')", f"[{tag}]")
    status, log = build(scratch)
    assert status == 0, log
    chapter = (scratch / "_build/html/book/chapter.html").read_text()
    assert "(7.1)" in chapter
    assert "7.1. " in chapter
    assert "(7.1)" in (scratch / "_build/html/book/index.html").read_text()
    assert (scratch / "_build/html/_static/mathjax/tex-chtml-full.js").is_file()


def test_an_error_in_a_cell_stops_the_build(scratch):
    add_cell(scratch, "assert 1 + 1 == 3, 'arithmetic has changed'")
    status, log = build(scratch)
    assert status != 0
    assert "chapter.md" in log
    assert "arithmetic has changed" in log


def test_a_warning_stops_this_build_and_the_next(scratch):
    """The second build reads no page again and would see no warning; it must not pass."""
    add_cell(scratch, "print('alone')", "[numpy]")
    for _ in range(2):
        status, log = build(scratch)
        assert status != 0
        assert "chapter.md:" in log
        assert "stands alone" in log


def test_a_python_warning_on_a_page_stops_the_build(scratch):
    add_cell(scratch, "import warnings\nwarnings.warn('this will change')")
    status, log = build(scratch)
    assert status != 0
    assert "chapter.md:" in log
    assert "this will change" in log


def test_start_up_chatter_is_dropped(scratch):
    line = "I0000 00:00:1795201991.8  7576 port.cc:153] oneDNN custom operations are on."
    code = f"import sys\n\nprint({line[:20]!r} + {line[20:]!r}, file=sys.stderr)\nprint('kept')"
    add_cell(scratch, code)
    status, log = build(scratch)
    assert status == 0, log
    for made in ("book/chapter.html", "_sources/book/chapter.ipynb"):
        text = (scratch / "_build/html" / made).read_text()
        assert line not in text, made
        assert "kept" in text, made


def test_a_script_from_another_host_stops_the_build(scratch):
    config = yaml.safe_load((scratch / "_config.yml").read_text())
    config["sphinx"]["config"]["html_js_files"].append("https://example.org/counter.js")
    (scratch / "_config.yml").write_text(yaml.safe_dump(config))
    status, log = build(scratch)
    assert status != 0
    assert "https://example.org/counter.js" in log


def test_only_the_book_is_looked_at():
    """Folders beside the book are left out by name: a build never walks .venv."""
    excluded = yaml.safe_load((ROOT / "_config.yml").read_text())["exclude_patterns"]
    tracked = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"book", "_build"}
    hidden = {name for name in tracked if name.startswith(".")} - {".venv", ".git"}
    generated = {name for name in tracked if name.endswith((".egg-info", "__pycache__"))}
    assert tracked - hidden - generated <= set(excluded)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("WARNING: All log messages before absl::InitializeLog() is called are written to STDERR", ""),
        ("2026-11-20 10:00:00.123456: I tensorflow/core/util/port.cc:153] oneDNN", ""),
        ("E0000 00:00:17.2 99 cuda_dnn.cc:8310] Unable to register cuDNN factory", ""),
        ("page.py:3: UserWarning: shapes differ", "page.py:3: UserWarning: shapes differ"),
        ("I0000 00:00:17.2 99 a.cc:1] hello\nRuntimeWarning: overflow", "RuntimeWarning: overflow"),
    ],
)
def test_chatter_is_told_from_warnings(written, kept):
    assert without_chatter(written) == kept
