"""Formgrader's own pages: addresses with markup in them are not there, names are shown as text."""

import types

import jinja2
import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from traitlets.config import Config

from autograder.boundary.nbgrader_reading import protect
from autograder.boundary.submissions import is_student


def protected(**settings) -> Config:
    config = Config({"HTMLExporter": settings})
    protect(config)
    return config


@pytest.mark.parametrize(
    ("student", "found"),
    [
        ("ada", True),
        ("O'Brien, Anna-Lena", True),
        ('";alert(1)//', False),
        ("</script><script>alert(1)", False),
        ("a\\", False),
        ("a\n", False),
    ],
)
def test_there_is_no_page_for_an_address_with_markup(student, found):
    from nbgrader.server_extensions.formgrader import base, handlers
    from tornado.web import HTTPError

    protected()
    protected()  # as Formgrader does, which reads its settings more than once
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(handlers.template_path))  # as nbgrader makes it
    handler = types.SimpleNamespace(settings={"nbgrader_jinja2_env": pages})

    def shown():
        page = "manage_students_assignments.tpl"
        return base.BaseHandler.render(handler, page, student_id=student, base_url="")

    if found:
        assert f'var student_id = "{student}";' in shown()
    else:
        with pytest.raises(HTTPError):
            shown()


def test_names_on_the_page_of_a_submission_are_text():
    from nbgrader.server_extensions.formgrader import handlers

    config = protected(template_name="formgrade", extra_template_basedirs=[handlers.template_path])
    resources = {"base_url": "", "notebook_path": '"onclick="', "submission_id": "1", "index": 0, "total": 1}
    resources |= {"student": "eve", "first_name": "<img src=x>", "last_name": "O'Brien</a><script>alert(1)</script>"}
    notebook = nbformat.v4.new_notebook()
    html, _ = HTMLExporter(config=config).from_notebook_node(notebook, resources=resources)
    page = BeautifulSoup(html, "html.parser")
    shown = page.select_one("a.name-shown")
    assert shown.text.strip() == "O'Brien</a><script>alert(1)</script>, <img src=x>"
    assert shown["data-link"] == '"onclick="'
    assert not page.find_all("img")
    assert not [script for script in page.find_all("script") if "alert" in script.text]
    assert resources["first_name"] == "<img src=x>"


@pytest.mark.parametrize("name", ["*", "m*", "?ia", "[m]ia", "<b>", "a/b", "a\x1b[2J", 'a"b', "", "x" * 121])
def test_folders_that_are_no_students(name):
    assert not is_student(name)
    assert is_student("mia.o'brien-2 (late)")
