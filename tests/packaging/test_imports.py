"""Imports between the rooms of autograder/ run one way, as the design says."""

import ast
import sys

ALLOWED = {
    "": {"checks"},  # autograder/__init__.py offers check
    "cli": {"commands", "grading", "kernels"},
    "commands": {"grading", "kernels"},  # `unrolled doctor` and the tier that grading asks for
    "grading": {"boundary", "checks", "kernels", ""},  # the tier that grading asks for
    "boundary": {"kernels", "running"},
    "checks": {"recurrent", "datasets", "running"},
    "running": set(),
    "kernels": set(),
    "recurrent": set(),
    "equations": set(),
    "datasets": set(),
}


def room_of(parts: tuple[str, ...]) -> str:
    """The room of a module's dotted path below autograder: its first part, "" for autograder itself."""
    return parts[0] if parts and parts[0] in ALLOWED else ""


def imported(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            yield node.module or ""
            if node.module == "autograder":
                yield from (f"autograder.{alias.name}" for alias in node.names if alias.name in ALLOWED)


def test_imports_run_one_way(root):
    package = root / "autograder"
    seen = set()
    for file in package.rglob("*.py"):
        parts = file.relative_to(package).with_suffix("").parts
        room = room_of(() if parts == ("__init__",) else parts)
        seen.add(room)
        for name in imported(ast.parse(file.read_text(encoding="utf-8"))):
            head, *rest = name.split(".")
            if head != "autograder":
                continue
            other = room_of(tuple(rest))
            assert other == room or other in ALLOWED[room], f"{file.relative_to(root)} imports {name}"
    assert {"recurrent", "equations", "checks", "boundary", "grading", "cli"} <= seen


def test_every_room_says_what_lives_there(root):
    for folder in (root / "autograder").rglob("*"):
        if folder.is_dir() and any(folder.glob("*.py")):
            text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
            assert len(text or "") > 80, folder


FRAMEWORKS = {
    "pytorch": {"torch"},
    "tensorflow": {"tensorflow", "keras"},
    "porting": {"onnx"},
    "differences": {"torch", "tensorflow", "onnx", "onnxruntime"},
}


def test_recurrent_needs_nothing_but_numpy(root):
    """Frameworks are imported only in the folders named after them, onnx where a model is made, all where all meet."""
    folder = root / "autograder" / "recurrent"
    for file in folder.rglob("*.py"):
        where = file.relative_to(folder).parts[0]
        heads = {n.split(".")[0] for n in imported(ast.parse(file.read_text(encoding="utf-8")))}
        outside = heads - set(sys.stdlib_module_names) - {"numpy", "autograder"}
        assert outside <= FRAMEWORKS.get(where, set()), f"{file.relative_to(root)} imports {outside}"


def test_files_are_short_enough_to_read_in_a_sitting(root):
    for folder in ("autograder", "book/_ext"):
        for file in (root / folder).rglob("*.py"):
            lines = len(file.read_text(encoding="utf-8").splitlines())
            assert lines <= 400, f"{file.relative_to(root)} has {lines} lines"
