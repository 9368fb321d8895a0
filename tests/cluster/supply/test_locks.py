"""Locks, constraints and pyproject.toml say the same; what is installed is locked all the way down."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from cluster.supply.lock import CONSTRAINTS, CPU, CUDA, EXTRAS, ROOT, entries, name_of, version_of

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def of(file: Path) -> dict[str, str]:
    """Name -> entry."""
    return {name_of(entry): entry for entry in entries(file.read_text(encoding="utf-8"))}


def direct(*extras: str) -> list[Requirement]:
    """What pyproject.toml asks for, this project's own extras followed."""
    found = [Requirement(line) for line in PROJECT["dependencies"]]
    for extra in extras:
        found += [Requirement(line) for line in PROJECT["optional-dependencies"][extra]]
    return [one for one in found if one.name != PROJECT["name"]]


def test_all_versions_are_those_of_the_constraints() -> None:
    constraints, cpu, cuda = of(CONSTRAINTS), of(CPU), of(CUDA)
    assert not set(cpu) & set(cuda)
    for name, entry in (cpu | cuda).items():
        if name in constraints:
            assert version_of(entry) == version_of(constraints[name])
    assert set(cpu) < set(constraints)
    assert set(cuda) & set(constraints) == {"torch"}
    assert all(name == "triton" or name.startswith(("cuda-", "nvidia-")) for name in set(cuda) - {"torch"})
    metadata_of_torch = tomllib.loads((CPU.parent / "torch_cpu.toml").read_text())["dependency-metadata"]
    assert [one["version"] for one in metadata_of_torch] == [version_of(constraints["torch"])]


def test_every_package_of_a_lock_has_digests_and_names_no_index() -> None:
    for file in (CPU, CUDA):
        assert all("--hash=sha256:" in entry for entry in of(file).values())
    assert "--hash" not in CONSTRAINTS.read_text(encoding="utf-8")
    for file in (CONSTRAINTS, CPU, CUDA):
        assert "://" not in file.read_text(encoding="utf-8")


def test_what_is_asked_for_is_locked() -> None:
    constraints = of(CONSTRAINTS)
    for wanted in direct(*PROJECT["optional-dependencies"]):
        assert wanted.specifier.contains(version_of(constraints[name_of(wanted.name)])), wanted
    assert {name_of(one.name) for one in direct(*EXTRAS)} <= set(of(CPU)) | {"torch"}
    assert not {"espeakng-loader", "num2words", "pytest"} & (set(of(CPU)) | set(of(CUDA)))


def test_what_is_installed_is_locked_all_the_way_down() -> None:
    constraints = of(CONSTRAINTS)
    for package in metadata.distributions():
        if name_of(package.metadata["Name"]) in constraints:
            for line in package.requires or []:
                needed = Requirement(line)
                if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                    assert name_of(needed.name) in set(constraints) | set(of(CUDA)), f"{package.name}: {line}"


def test_the_bill_of_materials_has_every_package(tmp_path: Path) -> None:
    program = shutil.which("cyclonedx-py", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("cyclonedx-py is not installed (the extra release)")
    out = tmp_path / "sbom.json"
    # Its own check of what it wrote takes longer than all else; `make release` has it.
    command = [program, "requirements", "--no-validate", "--pyproject", str(ROOT / "pyproject.toml"), "-o", str(out)]
    subprocess.run([*command, str(CUDA)], check=True, capture_output=True)
    named = {(name_of(one["name"]), one["version"]) for one in json.loads(out.read_text())["components"]}
    assert named == {(name, version_of(entry)) for name, entry in (of(CPU) | of(CUDA)).items()}


def test_the_release_takes_actions_by_their_commit_and_runs_the_same_commands() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["release"]["steps"]
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    commands = [step.get("run") for step in steps]
    assert commands.index("make test") < commands.index("make release")
