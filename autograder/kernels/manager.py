"""Ready-made kernel managers."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from autograder.kernels.limits import MIB, Limits
from autograder.kernels.provisioner import WarmProvisioner


class WarmKernelManager(AsyncKernelManager):
    """A kernel manager whose clients a learner's kernel cannot flood."""

    def client(self, **kwargs: Any) -> Any:
        """A client; it takes messages of up to `Limits.output_bytes` and a little."""
        if isinstance(self.provisioner, WarmProvisioner) and self.provisioner.side == "learner":
            kwargs.setdefault("most_bytes", int(Limits(**self.provisioner.limits).output_bytes) + MIB)
        else:
            kwargs.setdefault("most_bytes", 0)
        return super().client(**kwargs)


def kernel_manager(
    *,
    side: str,
    frameworks: Sequence[str] = ("numpy",),
    limits: Limits | None = None,
    isolation: str = "auto",
    files: Path | None = None,
    modules: Sequence[str] = (),
    folders: Sequence[Path] = (),
    gpu: bool = False,
) -> AsyncKernelManager:
    """A manager for one kernel, ready for `await km.start_kernel()`.

    side: "learner" (isolated) or "examiner" (trusted: this environment, this user)
    frameworks: "numpy", "pytorch", "tensorflow", or any module's name; imported before the kernel starts
    limits: what it may use
    isolation: "auto" for the best tier that this machine gives, or the name of a tier
    files: a folder whose content is copied into the kernel's working directory
    modules: more modules to import beforehand, after the frameworks
    folders: in front of `sys.path`, read-only (a learner's kernel otherwise finds installed packages only)
    gpu: it may use the machine's GPU, see `launching.Wanted`

    Such a manager, and a learner's clients, take messages of `limits.output_bytes` and a little at most.
    IsolationError, at the start, if this machine does not give the tier asked for.
    """
    spec = KernelSpec(argv=[], display_name=f"Unrolled ({side})", language="python", interrupt_mode="signal")
    client = "autograder.kernels.client.BoundedKernelClient"
    km = WarmKernelManager(client_class=client, kernel_name=f"unrolled-{side}", kernel_id=str(uuid.uuid4()))
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
        gpu=gpu,
    )
    return km
