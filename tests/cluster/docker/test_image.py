"""The Dockerfile: sound for hadolint, pinned, without root, made of the repository's lock and of nothing else."""

import fnmatch
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from emotalk import command_line
from serve_app.__main__ import Options

ROOT = Path(__file__).parents[3]
FILE = ROOT / "cluster" / "docker" / "Dockerfile"
HADOLINT = Path(sys.executable).parent / "hadolint"


def complaints(text: str) -> set[str]:
    """The codes of what hadolint finds."""
    command = [str(HADOLINT), "--format", "json", "-"]
    found = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60).stdout
    return {complaint["code"] for complaint in json.loads(found)}


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", "", re.sub(r"^\s*#.*\n", "", FILE.read_text(), flags=re.MULTILINE))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def last(word: str) -> str:
    return [rest for found, rest in instructions() if found == word][-1]


def test_hadolint_is_content() -> None:
    assert complaints(FILE.read_text()) == set()


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("python:${PYTHON} AS build", "python:latest AS build", "DL3007"),
        ("USER 1000:1000", "USER root", "DL3002"),
        ("WORKDIR /src", "WORKDIR src", "DL3000"),
        ("python requirements.py", "cd /src; python requirements.py", "DL3003"),
        ('CMD ["python"', 'CMD ["echo"]\nCMD ["python"', "DL4003"),
    ],
)
def test_hadolint_finds_a_mistake(right: str, wrong: str, code: str) -> None:
    text = FILE.read_text()
    assert right in text
    assert code in complaints(text.replace(right, wrong))


def test_every_stage_starts_from_an_exact_version() -> None:
    (version,) = [rest.partition("=")[2] for word, rest in instructions() if word == "ARG" and "PYTHON=" in rest]
    assert re.fullmatch(r"3\.1[1-3]\.\d+-slim-bookworm", version)
    images = [rest.split(" AS ")[0] for word, rest in instructions() if word == "FROM"]
    assert set(images) == {"scratch", "python:${PYTHON}"}


def test_the_image_runs_without_root() -> None:
    names = [word for word, _ in instructions()]
    user, _, group = last("USER").partition(":")
    assert int(user) > 0 < int(group)
    assert names.index("USER") < names.index("CMD")


def test_both_variants_take_their_versions_from_the_lock() -> None:
    installs = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
    torch, needs, project = installs
    assert torch.count("grep '^torch==' constraints.txt") == 2
    assert "--constraint constraints.txt" in needs
    assert "--no-deps" in project
    assert re.search(r"^torch==\d", (ROOT / "constraints.txt").read_text(), re.MULTILINE)


def test_code_is_not_in_the_layer_of_dependencies() -> None:
    """A change of code must not make everybody fetch gigabytes."""
    order = [rest for word, rest in instructions() if word in ("COPY", "RUN")]
    needs = next(i for i, rest in enumerate(order) if "requirements.txt" in rest and "pip" in rest)
    code = next(i for i, rest in enumerate(order) if rest.startswith("emotalk "))
    assert needs < code


def ignored(path: str, rules: list[str]) -> bool:
    """By the last rule that fits the path or a folder above it."""
    answer = False
    for rule in rules:
        pattern = rule.removeprefix("!").removeprefix("**/")
        parts = Path(path).parts
        anywhere = rule.removeprefix("!").startswith("**/")
        heads = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        if any(fnmatch.fnmatch(head, pattern) for head in (parts if anywhere else heads)):
            answer = not rule.startswith("!")
    return answer


def test_the_builder_gets_what_is_copied_and_no_more() -> None:
    rules = [line for line in FILE.with_name("Dockerfile.dockerignore").read_text().splitlines() if line[:1] not in "#"]
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from="):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert not ignored(source, rules), source
    for path in (".git/config", "tests/conftest.py", "jobs/__pycache__/dub.pyc", "keys.txt", "cluster/README.md"):
        assert ignored(path, rules), path


def test_the_command_is_the_service_and_its_keys_are_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    python, flag, module, *arguments = json.loads(last("CMD"))
    assert (python, flag, module) == ("python", "-m", "serve_app")
    keys = tmp_path / "keys.txt"
    keys.write_text(f"studio animate {'0' * 64}\n")
    given = [str(keys) if argument == "/etc/emotalk/keys.txt" else argument for argument in arguments]
    options: Options = command_line.parse(Options, prog=module, args=given)
    assert f"http://127.0.0.1:{options.port}/readyz" in last("HEALTHCHECK")
    assert last("EXPOSE") == str(options.port)
    with pytest.raises(SystemExit):
        command_line.parse(Options, prog=module, args=arguments[:-2])
    assert "--api-keys" in capsys.readouterr().err


def test_requirements_are_those_of_the_project() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def printed(extras: str) -> list[str]:
        command = [sys.executable, "cluster/docker/requirements.py", "pyproject.toml", extras]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()

    assert printed("") == table["dependencies"]
    voices = printed("voices,client")
    parts = table["optional-dependencies"]
    assert set(voices) == {
        *table["dependencies"],
        *parts["synthetic"],  # which voices includes
        *(requirement for requirement in parts["voices"] if not requirement.startswith("emotalk")),
        *parts["client"],
    }
    with pytest.raises(subprocess.CalledProcessError):
        printed("no-such-extra")
