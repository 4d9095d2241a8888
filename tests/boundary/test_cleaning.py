"""Cleaning: what a learner's kernel wrote is bounded, harmless to look at, and tells nothing of a hidden test."""

import base64
import copy
import json
import re
import struct

import nbformat
import pytest
from bleach._vendor import html5lib
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.boundary import cleaning
from autograder.boundary.cleaning import clean_metadata, clean_outputs, room_of_a_notebook
from autograder.boundary.hiding import (
    LEFT_OUT,
    Delimiters,
    failing_line,
    hidden_lines,
    hide_in_feedback,
    reduce_test_outputs,
    without_hidden,
)
from autograder.boundary.markup import clean_html, escape_markdown, markdown_to_html
from autograder.boundary.pages import POLICY, self_contained
from autograder.boundary.words import plain, visible

# What browsers have been talked into, one line each; alert stands for anything.
ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\x00>alert(1)</script>",
    "<script/x>alert(1)</script >",
    "<<script>alert(1)//<</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=x:x onerror\x0b=alert(1)>",
    '<IMG """><SCRIPT>alert(1)</SCRIPT>">',
    "<img src='javascript:alert(1)'>",
    "<img src=data:text/html,<script>alert(1)</script>>",
    '<img src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+">',
    "<img src=https://evil.example/pixel.png>",
    "<img srcset='https://evil.example/pixel.png 2x'>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml;base64,AAAA#x'></svg>",
    "<math><mtext><table><mglyph><style><img src onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<math href='javascript:alert(1)'>click</math>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' java\tscript:alert(1)'>x</a>",
    "<a href='java&#x0a;script:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
    "<a href='file:///etc/passwd'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='https://ok.example' onclick='alert(1)' style='position:fixed;top:0'>x</a>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='javascript:alert(1)'></object><embed src=javascript:alert(1)>",
    "<applet code=x></applet><base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css'; .score{display:none}</style>",
    "<div style='background:url(javascript:alert(1))'>x</div>",
    "<div style='width:expression(alert(1))'>x</div>",
    "<div style='position:fixed;top:0;left:0;width:100%;height:100%;background:white'>Score: 7 / 7</div>",
    "<div style='margin-top:-500px'>Score: 7 / 7</div>",
    "<p style='behavior:url(x.htc);-moz-binding:url(x.xml#y)'>x</p>",
    "<form action=https://evil.example><input name=a autofocus onfocus=alert(1)>",
    "<button formaction=javascript:alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<body onload=alert(1)><frameset onload=alert(1)>",
    "<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<textarea></textarea><script>alert(1)</script>",
    "<title></title><img src=x onerror=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<!--><script>alert(1)</script>-->",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><?php alert(1) ?>",
    "<p id=score name=cookie class='full-credit btn'>x</p>",
    "<table background=javascript:alert(1)><td background=javascript:alert(1)>x",
    "</pre></div></body></html><script>alert(1)</script>",
    "<xmp><script>alert(1)</script></xmp><plaintext><script>alert(1)",
    "<marquee onstart=alert(1)>x</marquee><isindex action=javascript:alert(1)>",
    "\u202e<script>alert(1)</script>\u2066",
    "\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x07",
]
# fmt: off
HARMLESS_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del", "details", "div",
    "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li",
    "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "summary", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var", "html", "head", "body",
}
HARMLESS_ATTRIBUTES = {
    "href", "src", "alt", "style", "class", "title", "role", "lang", "dir", "align", "colspan", "width", "height",
    "scope",
}
# fmt: on


def elements(html: str):
    """(name, attributes) of all elements, as a lax parser and as one that follows the standard find them."""
    for tag in BeautifulSoup(html, "html.parser").find_all(True):
        yield tag.name, {k: " ".join(v) if isinstance(v, list) else str(v) for k, v in tag.attrs.items()}
    for element in html5lib.parse(html, namespaceHTMLElements=False).iter():
        if isinstance(element.tag, str):
            yield element.tag, dict(element.attrib)


