"""The thin package that a learner's kernel imports as `autograder`: names, data sets and drivers, without any answer.

Beside it lies the agent, which is sent into kernels that have not imported it.

It is a list of files, not a filter: what is not named here is not there. No reference network, no question, no expected
answer, no known mistake, and of the texts on which trained models are judged, none.
"""

import atexit
import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from autograder.boundary import agent_text
from autograder.kernels import sharing

_COURSE = Path(__file__).resolve().parents[1]

STAND_IN = "boundary/stand_in.py"

DRIVERS = "checks/drivers"
"""The folder of drivers, which are published: they run beside the learner's code, and know no expected value."""

COPIED = (
    "datasets/__init__.py",
    "datasets/book.txt",
    "datasets/language_model.npz",
    "datasets/names.py",
    "datasets/text.py",
)
"""Other files of the course's package that are the same in both, by their paths in it."""

_CHECKS = '"""What a learner\'s code may import from here; the checks themselves run elsewhere."""\n\n' + (
    'from autograder import CheckFailure, check\n\n__all__ = ["CheckFailure", "check"]\n'
)


def contents() -> dict[str, bytes]:
    """The files of the thin package: paths in a folder that can stand on `sys.path`, and what is in them."""
    drivers = [f"{DRIVERS}/{file.name}" for file in sorted((_COURSE / DRIVERS).glob("*.py"))]
    files = {f"autograder/{path}": (_COURSE / path).read_bytes() for path in (*drivers, *COPIED)}
    files["autograder/__init__.py"] = (_COURSE / STAND_IN).read_bytes()
    files["autograder/checks/__init__.py"] = _CHECKS.encode()
    files[f"{agent_text.MODULE}.py"] = agent_text.agent_module().encode()
    return files


def built(cache: Path | None = None) -> Path:
    """The folder for `sys.path` with the thin package as it is now, made where it is not there or not as it should be.

    `cache`: the folder in which one is kept for each content; by default the user's own cache. Several processes may
    ask at once. Raises OSError when the folder cannot be written.
    """
    files = contents()
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        digest.update(len(path).to_bytes(4, "big") + path.encode() + len(data).to_bytes(8, "big") + data)
    name = digest.hexdigest()[:32]
    cache = cache or _cache(name)
    folder = cache / name
    if _is(folder, files):
        return folder
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = Path(tempfile.mkdtemp(prefix=".making-", dir=cache))
    try:
        _write(fresh, files)
        if folder.exists():  # damaged: somebody has written there
            folder.rename(fresh.with_suffix(".old"))
            shutil.rmtree(fresh.with_suffix(".old"), ignore_errors=True)
        with contextlib.suppress(OSError):  # another process was quicker
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    if not _is(folder, files):
        raise OSError(f"{folder} does not stay as it was written; remove it and see who else writes there")
    return folder


def _cache(name: str) -> Path:
    """The user's own; where what is wanted is not there and cannot be written there, a folder of this process."""
    cache = platformdirs.user_cache_path("unrolled") / "learner-package"
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (cache / name).is_dir() or os.access(cache, os.W_OK):
            return cache
    return _own()


@functools.cache
def _own() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="unrolled-", dir=sharing.scratch()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.chmod(0o755)  # other users' kernels read it
    for path, data in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o444)


def _is(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Whether these files, and no others but compiled ones, lie in the folder."""
    found = {
        Path(where, name).relative_to(folder).as_posix()
        for where, _, names in os.walk(folder)
        for name in names
        if not where.endswith("__pycache__")
    }
    return found == set(files) and all((folder / path).read_bytes() == data for path, data in files.items())
