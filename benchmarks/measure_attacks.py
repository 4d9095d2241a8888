"""What the hostile submissions of tests/boundary/attacks earn under stock nbgrader, and what they earn here.

    python benchmarks/measure_attacks.py stock           # about twenty minutes; needs bubblewrap
    python benchmarks/measure_attacks.py ours strict     # one class, graded in that tier
    python benchmarks/measure_attacks.py tests X.xml     # the same from a report of the tests, pytest --junitxml=X.xml
    python benchmarks/measure_attacks.py table           # writes benchmarks/results/attacks.md

Stock nbgrader runs each attack by itself, in bubblewrap, in a folder made for the purpose; what could hurt a machine
even so is left out. Honest answers that an attack contains are counted in the column "deserved".
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "boundary"))

from attacks import ATTACKS, Attack  # noqa: E402
from attacks.afterwards import admitted  # noqa: E402
from attacks.answers import POINTS  # noqa: E402
from attacks.canaries import Canaries, orphans_come_to_us  # noqa: E402
from attacks.class_of_attackers import grade, hand_in, hand_in_honest, make_course, points  # noqa: E402
from attacks.corpus import TIERS, gradable  # noqa: E402

from autograder.grading.course import open_course  # noqa: E402

MEASURED = ROOT / "_build" / "attacks.json"
WRITTEN = ROOT / "benchmarks" / "results" / "attacks.md"
STOCK = """\
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "stock"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "*.pyc", "*.py"]
c.Execute.timeout = 5
c.Execute.iopub_timeout = 4
c.Execute.extra_arguments = ["--HistoryManager.hist_file=:memory:", "--IPKernelApp.log_level=40"]
"""
SECONDS = 60
AS_DESERVED = "as deserved"


def stock(only: list[str]) -> None:
    """Each attack that may be run, by itself, under nbgrader as it comes."""
    measured = _measured()
    with tempfile.TemporaryDirectory(prefix="stock-") as temporary:
        course = Path(temporary) / "course"
        make_course(course, STOCK)
        for attack in ATTACKS:
            if attack.name not in only and (only or "stock" in measured.get(attack.name, {})):
                continue
            said = f"not run: {attack.unsafe}" if attack.unsafe else _under_stock(attack, course)
            measured.setdefault(attack.name, {})["stock"] = said
            print(f"{attack.theme:<20} {attack.name:<34} {said}", flush=True)
            _keep(measured)


def _under_stock(attack: Attack, original: Path) -> str:
    folder = original.parent / "run" / "course"
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.parent.mkdir()
    shutil.copytree(original, folder)
    course = open_course(folder)
    hand_in_honest(course, attack.assignment)
    canaries = Canaries(folder, ROOT)
    try:
        hand_in(course, attack, canaries)
        ended = _sandboxed(attack, folder, canaries)
        got = points(course, attack.assignment, attack.who)
        hurt = [line for line in canaries.damage() if "gradebook" not in line]
    finally:
        canaries.remove()
    total = f"{sum(got.values()):g} of {sum(POINTS[attack.assignment].values()):g}" if got else "not graded"
    remarks = [total]
    if ended:
        remarks.append(ended)
    if any(student != {} for student in [points(course, attack.assignment, "aaron")]):
        remarks.append("wrote into the neighbour's grades")
    if hurt:
        remarks.append(f"reached what it should not ({len(hurt)})")
    return "; ".join(remarks)


def _sandboxed(attack: Attack, folder: Path, canaries: Canaries) -> str:
    """Run nbgrader's autograde in bubblewrap; "" when it ended well, else how it ended."""
    command = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    for place in {folder.parent, *canaries.folders}:
        command += ["--bind", str(place), str(place)]
    command += ["--unshare-pid", "--unshare-ipc", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    command += ["--chdir", str(folder), sys.executable, "-m", "nbgrader", "autograde", attack.assignment]
    command += ["--create", f"--student={attack.who}"]
    log = folder.parent / "log"
    with orphans_come_to_us(), log.open("wb") as file:
        process = subprocess.Popen(
            command, env=canaries.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
        try:
            code = process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "nbgrader hung"
    return "" if code == 0 else "nbgrader stopped with an error"


def ours(tiers: Sequence[str]) -> None:
    """The whole class through `unrolled grade`, in each tier that this machine gives."""
    measured = _measured()
    for tier in tiers or TIERS:
        with tempfile.TemporaryDirectory(prefix="ours-") as temporary:
            graded = grade(tier, gradable(tier), Path(temporary) / "course")
            if isinstance(graded, str):
                print(graded)
                continue
            try:
                for attack in gradable(tier):
                    got = points(graded.course, attack.assignment, attack.who)
                    reached = admitted(graded.course, attack)
                    said = AS_DESERVED if _deserves(attack, got) else f"{sum(p or 0 for p in got.values()):g}"
                    measured.setdefault(attack.name, {})[tier] = said + (f"; reached {len(reached)}" if reached else "")
            finally:
                graded.canaries.remove()
        _keep(measured)


def _deserves(attack: Attack, got: dict[str, float]) -> bool:
    differ = {q for q, n in got.items() if abs((n or 0) - attack.earns.get(q, 0)) > 1e-9}
    return bool(got) is not attack.ungraded and differ <= set(attack.spared)


def tests(reports: Sequence[str]) -> None:
    """What pytest's reports of tests/boundary/test_attacks.py say: whether an attack has earned what it deserves."""
    measured = _measured()
    failed: dict[tuple[str, str], set[str]] = {}
    for report in reports:
        for case in ElementTree.parse(report).iter("testcase"):
            found = re.fullmatch(rf"(test_\w+)\[({'|'.join(TIERS)})-(.+)\]", case.attrib["name"])
            if found and not case.findall("skipped"):
                wrong = failed.setdefault((found[3], found[2]), set())
                wrong |= {found[1]} if case.findall("failure") or case.findall("error") else set()
    for (name, tier), wrong in failed.items():
        measured.setdefault(name, {})[tier] = ", ".join(sorted(wrong)) or AS_DESERVED
    _keep(measured)


def table() -> None:
    """Write the table of what has been measured."""
    measured = _measured()
    lines = [
        "# Hostile submissions: what they earn",
        "",
        "Written by `benchmarks/measure_attacks.py table`. *Deserved* are the points for the honest answers that an",
        "attack contains, of the points of its assignment. *Stock* is nbgrader 0.9 by itself, each attack alone in a",
        "sacrificial folder; what could hurt a machine was not run there. A range: the attack itself may",
        "ruin an honest answer. The tiers: *as deserved* means no point more and none less, nothing reached, no hidden",
        "line in the feedback, and the honest students of the same class with all their points. Empty: not run there;",
        "the themes that do not touch the isolation are run in the best tier alone.",
        "",
        "| attack | what it tries | deserved | stock | strict | contained | limited |",
        "|---|---|---|---|---|---|---|",
    ]
    for theme in dict.fromkeys(a.theme for a in ATTACKS):
        lines.append(f"| **{theme}** | | | | | | |")
        for attack in (a for a in ATTACKS if a.theme == theme):
            cells = [attack.name, attack.tries, _deserved(attack)]
            found = {**dict.fromkeys(attack.not_stopped, "not stopped"), **measured.get(attack.name, {})}
            cells += [found.get(column, "") for column in ("stock", *TIERS)]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    WRITTEN.write_text("\n".join([*lines, "", *_sums(measured), ""]), encoding="utf-8")


def _deserved(attack: Attack) -> str:
    least, most = sum(attack.earns.values()), _most(attack)
    return f"{least:g}" if most == least else f"{least:g} to {most:g}"


def _sums(measured: dict[str, dict[str, str]]) -> list[str]:
    """How many were run under stock nbgrader, and what became of them."""
    said = {attack: measured.get(attack.name, {}).get("stock", "not run") for attack in ATTACKS}
    run = {attack: text for attack, text in said.items() if not text.startswith("not run")}
    gained = [a for a, text in run.items() if text[0].isdigit() and float(text.split()[0]) > _most(a)]
    stopped = [a for a, text in run.items() if "nbgrader" in text]
    reached = [a for a, text in run.items() if "reached" in text or "neighbour" in text]
    return [
        f"Of {len(ATTACKS)} attacks, {len(run)} were run under stock nbgrader: {len(gained)} got points that they do",
        f"not deserve, {len(stopped)} ended or blocked the grading, {len(reached)} reached what belongs to others.",
    ]


def _most(attack: Attack) -> float:
    return sum(attack.earns.values()) + sum(
        POINTS[attack.assignment][q] for q in attack.spared if q not in attack.earns
    )


def _measured() -> dict[str, dict[str, str]]:
    return json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}


def _keep(measured: dict[str, dict[str, str]]) -> None:
    MEASURED.parent.mkdir(exist_ok=True)
    MEASURED.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["stock", "ours", "tests", "table"])
    parser.add_argument("names", nargs="*", help="attacks (stock) or tiers (ours), all without any; reports (tests)")
    options = parser.parse_args()
    if options.what == "table":
        table()
    else:
        {"stock": stock, "ours": ours, "tests": tests}[options.what](options.names)


if __name__ == "__main__":
    main()
