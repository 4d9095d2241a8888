"""What a learner's kernel may see of the machine: which files, and which environment."""

import os
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from autograder.kernels import gpu as gpus

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "timezone", "mime.types")
# One thread before the fork: a pool of threads would not survive it.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")


@cache
def visible_paths() -> list[str]:
    """Files and folders that Python and its packages need: system libraries, the environment, the interpreter.

    Looked up once in a process: it is asked for with every kernel.
    """
    folders = [*SYSTEM, *(f"/etc/{name}" for name in ETC)]
    prefixes = {Path(p) for p in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)}
    prefixes |= {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    prefixes |= {prefix.resolve() for prefix in prefixes} | {Path(sys.executable).resolve().parents[1]}
    chosen: list[str] = []
    for path in [*folders, *sorted(map(str, prefixes))]:
        inside = any(Path(path).is_relative_to(other) for other in chosen)
        if os.path.lexists(path) and not inside and path != "/":
            chosen.append(path)
    return chosen


def hidden_paths(visible: Sequence[str]) -> list[str]:
    """The package that this file belongs to, where it is installed inside something visible."""
    package = Path(__file__).resolve().parents[1]
    return [str(package)] if any(package.is_relative_to(path) for path in visible) else []


def search_path() -> list[str]:
    """`sys.path` of a learner's kernel: the standard library and installed packages; no .pth file is followed."""
    return list(_search_path(tuple(sys.path)))


@cache
def _search_path(own: tuple[str, ...]) -> list[str]:
    standard = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    zipped = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    dynamic = [path for path in own if Path(path).name in ("lib-dynload", zipped)]
    installed = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    return list(dict.fromkeys([*standard, *dynamic, *installed]))


def template_environment(*, gpu: bool = False) -> dict[str, str]:
    """The environment that a learner's template starts with: nothing of ours but the language."""
    result = {name: os.environ[name] for name in KEPT if name in os.environ}
    result.setdefault("LANG", "C.UTF-8")
    result["PATH"] = os.pathsep.join([str(Path(sys.prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])
    result["HOME"] = "/tmp"
    return result | quiet_frameworks(gpu=gpu)


def quiet_frameworks(*, gpu: bool = False) -> dict[str, str]:
    """Settings that must be there before NumPy, PyTorch or TensorFlow are imported; `gpu`: they may use one."""
    return {
        **dict.fromkeys(ONE_THREAD, "1"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        **(gpus.environment() if gpu else gpus.HIDDEN),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": "/tmp/.matplotlib",
        "KERAS_HOME": "/tmp/.keras",
    }


def kernel_environment(side: str, tier: str, home: str, *, gpu: bool = False) -> dict[str, str]:
    """The whole environment of a kernel."""
    if side == "examiner":
        return dict(os.environ) | quiet_frameworks(gpu=gpu)
    scratch = "/tmp" if tier == "strict" else home
    own = {"HOME": home, "USER": "learner", "LOGNAME": "learner", "TMPDIR": scratch, "SHELL": "/bin/sh", "PWD": home}
    frameworks = {"MPLCONFIGDIR": f"{scratch}/.matplotlib", "KERAS_HOME": f"{scratch}/.keras"}
    return template_environment(gpu=gpu) | own | frameworks