def is_harmless(html: str) -> None:
    for tag, attributes in elements(html):
        assert tag in HARMLESS_TAGS, html
        for name, value in attributes.items():
            squeezed = re.sub(r"[\x00-\x20]", "", value).lower()
            assert name in HARMLESS_ATTRIBUTES, html
            assert "script:" not in squeezed, html
            if name == "href":
                assert re.match(r"https?://|mailto:|#", squeezed), html
            if name == "src":
                assert re.match("data:image/(png|jpeg|gif|webp);base64,", squeezed), html
            if name == "style":
                assert not re.search(r"url|expression|position|behavior|binding|-\d|import|display", squeezed), html
            if name == "class":
                assert "btn" not in value, html
                assert "full-credit" not in value, html
    assert not re.search("[\x00-\x08\x1b\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)


@pytest.mark.parametrize("attack", ATTACKS)
def test_html_that_attacks_becomes_harmless(attack):
    is_harmless(clean_html(attack))
    is_harmless(clean_html(f"<table><tr><td>{attack}</td></tr></table>"))
    is_harmless(clean_html(clean_html(attack)))


@pytest.mark.parametrize("attack", ATTACKS)
def test_markdown_that_attacks_becomes_harmless(attack):
    is_harmless(markdown_to_html(attack))
    is_harmless(markdown_to_html(f"# {attack}\n\n- {attack}\n\n> {attack}\n\n| a |\n|---|\n| {attack} |"))


@pytest.mark.parametrize(
    "source",
    [
        "[x](javascript:alert(1))",
        "[x](<javascript:alert(1)>)",
        "[x]( java\tscript:alert(1))",
        "[x](JaVaScRiPt:alert(1) 'title')",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x][1]\n\n[1]: javascript:alert(1)",
        "<javascript:alert(1)>",
        "![x](javascript:alert(1))",
        "![x](https://evil.example/pixel.png)",
        '![x](x"onerror="alert(1))',
        "![x](attachment:no-such.png)",
        "[x](https://ok.example 'a\" onmouseover=\"alert(1)')",
        "```<script>\nalert(1)\n```",
        '```"><script>alert(1)</script>\nx\n```',
        "```mermaid\n<script>alert(1)</script>\n```",
        r"$\href{javascript:alert(1)}{x}$",
        r"$$\unicode{x3c}script\unicode{x3e}$$",
        r"\begin{x}<img src=x onerror=alert(1)>\end{x}",
        "$<img src=x onerror=alert(1)>$",
        "<div\n\nonclick=alert(1)>\n\nx</div>",
        "<a name=score></a>",
    ],
)
def test_markdown_s_own_ways_to_attack(source):
    html = markdown_to_html(source)
    is_harmless(html)
    assert r"\href" not in html


def test_markdown_of_an_honest_answer_is_untouched():
    source = (
        "## Why\n\nBecause `a < b & c`, $x<y$ and **so**: [book](https://example.org/?a=1&b=2)\n\n"
        "| gate | value |\n|---|--:|\n| f | 1 |\n\n```python\nif a < b:\n    pass\n```\n\n"
        "$$\n\\begin{aligned}h &= a \\\\ c &< d\\end{aligned}\n$$\n\n- [x] done\n- [ ] not\n"
    )
    html = markdown_to_html(source)
    soup = BeautifulSoup(html, "html.parser")
    assert [tag.name for tag in soup.find_all(["h2", "table", "strong", "pre"])] == ["h2", "strong", "table", "pre"]
    assert soup.a["href"] == "https://example.org/?a=1&b=2"
    assert soup.code.text == "a < b & c"
    assert soup.pre.text.strip() == "if a < b:\n    pass"
    assert "$x<y$" in soup.text
    assert r"\begin{aligned}h &= a \\ c &< d\end{aligned}" in soup.text
    assert "☑" in soup.text
    assert "☐" in soup.text


def test_attached_images_are_shown():
    image = base64.b64encode(b"\x89PNG").decode()
    html = markdown_to_html("![a drawing](attachment:d.png)", {"d.png": {"image/png": image}})
    assert BeautifulSoup(html, "html.parser").img["src"] == f"data:image/png;base64,{image}"


@pytest.mark.parametrize(
    "piece", ["<div>", "<b><p>", "<table><tr><td>", "<a", "[", "![", "> ", "* ", "<", "`", "$", "- "]
)
def test_deep_and_long_texts_take_a_short_time(piece):
    for text in (clean_html(piece * 8_000), markdown_to_html(piece * 8_000)):
        assert len(text) < 2_000_000


