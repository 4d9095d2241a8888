"""The labels of the book's equations and sections, for checks to point at: `autograder/checks/places.json`.

Run as `python -m autograder.grading.book_places`, in the course's folder; `make release` does.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

TARGET = Path(__file__).parents[1] / "checks" / "places.json"
_FENCE = re.compile(r"^(`{3,}|:{3,})(.*)$")
_SECTION = re.compile(r"^\((sec-[\w-]+)\)=$")
_HEADING = re.compile(r"^#{1,4} (.+)$")
_EQUATION = re.compile(r"^\$\$ \((eq-[\w-]+)\)$")


def places(root: Path) -> dict[str, list[str]]:
    """label: [number of the equation or "", section title, chapter's number, page], of every numbered chapter."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    found: dict[str, list[str]] = {}
    for page, number in config["sphinx"]["config"]["chapter_numbers"].items():
        found |= _of_page((root / f"{page}.md").read_text(encoding="utf-8"), page, str(number))
    return found


def _of_page(text: str, page: str, chapter: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    title, waiting, count = "", [], 0
    for line in _prose(text):
        if match := _SECTION.match(line):
            waiting.append(match[1])
        elif match := _HEADING.match(line):
            title = match[1].replace("$", "").replace("`", "")
            found |= {label: ["", title, chapter, page] for label in waiting}
            waiting = []
        elif match := _EQUATION.match(line):
            count += 1
            found[match[1]] = [f"{chapter}.{count}", title, chapter, page]
    return found


def _prose(text: str) -> Iterator[str]:
    """The lines outside code cells, whose comments look like headings."""
    code = ""
    for line in text.splitlines():
        fence = _FENCE.match(line)
        if code:
            if fence and fence[1] == code:
                code = ""
        elif fence and fence[1].startswith("`") and "{code-cell}" in fence[2]:
            code = fence[1]
        else:
            yield line


def write(root: Path, target: Path = TARGET) -> None:
    """Bring places.json up to date."""
    lines = [f"{json.dumps(label)}: {json.dumps(entry, ensure_ascii=False)}" for label, entry in places(root).items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path.cwd())
