"""Ready-made kernel managers."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from autograder.kernels.limits import Limits
from autograder.kernels.provisioner import WarmProvisioner


def kernel_manager(
    *,
    side: str,
    frameworks: Sequence[str] = ("numpy",),
    limits: Limits | None = None,
    isolation: str = "auto",
    files: Path | None = None,
    modules: Sequence[str] = (),
    folders: Sequence[Path] = (),
) -> AsyncKernelManager:
    """A manager for one kernel, ready for `await km.start_kernel()`.

    side: "learner" (isolated) or "examiner" (trusted: this environment, this user)
    frameworks: "numpy", "pytorch", "tensorflow", or any module's name; imported before the kernel starts
    limits: what it may use
    isolation: "auto" for the best tier that this machine gives, or the name of a tier
    files: a folder whose content is copied into the kernel's working directory
    modules: more modules to import beforehand, after the frameworks
    folders: in front of `sys.path`, read-only (a learner's kernel otherwise finds installed packages only)

    IsolationError, at the start, if this machine does not give the tier asked for.
    """
    spec = KernelSpec(argv=[], display_name=f"Unrolled ({side})", language="python", interrupt_mode="signal")
    km = AsyncKernelManager(kernel_name=f"unrolled-{side}", kernel_id=str(uuid.uuid4()))
    km._kernel_spec = spec
    km.provisioner = WarmProvisioner(
        kernel_id=km.kernel_id,
        kernel_spec=spec,
        parent=km,
        side=side,
        frameworks=list(frameworks),
        modules=list(modules),
        folders=[str(folder) for folder in folders],
        files=str(files) if files else "",
        isolation=isolation,
        limits=asdict(limits or Limits()),
    )
    return km
