"""The record of tested equations, `_build/equations.json`: what was tested, as which text, and how far it was off."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from autograder.equations.fingerprints import fingerprint as fingerprint_of

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "_build" / "equations.json"
SOURCES = (("autograder/equations", "*.py"), ("autograder/equations", "*.lark"), ("tests/equations", "*.py"))

Entry = dict[str, Any]  # page, kind, test, fingerprint, errors, outcome, mutants, flipped, code


@cache
def code_fingerprint() -> str:
    """A hash of everything that decides how an equation is tested."""
    files = sorted(f for folder, pattern in SOURCES for f in (ROOT / folder).rglob(pattern))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def flipped(latex: str) -> str:
    """What is put on record when every wrong version of this text has been noticed by this code."""
    return f"{fingerprint_of(latex)} {code_fingerprint()}"


def load(path: Path = RECORD) -> dict[str, Entry]:
    """The record, label to entry; empty if there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def merge(entries: Mapping[str, Entry], path: Path = RECORD) -> None:
    """Put entries into the record, safely beside other processes; fields that an entry does not give are kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = load(path)
        for label, entry in entries.items():
            record[label] = {**record.get(label, {}), **entry}
        new = path.with_suffix(".new")
        new.write_text(json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
        new.replace(path)


def problem(label: str, fingerprint: str, record: Mapping[str, Entry]) -> str | None:
    """Why an equation counts as untested, in one line, or None."""
    entry = record.get(label)
    if entry is None:
        return f"equation {label} is neither tested nor declared a definition: CONTRIBUTING.md says how to declare it"
    if entry.get("outcome") != "passed":
        outcome = entry.get("outcome", "did not run")
        return f"equation {label}: its test {outcome}; look at it with `make equation LABEL={label}`"
    if entry.get("fingerprint") != fingerprint:
        return f"equation {label} was changed after its test: `make equations`"
    return None
