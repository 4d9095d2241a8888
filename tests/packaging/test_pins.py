"""pyproject.toml, constraints.txt and environment.yml agree, and the base package stays light."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

COURSE = ("jupyter-book", "numpy", "tensorflow", "torch", "nbgrader")


@pytest.fixture(scope="module")
def pins(root):
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [re.split(r"==", line.split("#")[0].strip()) for line in lines if line.split("#")[0].strip()]
    assert all(len(pin) == 2 for pin in found), "every line of constraints.txt is name==version"
    names = [canonical(name) for name, _ in found]
    assert len(names) == len(set(names)), "a package is pinned twice"
    return {canonical(name): Version(version) for name, version in found}


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_environment_yml_names_the_five_packages_with_the_same_pins(root, pins):
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = (d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    named = dict(line.split("==") for line in pip if "==" in line)
    assert {k: Version(v) for k, v in named.items()} == {name: pins[name] for name in COURSE}
    assert "--constraint constraints.txt" in pip


def test_every_requirement_has_a_pin_that_satisfies_it(project, pins):
    requirements = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        requirements += extra
    for text in requirements:
        requirement = Requirement(text)
        assert canonical(requirement.name) in pins, f"{text}: no pin in constraints.txt"
        assert pins[canonical(requirement.name)] in requirement.specifier, text
        assert "==" not in {s.operator for s in requirement.specifier}, f"{text}: exact versions belong in constraints"


def test_the_base_is_numpy_and_the_notebook_display(project):
    assert {Requirement(r).name for r in project["dependencies"]} == {"numpy", "ipython"}
    for text in project["dependencies"]:
        assert {s.operator for s in Requirement(text).specifier} == {">="}, text


def test_the_environment_is_the_pinned_one(pins):
    """What the tests run with is what constraints.txt says (a local build suffix such as +cpu is fine)."""
    from importlib.metadata import PackageNotFoundError, version

    for name in ("jupyter-book", "numpy", "torch", "nbgrader", "sphinx-book-theme", "tensorflow-cpu"):
        try:
            installed = Version(version(name))
        except PackageNotFoundError:  # the GPU extra brings tensorflow instead of tensorflow-cpu
            assert name == "tensorflow-cpu"
            continue
        assert installed.public == pins[name].public, name


def test_torch_and_tensorflow_have_cpu_and_gpu_extras(project):
    extras = project["optional-dependencies"]
    assert any("tensorflow[and-cuda]" in r for r in extras["gpu"])
    assert any(r.startswith("torch") for r in extras["cpu"])
    assert any(r.startswith("torch") for r in extras["gpu"])