def test_the_failure_of_a_check_looks_as_it_did():
    html = (
        '<div role="status" style="border-left: .3em solid #c2410c; padding-left: .8em; max-width: 50em">'
        '<p><strong>✗ lstm/step</strong>: wrong</p><table style="margin: 0 0 .6em 1em"><tr><th scope="row" '
        'style="text-align: left"><code>dU</code></th><td style="text-align: left">✗ transposed</td></tr></table>'
        '<p>See <a href="https://example.org/a.html#eq">chapter 5</a>.</p></div>'
    )
    cleaned = BeautifulSoup(clean_html(html), "html.parser")
    whole = BeautifulSoup(html, "html.parser")
    assert [t.name for t in cleaned.find_all(True) if t.name != "tbody"] == [t.name for t in whole.find_all(True)]
    assert cleaned.div["style"] == whole.div["style"]
    assert cleaned.th.attrs == whole.th.attrs
    assert cleaned.a["href"] == whole.a["href"]


def test_a_table_of_pandas_looks_as_it_did():
    html = (
        "<div>\n<style scoped>.dataframe tbody tr th {vertical-align: top}</style>\n"
        '<table border="1" class="dataframe"><thead><tr style="text-align: right"><th></th><th>a</th></tr></thead>'
        "<tbody><tr><th>0</th><td>1.5</td></tr></tbody></table></div>"
    )
    cleaned = BeautifulSoup(clean_html(html), "html.parser")
    assert cleaned.table["class"] == ["dataframe"]
    assert [cell.text for cell in cleaned.find_all(["th", "td"])] == ["", "a", "0", "1.5"]
    assert "vertical-align" not in cleaned.text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Htop\x1b[?25l", "top"),
        ("\x1b]0;title\x07a\x1b]52;c;ZXZpbA==\x1b\\b", "ab"),
        ("\x9b31mred \x9d0;t\x9cx", "red x"),
        ("\x1bPq#0;2;0;0;0\x1b\\sixel", "sixel"),
        ("\x1b(0\x1b)B\x1bcx\x1b7", "x"),
        ("a\x00b\x08c\x7f", "abc"),
        ("fine\nprogress 1\rprogress 2\nend", "fine\nprogress 2\nend"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("tab\tstays δ ✗ é 中 🎉", "tab\tstays δ ✗ é 中 🎉"),
        ("\ud800", "\ufffd"),
        ("\x1b]0;never ends", ""),
    ],
)
def test_terminal_escapes_and_controls_are_gone(text, seen):
    assert visible(text) == seen


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("\x1b\x9b\x9d[]()0;1mABx\x07\\\r\n\u202e\ud800\x00é"), max_size=60))
def test_no_text_keeps_an_escape(text):
    seen = visible(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", seen)
    assert len(plain(text)) <= 80
    assert "\n" not in plain(text)


def cleaned(*outputs):
    result = clean_outputs(outputs)
    cell = new_code_cell(outputs=result)
    nbformat.validate(new_notebook(cells=[cell]))
    nbformat.writes(new_notebook(cells=[cell])).encode()
    return result


def test_text_is_bounded_from_both_ends():
    text = "first\n" + "x" * 10_000_000 + "\nlast\n"
    (output,) = cleaned({"output_type": "stream", "name": "stdout", "text": text})
    assert len(output.text) < 50_000
    assert output.text.startswith("first")
    assert "left out" in output.text or "more text" in output.text
    (output,) = cleaned({"output_type": "stream", "name": "stdout", "text": "line\n" * 100_000})
    assert output.text.count("\n") <= cleaning.MAX_LINES + 2


def test_a_flood_of_outputs_does_not_hide_an_error():
    flood = [{"output_type": "stream", "name": "stdout", "text": "x" * 5_000}] * 10_000
    error = {"output_type": "error", "ename": "E", "evalue": "why", "traceback": ["line"]}
    result = cleaned(*flood, error)
    assert len(result) <= cleaning.MAX_OUTPUTS + 2
    assert next(o for o in result if o.output_type == "error").evalue == "why"
    assert "more outputs" in result[-1].text
    assert sum(len(o.get("text", "")) for o in result) < 60_000


def test_a_notebook_has_a_bound_of_its_own():
    room = room_of_a_notebook()
    outputs = [{"output_type": "stream", "name": "stdout", "text": "x" * 39_000}]
    total = sum(len(o.text) for _ in range(200) for o in clean_outputs(outputs, room))
    assert total < 52 * cleaning.MAX_TEXT


PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + b"rest"


def display(**data):
    bundle = {key.replace("_", "/").replace("__", "+"): value for key, value in data.items()}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


def test_images_must_be_what_they_say_and_small():
    good = base64.b64encode(PNG).decode()
    bomb = base64.b64encode(PNG[:16] + struct.pack(">II", 60_000, 60_000)).decode()
    large = base64.b64encode(PNG + b"0" * cleaning.MAX_IMAGE_BYTES).decode()
    assert cleaned(display(image_png=good))[0].data == {"image/png": good}
    assert cleaned(display(image_png=[good[:8], good[8:]]))[0].data == {"image/png": good}
    for bad in (bomb, large, "no base64", base64.b64encode(b"<svg/>").decode(), 3, None, PNG.hex()):
        (output,) = cleaned(display(image_png=bad, text_plain="an image"))
        assert output.data == {"text/plain": "an image"}
    many = cleaned(*[display(image_png=base64.b64encode(PNG + b"0" * 1_000_000).decode())] * 20)
    assert sum(len(o.data.get("image/png", "")) for o in many) < 9_000_000


def test_kinds_that_run_or_cannot_be_judged_are_dropped():
    output = {
        "output_type": "display_data",
        "metadata": {"text/html": {"isolated": True}, "image/png": {"width": 5, "height": "<script>"}, "x": 1},
        "data": {
            "application/javascript": "alert(1)",
            "application/vnd.jupyter.widget-view+json": {"model_id": "1"},
            "image/svg+xml": "<svg onload=alert(1)>",
            "application/pdf": "x",
            "application/json": {"a": 1},
            "text/html": "<b>fine</b><script>alert(1)</script>",
            "text/plain": "<b>",
            "text/latex": r"$\href{javascript:alert(1)}{x}$",
            "image/png": base64.b64encode(PNG).decode(),
        },
    }
    (result,) = cleaned(output)
    assert set(result.data) == {"text/html", "text/plain", "text/latex", "image/png"}
    assert result.data["text/html"] == "<b>fine</b>"
    assert result.data["text/latex"] == "${x}$"
    assert result.metadata == {"image/png": {"width": 5}}
    (only,) = cleaned({**output, "data": {"application/javascript": "alert(1)"}})
    assert only.data == {"text/plain": "[an output of a kind that is not shown]"}


@pytest.mark.parametrize(
    "output",
    [
        None,
        3,
        "x",
        [],
        {},
        {"output_type": "nonsense"},
        {"output_type": ["stream"]},
        {"output_type": "stream"},
        {"output_type": "stream", "name": "stdout", "text": 7},
        {"output_type": "stream", "name": ["evil"], "text": {"a": 1}},
        {"output_type": "display_data"},
        {"output_type": "display_data", "data": [], "metadata": 3},
        {"output_type": "display_data", "data": {"text/plain": {"a": 1}, "text/html": 4}},
        {"output_type": "execute_result", "data": {"text/plain": ["a", 3]}, "execution_count": "<script>"},
        {"output_type": "error"},
        {"output_type": "error", "ename": {"a": 1}, "evalue": 3, "traceback": "text"},
        {"output_type": "error", "ename": "\x1b[31mE\n", "evalue": None, "traceback": [None, 3, "ok"]},
    ],
)
def test_malformed_outputs_stop_nothing(output):
    cleaned(output)


def test_errors_tell_no_folders():
    line = 'File /home/teacher/course/.venv/lib/python3.11/site-packages/numpy/linalg.py:3, in solve(a)\n"/etc/passwd"'
    (error,) = cleaned({"output_type": "error", "ename": "E", "evalue": "x" * 10**6, "traceback": [line] * 1000})
    assert error.traceback[0] == 'File …/linalg.py:3, in solve(a)\n"…/passwd"'
    assert len(error.traceback) < 70
    assert len(error.evalue) < 5_000


def test_metadata_from_a_kernel_is_not_believed():
    notebook = new_notebook(
        cells=[
            new_code_cell(metadata={"nbgrader": {"grade_id": "a"}, "execution": {"x": "secret"}, "name": "<script>"})
        ],
        metadata={
            "widgets": {"application/vnd.jupyter.widget-state+json": {"state": "</script><script>"}},
            "language_info": {
                "name": "python",
                "version": "3.11.7",
                "pygments_lexer": "<script>",
                "codemirror_mode": {},
            },
            "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": ["x"]},
        },
    )
    assert clean_metadata(notebook).metadata == {
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"},
        "language_info": {"name": "python", "version": "3.11.7"},
    }
    assert notebook.cells[0].metadata == {"nbgrader": {"grade_id": "a"}}


