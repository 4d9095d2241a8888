"""The subcommands of `unrolled`, one a module: what it is asked, and how its answer is said.

What a command does is a function of `autograder.grading` (or `kernels`, for doctor); here stand arguments, words and
exit codes only. Each module has NAME, ABOUT, EXAMPLE, `arguments(parser)` and `run(course, options, say)`, which
returns the exit code; those that need no course folder say COURSE = False. Nothing heavy is imported before a command
runs.
"""

ORDER = (
    "release",
    "check",
    "collect",
    "grade",
    "feedback",
    "report",
    "similar",
    "export",
    "marks",
    "audit",
    "doctor",
    "sample_class",
)
"""The modules, as `unrolled --help` lists them."""

DONE, ATTENTION, PROBLEM, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: all well; done, and something wants a person's attention; not done, and one line says why; Ctrl-C."""
