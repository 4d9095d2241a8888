"""The kernels by name, for tools that start kernels by name: unrolled-numpy, unrolled-pytorch, unrolled-tensorflow."""

import os
from pathlib import Path

SPECS = Path(__file__).parent / "jupyter"


def register() -> None:
    """Let this process, and those it starts, find the kernelspecs in the package (Jupyter's JUPYTER_PATH)."""
    paths = [path for path in os.environ.get("JUPYTER_PATH", "").split(os.pathsep) if path]
    if str(SPECS) not in paths:
        os.environ["JUPYTER_PATH"] = os.pathsep.join([str(SPECS), *paths])