# Hidden tests.

TEST = """\
assert square(2) == 4
### BEGIN HIDDEN TESTS
assert square(1234) == 1522756, "1234 squared"
### END HIDDEN TESTS
assert square(3) == 9, "three squared is nine"
"""


def failed(line, *, value="", name="AssertionError", source=TEST, more=()):
    frames = [
        "\x1b[31m---------------------------------------------------------------------------\x1b[39m",
        f"\x1b[31m{name}\x1b[39m                Traceback (most recent call last)",
        f"\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[4]\x1b[39m\x1b[32m, line {line}\x1b[39m\n"
        "      2 ### BEGIN HIDDEN TESTS\n----> 3 assert square(1234) == 1522756",
        "Cell In[2], line 1, in square(x)\n----> 1 return x",
        f"{name}: {value}",
    ]
    error = new_output("error", ename=name, evalue=value, traceback=frames)
    mark = {"grade": True, "solution": False, "locked": True, "grade_id": "square", "points": 1}
    return new_code_cell(source, outputs=[*more, error], metadata={"nbgrader": mark})


def said(cell):
    return json.dumps(cell.outputs, ensure_ascii=False)


def test_hidden_lines_are_known_by_their_delimiters():
    assert hidden_lines(TEST) == {2, 3, 4}
    assert without_hidden(TEST).splitlines() == [
        "assert square(2) == 4",
        'assert square(3) == 9, "three squared is nine"',
    ]
    assert hidden_lines("a\n# BEGIN HIDDEN TESTS\nb") == {2, 3}
    assert hidden_lines("a\n# SECRET\nb\n# PUBLIC\nc", Delimiters("SECRET", "PUBLIC")) == {2, 3, 4}


