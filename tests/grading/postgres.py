"""A real PostgreSQL server for tests, from Debian's packages: nobody has to install or start anything.

The programs are those of an installed package, else Debian's packages downloaded and unpacked into a cache folder,
which needs no root. PostgreSQL refuses to run as root, so then the server is another user's, "postgres" or "nobody".
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

INSTALLED = Path("/usr/lib/postgresql")
SETTINGS = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c listen_addresses= -c max_connections=40"
OWNER = "unrolled"


class NoServerError(Exception):
    """Why there is no server, in words."""


def programs(root: Path) -> Path | None:
    """The newest folder with PostgreSQL's server programs below `root`, or None."""
    found = [p.parent for p in root.glob("*/bin/postgres") if (p.parent / "initdb").exists()]
    return max(found, key=lambda p: float(p.parent.name), default=None)


def downloaded() -> tuple[Path, dict[str, str]]:
    """The server's programs out of Debian's packages, unpacked, and the environment that they need."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise NoServerError("PostgreSQL is not installed, and this is not Debian, whose packages could be unpacked")
    cache = Path(tempfile.gettempdir() if os.geteuid() == 0 else Path.home() / ".cache") / f"unrolled-{os.geteuid()}"
    cache /= "postgresql"
    cache.mkdir(parents=True, exist_ok=True)
    if cache.stat().st_uid != os.geteuid():
        raise NoServerError(f"{cache} is somebody else's")
    for folder in (cache.parent, cache):
        folder.chmod(0o755)
    tree = cache / "tree"
    if programs(tree / "usr/lib/postgresql") is None:
        _unpack(cache, tree)
    found = programs(tree / "usr/lib/postgresql")
    if found is None:
        raise NoServerError("Debian's packages of PostgreSQL hold no server")
    libraries = sorted({str(p.parent) for p in tree.glob("usr/lib/*/*.so*")})
    return found, {"LD_LIBRARY_PATH": os.pathsep.join(libraries)}


def _unpack(cache: Path, tree: Path) -> None:
    depends = _output("apt-cache", "depends", "postgresql")
    server = next((word for word in depends.split() if word.startswith("postgresql-")), None)
    if server is None:
        raise NoServerError("PostgreSQL is not installed and apt knows no package of it: apt-get update")
    only = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
    every = _output("apt-cache", "depends", "--recurse", *only, server).splitlines()
    names = sorted({line for line in every if line[:1].isalnum()} - _installed())
    result = subprocess.run(["apt-get", "download", *names], cwd=cache, capture_output=True, text=True, timeout=300)
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.startswith("E:")]
        raise NoServerError(
            f"Debian's packages of PostgreSQL cannot be downloaded ({(lines or ['no reason given'])[0]})"
        )
    part = cache / "part"
    part.mkdir(exist_ok=True)
    for package in cache.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, part], check=True, capture_output=True, timeout=120)
        package.unlink()
    part.chmod(0o755)
    part.replace(tree)


def _installed() -> set[str]:
    return set(_output("dpkg-query", "-W", "-f", "${Package}\n").split())


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout


class Server:
    """A server with its data, socket and log in a new folder. It listens on the socket alone and trusts whoever can
    reach it: the folder is the test's."""

    def __init__(self) -> None:
        self.programs, self._environment = programs(INSTALLED), dict(os.environ)
        if self.programs is None:
            self.programs, more = downloaded()
            self._environment |= more
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._user = _another_user() if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._process: subprocess.Popen | None = None
        self._databases = 0
        self._run("initdb", "-D", str(self.folder / "data"), "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Start the server; returns when it answers. After `kill` too: what was written is recovered."""
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            command = [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, *SETTINGS.split()]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._as_user())
        until = time.monotonic() + 30
        while True:
            try:
                psycopg2.connect(host=str(self.folder), user=OWNER, dbname="postgres").close()
                return
            except psycopg2.OperationalError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise NoServerError(
                        f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-500:]}"
                    ) from None
                time.sleep(0.05)

    def new_url(self) -> str:
        """A new, empty database, as nbgrader's setting CourseDirectory.db_url."""
        self._databases += 1
        connection = psycopg2.connect(host=str(self.folder), user=OWNER, dbname="postgres")
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE course{self._databases}")
        connection.close()
        return f"postgresql+psycopg2://{OWNER}@/course{self._databases}?host={self.folder}"

    def kill(self) -> None:
        """End the server as a power cut would: with SIGKILL, and its children with it."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """Stop the server and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _as_user(self) -> dict:
        more = {"env": self._environment, "cwd": self.folder, "start_new_session": True}
        if self._user is not None:
            more |= {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        return more

    def _run(self, name: str, *arguments: str) -> None:
        command = [self.programs / name, *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, **self._as_user())
        if result.returncode:
            raise NoServerError(f"PostgreSQL's {name} failed: {result.stderr.strip()[-300:]}")


def _another_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoServerError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """A running server; skips, saying why, where there can be none."""
    try:
        server = Server()
    except NoServerError as error:
        pytest.skip(str(error))
    try:
        server.start()
        yield server
    finally:
        server.close()
