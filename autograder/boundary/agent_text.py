"""The agent as a text, for kernels that have none of its modules."""

import ast
import hashlib
from functools import cache
from pathlib import Path

import autograder.running as running
from autograder.boundary import agent, values, wire

MODULE = "unrolled_agent"
"""The name under which the agent stands in the learner's kernel."""


@cache
def agent_source() -> str:
    """One text of running.py, wire.py, values.py and agent.py, for a kernel that has none of them."""
    return "\n".join(
        _without_own_imports(Path(str(m.__file__)).read_text(encoding="utf-8")) for m in (running, wire, values, agent)
    )


def agent_digest() -> str:
    """What tells one version of the agent's text from another."""
    return hashlib.sha256(agent_source().encode()).hexdigest()


def agent_module() -> str:
    """A module's text that is the agent when it is imported, under the file name that it has everywhere."""
    text = agent_source()
    return f"DIGEST = {agent_digest()!r}\nexec(compile({text!r}, {agent.FILE!r}, 'exec'))\n"


def _without_own_imports(source: str) -> str:
    """The text of a file without the statements that import another of these files."""
    lines = source.splitlines()
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ImportFrom) and str(statement.module).startswith("autograder."):
            for number in range(statement.lineno - 1, statement.end_lineno or statement.lineno):
                lines[number] = ""
    return "\n".join(lines)