def test_a_failed_hidden_test_says_only_that_it_failed():
    cell = failed(3, value="1234 squared")
    reduce_test_outputs(cell)
    assert cell.outputs[0].evalue == "a hidden test failed"
    assert cell.outputs[0].traceback == ["AssertionError: a hidden test failed"]
    assert "1234" not in said(cell)


def test_an_error_that_does_not_say_where_is_taken_as_hidden():
    cell = failed(3, value="1234 squared")
    cell.outputs[0].traceback = ["AssertionError: 1234 squared"]
    reduce_test_outputs(cell)
    assert "1234" not in said(cell)


def test_a_failed_visible_test_keeps_its_message_without_frames():
    cell = failed(5, value="three squared is nine")
    reduce_test_outputs(cell)
    assert cell.outputs[0].traceback == ["AssertionError: three squared is nine"]
    assert "1234" not in said(cell)


def test_a_test_without_hidden_lines_keeps_what_it_displayed():
    shown = new_output("display_data", data={"text/plain": "a table"})
    cell = failed(1, value="no", source="assert square(2) == 4", more=[shown])
    reduce_test_outputs(cell)
    assert cell.outputs[0] == shown
    assert cell.outputs[1].traceback == ["AssertionError: no"]


def test_what_hidden_tests_print_is_left_out_and_still_costs_the_points():
    more = [
        new_output("stream", name="stdout", text="expected 1522756"),
        new_output("stream", name="stderr", text="got 1234"),
        new_output("display_data", data={"text/plain": "1522756"}),
        new_output("execute_result", data={"text/plain": "0.5"}),
        new_output("execute_result", data={"text/plain": "array([1234])"}),
    ]
    cell = failed(3, more=more)
    reduce_test_outputs(cell)
    assert "1234" not in said(cell)
    assert "1522756" not in said(cell)
    assert [o.output_type for o in cell.outputs] == ["stream", "execute_result", "error"]
    assert cell.outputs[0].name == "stderr"
    assert cell.outputs[1].data == {"text/plain": "0.5"}


def test_the_words_of_a_check_are_kept_once():
    words = "✗ lstm/step: not yet right\n    dU  ✗  transposed\n  → Look at the order."
    cell = failed(1, name="CheckFailure", value=words)
    reduce_test_outputs(cell)
    assert cell.outputs[0].traceback == words.splitlines()
    shown = new_output("display_data", data={"text/plain": words, "text/html": "<p>x</p>"})
    cell = failed(3, name="CheckFailure", value=words, more=[shown])
    reduce_test_outputs(cell)
    assert cell.outputs[0] == shown
    assert cell.outputs[1].traceback == words.splitlines()[:1]
    assert cell.outputs[1].evalue == words


