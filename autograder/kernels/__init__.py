"""Jupyter kernels that start warm and cannot reach out.

A template process imports everything once and forks kernels (`template`, `nursery`); a forked kernel shuts
itself in before it runs anything of a learner (`forked`: namespaces, seccomp, limits), and is looked after
from outside (`process`, `watchdog`, `gpu`). jupyter_client meets all of it as a kernel provisioner (`provisioner`);
whoever grades talks with a kernel over a line (`cells`, `lines`, `cell_server`), which costs a fraction of Jupyter's
messages.
Nothing here knows notebooks, grading or checks, and nothing from there must come in: what to import and what
to show comes as arguments.
"""

from autograder.kernels.errors import IsolationError, KernelError
from autograder.kernels.limits import Limits
from autograder.kernels.manager import kernel_manager
from autograder.kernels.specs import register

__all__ = ["IsolationError", "KernelError", "Limits", "kernel_manager", "register"]
