"""pyproject.toml says which packages, constraints.txt pins them, environment.yml mirrors them for conda."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(line) for line in PROJECT["dependencies"]]
OPTIONAL = [Requirement(line) for extra in PROJECT["optional-dependencies"].values() for line in extra]
PINS = {
    canonicalize_name(pin.name): pin
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
    for pin in [Requirement(line)]
}
# conda-forge's own names, where they differ.
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base", "msgpack": "msgpack-python"}
# What conda-forge doesn't have; pip brings it with this repository.
PIP_ALONE = {"pyseccomp"}


def pinned(requirement: Requirement) -> str:
    """The one version that constraints.txt allows."""
    (only,) = PINS[canonicalize_name(requirement.name)].specifier
    assert only.operator == "=="
    return only.version


def environment() -> tuple[dict[str, str], list[str]]:
    """environment.yml's conda packages by name, and its pip lines."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = dict((line.split("=") + [""])[:2] for line in listed if isinstance(line, str))
    (pip,) = (entry["pip"] for entry in listed if isinstance(entry, dict))
    return conda, pip


@pytest.mark.parametrize("requirement", RUNTIME + OPTIONAL, ids=str)
def test_every_dependency_is_pinned_within_what_it_may_be(requirement: Requirement) -> None:
    assert requirement.specifier.contains(pinned(requirement))


def test_every_pin_is_one_exact_public_version() -> None:
    assert len(PINS) > 100
    for pin in PINS.values():
        assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(pin.specifier)), pin


@pytest.mark.xdist_group("together")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process runs all tests")
def test_a_group_of_tests_stays_on_one_worker(request: pytest.FixtureRequest) -> None:
    """Or else each worker would prepare the same classes and courses again."""
    if not request.config.getoption("loadgroup"):  # as xdist tells its workers
        pytest.skip("groups are kept with --dist loadgroup, as `make test` says")
    assert request.node.nodeid.endswith("@together")


def test_torch_is_the_version_that_the_course_measures_against() -> None:
    assert pinned(Requirement("torch")) == "2.13.0"
    assert [str(each) for each in RUNTIME if each.name == "torch"] == ["torch==2.13.0"]


def test_conda_installs_the_same_versions_and_then_this_repository() -> None:
    conda, pip = environment()
    expected = {CONDA.get(each.name, each.name): pinned(each) for each in RUNTIME if each.name not in PIP_ALONE}
    assert conda.pop("python") in {"3.11", "3.12", "3.13"}
    conda.pop("pip")
    assert conda == expected
    assert pip == ["-e ."]


def test_what_is_installed_needs_nothing_that_is_not_pinned() -> None:
    from importlib.metadata import distribution

    seen: set[tuple[str, str]] = set()
    ahead = [(each.name, extra) for each in RUNTIME + OPTIONAL for extra in ("", *each.extras)]
    while ahead:
        name, extra = ahead.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for line in distribution(name).requires or []:
            needed = Requirement(line)
            accelerator = "nvidia" in needed.name or needed.name == "triton" or needed.name.startswith("cuda")
            if (needed.marker is None or needed.marker.evaluate({"extra": extra})) and not accelerator:
                ahead += [(needed.name, extra) for extra in ("", *needed.extras)]
    names = {canonicalize_name(name) for name, _ in seen}
    assert len(names) > 80
    assert names - PINS.keys() == set()