def test_an_error_that_only_calls_itself_a_check_s_carries_nothing_out_of_a_hidden_test():
    cell = failed(3, name="CheckFailure", value="✗ called with 1234")
    reduce_test_outputs(cell)
    assert "1234" not in said(cell)


def test_the_line_is_found_in_ipythons_tracebacks():
    assert failing_line(["Cell In[12], line 7\n"]) == 7
    assert failing_line(["Input In [3], in <cell line: 2>()\n      1 a\n----> 2 b"]) == 2
    assert failing_line(["<ipython-input-3-abc> in <module>\n      1 a\n----> 4 b"]) == 4
    assert failing_line(["AssertionError"]) is None


def test_feedback_hides_lines_and_what_could_carry_them():
    own = {"nbgrader": {"grade": False, "solution": True, "locked": False, "grade_id": "square-answer"}}
    loot = [
        new_output("stream", name="stdout", text="it was called with 1234"),
        new_output("error", ename="ValueError", evalue="1234", traceback=["1234"]),
        new_output("error", ename="E1234", evalue="", traceback=[]),
    ]
    task = {"nbgrader": {"grade": False, "solution": False, "task": True, "locked": True, "grade_id": "t"}}
    notebook = new_notebook(
        cells=[
            new_code_cell("def square(x): ...", metadata=own, outputs=[new_output("stream", text="before")]),
            failed(3, value="1234 squared"),
            new_code_cell("print(stolen)", outputs=loot),
            new_code_cell("quiet = 1"),
            new_markdown_cell("Say why.\n### BEGIN MARK SCHEME\n1234 is right\n### END MARK SCHEME", metadata=task),
            new_markdown_cell("### BEGIN HIDDEN TESTS is what I wrote"),
        ]
    )
    hide_in_feedback(notebook)
    assert "1234" not in json.dumps(notebook)
    assert notebook.cells[0].outputs[0].text == "before"
    assert notebook.cells[2].outputs[0].text == LEFT_OUT + "\n"
    assert [o.ename for o in notebook.cells[2].outputs[1:]] == ["ValueError", "Error"]
    assert notebook.cells[3].outputs == []
    assert notebook.cells[4].source == "Say why."
    assert notebook.cells[5].source == "### BEGIN HIDDEN TESTS is what I wrote"


def test_a_course_may_show_what_comes_after_hidden_tests():
    notebook = new_notebook(cells=[failed(3), new_code_cell("x", outputs=[new_output("stream", text="mine")])])
    assert hide_in_feedback(copy.deepcopy(notebook)).cells[1].outputs[0].text == LEFT_OUT + "\n"
    assert hide_in_feedback(notebook, show_later=True).cells[1].outputs[0].text == "mine"


# Pages.


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_page_runs_and_loads_nothing(attack):
    page = self_contained(f"<!DOCTYPE html><html><head><title>x</title></head><body><p>{attack}</p></body></html>")
    soup = BeautifulSoup(page, "html.parser")
    assert soup.head.find("meta")["content"] == POLICY
    assert "default-src 'none'" in POLICY
    assert not soup.find(["script", "iframe", "object", "embed", "base", "link", "form"])
    for tag in soup.find_all(True):
        for name, value in tag.attrs.items():
            squeezed = re.sub(r"[\x00-\x20]", "", str(value)).lower()
            assert not name.lower().startswith("on"), tag
            assert not squeezed.startswith(("javascript:", "vbscript:")), tag
    assert not [t for t in soup.find_all("meta") if str(t.get("http-equiv", "")).lower() == "refresh"]


def test_mathematics_of_a_page_cannot_link():
    page = self_contained(r"<html><head></head><body>$\href{javascript:alert(1)}{x}$ and $x^2$</body></html>")
    assert "javascript" not in page
    assert page.count("<math") == 2


def test_escaped_markdown_means_itself():
    text = "a*b*_c_ `d` <img src=x onerror=alert(1)> [x](javascript:alert(1)) $y$ # h | t \\ &amp; ~~s~~"
    html = markdown_to_html(escape_markdown(text))
    assert BeautifulSoup(html, "html.parser").text.strip() == text
    assert not BeautifulSoup(html, "html.parser").find(["img", "a", "em", "code", "del"])
