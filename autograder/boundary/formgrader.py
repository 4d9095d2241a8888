"""Formgrader's pages made to show ids and names as text.

nbgrader's templates put the parts of an address, and the names that the gradebook has, into a page as they are. A
link that a student has written somewhere, or a display name out of a learning platform's list, could run a script
there, in the teacher's session. Ids cannot hold markup (`submissions.is_student`); addresses and names can.
"""

import functools
import re
import sys
from html import escape
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from tornado.web import HTTPError

_PAGES = "nbgrader.server_extensions.formgrader.base"
_OF_ADDRESSES = ("assignment_id", "notebook_id", "student_id")
_HARMLESS = re.compile(r'[^<>"\\\x00-\x1f\x7f]*')
_OF_SUBMISSIONS = ("student", "first_name", "last_name", "notebook_path")


class NamesAsText(Preprocessor):
    """Escapes what Formgrader's page of a submission shows of its student; other pages are left as they are."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook, and the resources with those texts escaped."""
        if "submission_id" in resources:
            for name in _OF_SUBMISSIONS:
                if isinstance(resources.get(name), str):
                    resources[name] = escape(resources[name])
        return nb, resources


def refuse_markup_in_addresses() -> None:
    """Have Formgrader, where this process is its server, answer an address with markup in it with 404: not found."""
    pages = sys.modules.get(_PAGES)
    if pages is None or hasattr(pages.BaseHandler.render, "__wrapped__"):
        return
    render = pages.BaseHandler.render

    @functools.wraps(render)
    def checked(handler: Any, name: str, **texts: Any) -> Any:
        for each in _OF_ADDRESSES:
            if not _HARMLESS.fullmatch(str(texts.get(each, ""))):
                raise HTTPError(404, "there can be nothing of this name")
        return render(handler, name, **texts)

    pages.BaseHandler.render = checked
