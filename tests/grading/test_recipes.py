"""Recipes for clusters: scripts that shells can read, settings that the tools take, certificates that work."""

import os
import shlex
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
import yaml
from distributed.cli.dask_scheduler import main as dask_scheduler
from distributed.cli.dask_worker import main as dask_worker
from distributed.security import Security

from autograder.grading import recipes

FOLDER = Path(recipes.__file__).parent
SCRIPTS = sorted([*FOLDER.glob("*.sh"), *FOLDER.glob("*.sbatch")])
SETTINGS = sorted(FOLDER.glob("*.yaml"))


def pods(path):
    """(component, pod's specification) of everything in a file that makes pods."""
    for thing in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if thing["kind"] == "Deployment":
            template = thing["spec"]["template"]
            yield template["metadata"]["labels"]["part"], template["spec"]
        elif thing["kind"] == "DaskCluster":
            yield from ((part, thing["spec"][part]["spec"]) for part in ("scheduler", "worker"))


def test_there_is_one_for_each():
    assert [p.name for p in SCRIPTS] == ["certificates.sh", "slurm.sbatch", "ssh.sh"]
    assert [p.name for p in SETTINGS] == ["dask-operator.yaml", "kubernetes.yaml"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shells_can_read_the_scripts(script):
    shell = "bash" if script.suffix == ".sbatch" else "sh"
    told = subprocess.run([shell, "-n", script], capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda path: path.name)
def test_dask_takes_the_commands_of_the_pods(settings):
    seen = set()
    for part, pod in pods(settings):
        seen.add(part)
        python, flag, module, *arguments = pod["containers"][0]["args"]
        assert (python, flag, module) == ("python", "-m", f"distributed.cli.dask_{part}")
        command = dask_worker if part == "worker" else dask_scheduler
        context = command.make_context(part, list(arguments))
        if part == "worker":
            assert context.params["nthreads"] == 1
    assert seen == {"scheduler", "worker"}


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda path: path.name)
def test_a_learner_finds_nothing_in_a_workers_pod(settings):
    for part, pod in pods(settings):
        if part == "worker":
            container = pod["containers"][0]
            assert pod["automountServiceAccountToken"] is False
            assert pod["enableServiceLinks"] is False
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert "memory" in container["resources"]["limits"]


def test_no_two_deployments_choose_the_same_pods():
    made = [d for d in yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()) if d["kind"] == "Deployment"]
    chosen = [d["spec"]["selector"]["matchLabels"] for d in made]
    for deployment, labels in zip(made, chosen, strict=True):
        assert labels.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
        own = deployment["spec"]["template"]["metadata"]["labels"]
        assert [other.items() <= own.items() for other in chosen].count(True) == 1


@pytest.mark.parametrize("script", ["ssh.sh", "slurm.sbatch"])
def test_the_scripts_give_a_worker_one_thread(script):
    text = (FOLDER / script).read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = [line for line in text.splitlines() if "distributed.cli.dask_worker" in line]
    assert "--nthreads 1" in line


@pytest.mark.parametrize("arguments", [["ssh.sh"], ["ssh.sh", "-x", "host"], ["certificates.sh"]], ids=shlex.join)
def test_a_script_without_what_it_needs_says_how_it_is_used(arguments):
    told = subprocess.run(["sh", FOLDER / arguments[0], *arguments[1:]], capture_output=True, text=True)
    assert told.returncode == 2
    assert arguments[0] in told.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates with OpenSSL")
def test_the_certificates_are_ones_that_dask_takes(tmp_path):
    folder = tmp_path / "tls"
    command = ["sh", FOLDER / "certificates.sh", folder]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert told.stdout == f"export DASK_CONFIG={folder}\n"
    assert {p.name: p.stat().st_mode & 0o077 for p in folder.iterdir()} == dict.fromkeys(
        ["ca.pem", "cluster.key", "cluster.pem", "tls.yaml"], 0
    )
    environment = {**os.environ, "DASK_CONFIG": str(folder)}
    code = "from distributed.security import Security; s = Security(); print(s.require_encryption, s.tls_worker_key)"
    read = subprocess.run(["python", "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert read.stdout.split() == ["True", str(folder / "cluster.key")]
    names = {"tls_ca_file": "ca.pem", "tls_client_cert": "cluster.pem", "tls_client_key": "cluster.key"}
    security = Security(require_encryption=True, **{name: str(folder / file) for name, file in names.items()})
    context = security.get_connection_args("client")["ssl_context"]
    assert context.verify_mode == ssl.CERT_REQUIRED
    again = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert again.returncode == 2
    assert "is there already" in again.stderr
